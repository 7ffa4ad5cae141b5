import json
import multiprocessing
import os
import signal
from dataclasses import replace

import pytest
from plane import curve, losses, training, write_demonstrations

from wamlab.core.errors import ConfigError, StoreError
from wamlab.training.recipe import Optimiser, Precision
from wamlab.training.trainer import train


def test_stopped_and_continued_gives_the_same_losses_to_the_last_digit(home, straight, tmp_path):
    train(training(home), tmp_path, stop_at=3)
    train(training(home), tmp_path)

    assert losses(tmp_path) == losses(straight)
    assert sorted(losses(tmp_path)) == [1, 2, 3, 4, 5, 6]


def test_the_same_in_bfloat16(home, tmp_path):
    recipe = training(home, precision=Precision.BFLOAT16)
    train(recipe, tmp_path / "straight")
    train(recipe, tmp_path / "stopped", stop_at=2)

    train(recipe, tmp_path / "stopped")

    assert losses(tmp_path / "stopped") == losses(tmp_path / "straight")


def test_killed_between_checkpoints_gives_the_same_losses(home, straight, tmp_path):
    def kill(progress):
        if (progress.stage, progress.num_done) == ("training", 5):
            os.kill(os.getpid(), signal.SIGKILL)

    child = multiprocessing.get_context("fork").Process(
        target=train, args=(training(home), tmp_path), kwargs={"progress": kill}
    )
    child.start()
    child.join()
    steps_before = [line["step"] for line in curve(tmp_path)]

    train(training(home), tmp_path)

    assert child.exitcode == -signal.SIGKILL
    assert steps_before == [1, 2, 3, 4, 5]  # two of them past the checkpoint
    assert losses(tmp_path) == losses(straight)


def test_an_interrupt_lets_the_step_end_and_is_followed_by_a_checkpoint(home, straight, tmp_path):
    def interrupt(progress):
        if (progress.stage, progress.num_done) == ("training", 4):
            os.kill(os.getpid(), signal.SIGINT)

    first = train(training(home), tmp_path, progress=interrupt)
    second = train(training(home), tmp_path)

    assert (first.is_interrupted, first.step, first.model) == (True, 4, None)
    assert (second.is_interrupted, second.step) == (False, 6)
    assert losses(tmp_path) == losses(straight)


def test_a_finished_training_does_nothing_again(home, straight):
    before = (straight / "curves.jsonl").read_bytes()

    trained = train(training(home), straight)

    assert (trained.step, trained.losses) == (6, {})
    assert (straight / "curves.jsonl").read_bytes() == before


def test_another_recipe_is_refused_by_name(home, straight):
    other = training(home, optimiser=Optimiser(learning_rate=1e-3))

    with pytest.raises(ConfigError, match=r"optimiser\.learning_rate: 0\.0001 there, 0\.001 now"):
        train(other, straight)


def test_other_demonstrations_are_refused(home, straight, tmp_path):
    recipe = training(home)
    write_demonstrations(tmp_path / "demos")
    out = tmp_path / "out"
    here = replace(recipe, data=replace(recipe.data, datasets=(tmp_path / "demos",)))
    train(here, out, stop_at=1)
    stats = tmp_path / "demos/meta/stats.json"
    stats.write_text(json.dumps(json.loads(stats.read_text())))

    with pytest.raises(ConfigError, match="files were added or changed"):
        train(here, out)


def test_two_checkpoints_are_kept(home, tmp_path):
    train(training(home, checkpoint_every=1), tmp_path)

    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["step_000005", "step_000006"]


def test_a_damaged_checkpoint_says_how_to_go_back(home, straight, tmp_path):
    train(training(home), tmp_path, stop_at=5)
    part = next((tmp_path / "checkpoints/step_000005").glob("part_*"))
    part.write_bytes(part.read_bytes()[:-100])

    with pytest.raises(ConfigError, match=r"delete the folder step_000005 to go on"):
        train(training(home), tmp_path)


def test_a_full_disk_leaves_the_last_checkpoint_whole(home, straight, tmp_path, small_files):
    train(training(home), tmp_path, stop_at=3)
    with small_files(500_000), pytest.raises(StoreError, match="that of step 3 is whole"):
        train(training(home), tmp_path)

    train(training(home), tmp_path)

    assert losses(tmp_path) == losses(straight)
