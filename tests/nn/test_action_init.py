import math
from pathlib import Path

import pytest
import torch

from wamlab.core.errors import ConfigError
from wamlab.nn.action_init import action_from_video, resized

FIXTURE = Path(__file__).parents[3] / "shared" / "fixtures" / "action_expert_init.pt"


@pytest.mark.skipif(not FIXTURE.exists(), reason="needs the stored numbers of the original code")
def test_every_weight_is_the_one_the_original_makes():
    stored = torch.load(FIXTURE, weights_only=True)
    expected = stored["action_backbone"]
    shapes = {name: tensor.shape for name, tensor in expected.items()}

    made = dict(action_from_video(stored["video_state"], shapes))

    assert set(made) == set(expected)
    # both interpolate in float32; the last bit may differ where the products are summed
    worst = max(float((made[n] - expected[n]).abs().max()) for n in expected)
    assert worst <= 1e-6


def test_a_straight_line_stays_straight_and_keeps_its_ends():
    line = torch.linspace(-1, 1, 9)

    assert torch.allclose(resized(line, [5]), torch.linspace(-1, 1, 5), rtol=0, atol=1e-6)


def test_a_matrix_with_fewer_inputs_is_scaled_to_keep_its_variance():
    ones = torch.ones(4, 12)

    assert torch.allclose(resized(ones, [4, 3]), torch.full((4, 3), 2.0), rtol=0, atol=1e-6)


def test_a_matrix_with_fewer_outputs_is_not_scaled():
    assert torch.equal(resized(torch.ones(12, 4), [3, 4]), torch.ones(3, 4))


def test_modulation_counts_as_a_matrix():
    made = resized(torch.ones(1, 6, 48), [1, 6, 16])

    assert torch.allclose(made, torch.full((1, 6, 16), math.sqrt(3)), rtol=0, atol=1e-6)


def test_a_vector_is_never_scaled():
    assert torch.equal(resized(torch.ones(12), [3]), torch.ones(3))


def test_a_weight_of_the_same_shape_is_copied_not_shared():
    weight = torch.ones(2, 2, dtype=torch.bfloat16)

    copy = resized(weight, [2, 2])
    copy.zero_()

    assert copy.dtype == torch.bfloat16
    assert torch.equal(weight, torch.ones(2, 2, dtype=torch.bfloat16))


def test_the_first_and_last_layer_are_not_taken_from_the_video():
    shapes = {"action_encoder.weight": (2, 7), "head.weight": (7, 2), "norm": (2,)}

    made = dict(action_from_video({"norm": torch.ones(3), "head.weight": torch.ones(9, 9)}, shapes))

    assert set(made) == {"norm"}


def test_an_expert_with_more_layers_than_the_video_is_refused():
    with pytest.raises(ConfigError, match=r"has no blocks\.2\.modulation"):
        action_from_video({}, {"blocks.2.modulation": (1, 6, 4)})


def test_another_number_of_axes_is_refused():
    with pytest.raises(ValueError, match="expected 2 axes"):
        resized(torch.ones(2, 2), [4])
