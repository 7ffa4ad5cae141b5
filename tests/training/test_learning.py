import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from plane import CARD, curve, losses, training, write_demonstrations
from safetensors.torch import load_file

from wamlab.core.episodes import EpisodeKey
from wamlab.core.protocols import PlanRequest
from wamlab.core.types import Observation
from wamlab.nn.card import Variant
from wamlab.nn.checkpoints import Learned, read_manifest
from wamlab.nn.checkpoints.manifest import History
from wamlab.nn.statistics import read_statistics
from wamlab.policies.fast_wam import FastWam
from wamlab.training.recipe import Optimiser, Precision
from wamlab.training.trainer import train
from wamlab.training.world_action import WorldAction

KEY = EpisodeKey(benchmark="pointmass", suite="plane", task="reach", init=0)


def observation():
    return Observation(
        images={"top": np.full((16, 16, 3), 24, np.uint8)},
        state=np.array([0.5, -0.5], np.float32),
        instruction="go to the left",
        step=0,
    )


def test_the_loss_falls(home, tmp_path):
    optimiser = Optimiser(learning_rate=3e-3)
    recipe = training(home, batch_size=16, num_steps=30, optimiser=optimiser)

    train(recipe, tmp_path)

    totals = [line["losses"]["action"] for line in curve(tmp_path)]
    # From 0.55 to 0.16 on 2026-11-24. Means of ten, since noise levels make single steps scatter.
    assert np.mean(totals[-10:]) < np.mean(totals[:10]) / 2


@pytest.mark.parametrize("variant", list(Variant))
def test_every_variant_trains_into_a_model_that_plans(home, tmp_path, variant):
    trained = train(training(home, variant=variant, num_steps=1), tmp_path)

    policy = FastWam(FastWam.Config(checkpoint=trained.model, num_denoise_steps=1))
    policy.begin(KEY)
    request = PlanRequest(key=KEY, observations=(observation(),), executed=())
    chunk = policy.plan([request])[0]
    assert chunk.actions.shape == (CARD.horizon, CARD.sizes.action_dim)
    assert set(losses(tmp_path)[1]) == {"total", "action", "video"}


def test_without_video_its_head_stays_as_it_was_drawn(home, tmp_path):
    recipe = training(home, video_weight=0.0)
    drawn = WorldAction(recipe.objective)
    drawn.load(recipe.seed, torch.device("cpu"))

    trained = train(recipe, tmp_path)

    weights = load_file(trained.model / "model.safetensors")
    before = drawn.module.state_dict()
    assert set(losses(tmp_path)[6]) == {"total", "action"}
    assert torch.equal(weights["video.head.head.weight"], before["video.head.head.weight"])
    assert not torch.equal(weights["action.head.weight"], before["action.head.weight"])


def test_the_vla_is_trained_by_the_same_objective(home, tmp_path):
    recipe = training(home, video_weight=0.0)
    card = replace(CARD, is_vla=True)

    trained = train(replace(recipe, objective=replace(recipe.objective, card=card)), tmp_path)

    weights = load_file(trained.model / "model.safetensors")
    assert set(losses(tmp_path)[6]) == {"total", "action"}
    assert "video.patch_embedding.weight" in weights
    assert "video.head.head.weight" not in weights


def test_a_training_can_start_from_a_model(home, straight, tmp_path):
    recipe = training(home, num_steps=1, optimiser=Optimiser(learning_rate=1e-9))
    start = replace(recipe.objective, start=straight / "model")

    trained = train(replace(recipe, objective=start), tmp_path)

    old, new = (load_file(f / "model.safetensors") for f in (straight / "model", trained.model))
    # One step of Adam moves each weight by the rate, and by its decay.
    assert max(float((old[name] - new[name]).abs().max()) for name in old) < 1e-7


@pytest.mark.parametrize("video_weight", [0.0, 1.0])
def test_a_model_says_what_it_learned_and_on_what_it_was_pretrained(home, tmp_path, video_weight):
    first = training(home, num_steps=1, video_weight=video_weight)
    cold = train(first, tmp_path / "cold").model
    datasets = (home / "demos", write_demonstrations(tmp_path / "more"))
    objective = replace(first.objective, start=cold)
    second = replace(first, objective=objective, data=replace(first.data, datasets=datasets))

    warm = train(second, tmp_path / "warm").model

    learned = Learned(robot_actions=True, robot_video=video_weight > 0)
    assert read_manifest(cold).history == History(pretraining=Learned(), training=learned)
    assert read_manifest(warm).history.pretraining == learned
    facts = FastWam(FastWam.Config(checkpoint=warm)).facts
    assert facts["robot_video"] == ("yes" if video_weight else "no")


@pytest.mark.parametrize("precision", list(Precision))
def test_gradient_checkpointing_changes_no_digit(home, tmp_path, precision):
    plain = training(home, precision=precision)

    train(plain, tmp_path / "plain")
    train(replace(plain, gradient_checkpointing=True), tmp_path / "twice")

    assert losses(tmp_path / "twice") == losses(tmp_path / "plain")


def test_statistics_are_those_of_the_demonstrations(straight):
    stored = json.loads((straight / "model/dataset_stats.json").read_text())

    normaliser = read_statistics(straight / "model/dataset_stats.json", CARD).action
    low = np.array(stored["action"]["default"]["global_min"], np.float32)
    assert (stored["num_episodes"], stored["num_transition"]) == (3, 14 + 9 + 12)
    np.testing.assert_allclose(normaliser.normalise(low), [-1, -1], atol=1e-6)  # float32


def test_a_line_of_the_curve_tells_losses_rate_and_the_time_of_each_stage(straight):
    line = curve(straight)[0]

    assert set(line["spans_ms"]) == {"data", "encode", "forward", "backward", "step"}
    assert line["learning_rate"] == pytest.approx(1e-4)  # the 5 % of 6 steps are one
    assert line["examples_per_s"] > 0
    assert line["grad_norm"] > 0


def test_tensorboard_gets_the_curves(straight):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    read = event_accumulator.EventAccumulator(str(straight / "tensorboard")).Reload()

    logged = [event.value for event in read.Scalars("loss/total")]

    # TensorBoard keeps float32.
    assert logged == pytest.approx([line["losses"]["total"] for line in curve(straight)], rel=1e-6)
