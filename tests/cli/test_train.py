import json
import sys
from pathlib import Path

import pytest
import torch

from wamlab.nn.nano_text import NanoTextEncoder, NanoTextSizes
from wamlab.nn.nano_vae import NanoVae, NanoVaeNet, NanoVaeSizes

sys.path.append(str(Path(__file__).parents[1] / "training"))

from plane import write_demonstrations

CHANNELS, TEXT_DIM = 8, 64  # as in the recipe
FEW = ["--set", "num_steps=4", "--set", "batch_size=2", "--set", "checkpoint_every=2"]


@pytest.fixture(scope="session")
def ready(home):
    """The user's folder with what `recipes.training:plane` reads."""
    write_demonstrations(home / "demos/pointmass")
    sizes = NanoVaeSizes(
        latent_channels=CHANNELS, fine_width=8, deep_width=8, paint_width=8, num_fine_blocks=1,
        num_deep_blocks=1, latents_mean=(0.0,) * CHANNELS, latents_std=(1.0,) * CHANNELS,
    )  # fmt: skip
    NanoVae(NanoVaeNet(sizes)).save(home / "checkpoints/plane_vae/model", torch.float32)
    NanoTextEncoder(NanoTextSizes(text_dim=TEXT_DIM)).save(home / "src/wamlab/assets/nano_text")
    return home


@pytest.fixture
def trained(ready, wamlab, tmp_path):
    """Runs the recipe `plane`, shortened, into a folder of its own."""

    def run(*arguments):
        return wamlab(
            "train", "recipes.training:plane", "--out", tmp_path / "out", *FEW, *arguments
        )

    return run


def test_a_recipe_becomes_a_model(trained, tmp_path):
    code, out, err = trained()

    assert code == 0
    assert f"model: {tmp_path / 'out/model'}" in out
    assert "plane  step 4 of 4  total " in out
    assert "training 4/4  total " in err
    assert "ETA 0:00:00" in err
    start = json.loads((tmp_path / "out/training.json").read_text())["sessions"][0]
    assert start["weights"] == "random weights"
    assert start["machine"]["cores"] >= 1
    assert start["argv"][:3] == ["wamlab", "train", "recipes.training:plane"]


def test_steps_stops_early_and_the_same_command_goes_on(trained, tmp_path):
    stopped = trained("--steps", "3")
    code, out, _ = trained("--json")

    assert "stopped; the same command continues" in stopped[1]
    assert code == 0
    assert json.loads(out)["step"] == 4
    lines = (tmp_path / "out/curves.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4]


def test_another_setting_in_the_same_folder_is_refused(trained):
    trained("--steps", "1")

    code, _, err = trained("--set", "seed=7")

    assert code == 2
    assert "seed: 42 there, 7 now" in err


def test_nan_losses_end_with_exit_1(trained):
    code, _, err = trained("--set", "optimiser.learning_rate=1e20")

    assert code == 1
    assert "expected finite numbers. Its batch is in" in err


def test_success_on_a_benchmark_is_part_of_the_curve(ready, wamlab, tmp_path):
    few = ["--set", "num_steps=1", "--set", "batch_size=2"]
    starts = ["--set", "evaluation.run.benchmark.num_inits=2"]
    task = ["--set", "evaluation.run.benchmark.tasks=reach"]
    command = ["train", "recipes.training:plane_evaluated", "--out", tmp_path]

    code, out, _ = wamlab(*command, *few, *starts, *task)

    assert code == 0
    assert "success " in out
    lines = [json.loads(line) for line in (tmp_path / "curves.jsonl").read_text().splitlines()]
    assert lines[-1]["evaluation"]["num_finished"] == 2
    assert lines[-1]["evaluation"]["num_errors"] == 0
    assert (tmp_path / "evaluations/step_000001/episodes.jsonl").is_file()
    assert (tmp_path / "best/wam.json").is_file()


def test_a_dry_run_needs_no_data_and_no_weights(wamlab, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "8")

    code, out, _ = wamlab("train", "recipes.training:libero_joint", "--dry-run", "--json")

    told = json.loads(out)
    assert code == 0
    assert told["num_weights"]["video"] + told["num_weights"]["action"] == 6_020_673_735
    assert told["num_processes"] == 8


def test_a_dry_run_tells_sizes_and_memory(wamlab):
    code, out, _ = wamlab("train", "recipes.training:plane", "--dry-run")

    assert code == 0
    assert "plane: 1500 steps of 32 windows (32 in each of 1 processes), float32" in out
    assert "memory of a process, GB" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["recipes.training:plain"], "has no function plain"),
        (["plane"], "expected module:function"),
        (["nowhere:plane"], "there is no nowhere"),
        (["recipes.quickstart:seek"], "returned Run, expected a Training"),
        (["recipes.training:plane", "--steps", "0"], "--steps: got 0"),
        (["recipes.training:plane", "--set", "optimiser.rate=1"], "no setting 'optimiser.rate'"),
    ],
)
def test_a_wrong_request_is_named(wamlab, arguments, message):
    code, _, err = wamlab("train", *arguments)

    assert code == 2
    assert message in err


def test_help_fits_a_screen(wamlab):
    code, out, _ = wamlab("train", "--help")

    assert code == 0
    assert len(out.splitlines()) <= 30
