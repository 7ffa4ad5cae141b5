import math

import pytest
import torch

from wamlab.nn.nano_cosines import PATCH, change_code, cosines, image_code
from wamlab.nn.nano_vae import NanoVaeNet, NanoVaeSizes


@pytest.mark.parametrize("count", [1, 4, 16])
def test_cosines_are_orthonormal(count):
    waves = cosines(count)

    torch.testing.assert_close(
        waves @ waves.T, torch.eye(count, dtype=torch.float64), atol=1e-12, rtol=0
    )  # float64


@pytest.mark.parametrize("code", [image_code(32), change_code(32, 4)])
def test_analysis_and_synthesis_are_each_others_inverse(code):
    analysis, synthesis = code.analysis.flatten(1), code.synthesis.flatten(1)

    torch.testing.assert_close(analysis @ synthesis.T, torch.eye(32), atol=1e-5, rtol=0)  # float32


def test_the_first_coefficient_is_the_mean_brightness():
    code = image_code(32)
    grey = torch.full((1, 3, PATCH, PATCH), 0.5)

    coefficients = (code.analysis * grey).sum(dim=(1, 2, 3, 4)) * code.size_C

    # Orthonormal: a constant has its length, 0.5 times the root of the number of values.
    assert coefficients[0] == pytest.approx(0.5 * math.sqrt(3 * PATCH**2), abs=1e-4)
    assert coefficients[1:].abs().max() < 1e-4


def test_an_untrained_vae_gives_smooth_images_back():
    ramp = torch.linspace(-0.8, 0.8, 64).expand(1, 5, 3, 32, 64)

    with torch.no_grad():
        net = NanoVaeNet(NanoVaeSizes())
        came = net.decode(net.encode(ramp))

    # Seven cosines across a patch leave 1 % of a ramp.
    torch.testing.assert_close(came, ramp, atol=0.03, rtol=0)


def test_an_untrained_vae_codes_a_still_clip_as_no_change():
    still = torch.rand(1, 1, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    with torch.no_grad():
        latent_1tChw = NanoVaeNet(NanoVaeSizes()).encode(still.expand(-1, 9, -1, -1, -1))

    assert latent_1tChw[:, 1:].abs().max() < 1e-4
