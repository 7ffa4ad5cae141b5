"""The noise that plans start from: its range. What it does: tests/policies/test_shipped.py."""

import pytest

from wamlab.core.errors import ConfigError
from wamlab.nn.planning import Computation, Sampling
from wamlab.nn.samplers import Mode

SETTINGS = {
    "mode": Mode.FIRST_FRAME, "num_denoise_steps": 10, "imagine": False, "fixed_seed": None,
    "computation": Computation.CACHED, "max_batch": 1,
}  # fmt: skip


@pytest.mark.parametrize("noise", [-0.1, 1.5])
def test_noise_that_no_model_was_trained_on_is_refused(noise):
    with pytest.raises(ConfigError, match=f"action_noise: got {noise}, expected 0 to 1"):
        Sampling(**SETTINGS, action_noise=noise)
