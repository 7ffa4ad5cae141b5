"""The published trainings, as far as a machine without weights and GPUs can check them."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from wamlab.core.config import from_json, to_json
from wamlab.nn.card import Variant
from wamlab.training.adamw import learning_rate
from wamlab.training.memory import outline
from wamlab.training.recipe import Precision, Training

PATH = Path(__file__).parents[2] / "recipes/training.py"
NUM_GPUS, GPU_BYTES = 8, 80e9


@pytest.fixture(scope="module")
def recipes():
    spec = importlib.util.spec_from_file_location("training_recipes", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def full(recipes):
    return outline(recipes.libero_action_only(), NUM_GPUS)


def test_both_experts_have_the_published_number_of_weights(full):
    experts = full.num_weights["video"] + full.num_weights["action"]

    assert experts == 6_020_673_735  # of a released checkpoint (specification, section 8)
    assert full.num_weights["proprio_encoder"] == 4096 * 8 + 4096


def test_weights_and_gradients_are_bfloat16_and_the_optimiser_is_shared_out(full):
    assert full.weights_bytes == full.gradients_bytes == 2 * full.total_weights
    # The largest weight has 56.6 M numbers (0.9 % of all), so shares cannot be even to the last.
    assert full.optimiser_bytes == pytest.approx(12 * full.total_weights / NUM_GPUS, rel=0.01)


def test_a_process_fits_a_gpu_and_would_not_without_checkpointing(recipes, full):
    plain = outline(replace(recipes.libero_action_only(), gradient_checkpointing=False), NUM_GPUS)

    assert full.total_bytes < 0.8 * GPU_BYTES
    assert plain.total_bytes > GPU_BYTES


def test_the_schedule_is_the_published_one(recipes):
    training = recipes.libero_action_only()

    rates = [learning_rate(training.optimiser, s, training.num_steps) for s in (1049, 20_999)]
    assert rates == pytest.approx([1e-4, 1e-6])
    assert training.optimiser.betas == (0.9, 0.95)
    assert (training.batch_size, training.precision) == (NUM_GPUS * 16, Precision.BFLOAT16)


@pytest.mark.parametrize(
    ("name", "variant", "action_shift", "video_weight"),
    [
        ("libero_action_only", Variant.ACTION_ONLY, 5.0, 1.0),
        ("libero_joint", Variant.JOINT, 5.0, 1.0),
        ("libero_idm", Variant.IDM, 5.0, 1.0),
        ("libero_optional_idm", Variant.OPTIONAL_IDM, 1.0, 1.0),
        ("libero_without_video", Variant.ACTION_ONLY, 5.0, 0.0),
    ],
)
def test_variants_differ_in_what_their_names_say(
    recipes, name, variant, action_shift, video_weight
):
    objective = getattr(recipes, name)().objective

    assert (objective.card.variant, objective.card.action_shift) == (variant, action_shift)
    assert objective.video_weight == video_weight


def test_a_recipe_survives_training_json(recipes):
    training = recipes.libero_joint()

    assert from_json(Training, to_json(training)) == training
