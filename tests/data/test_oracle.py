"""The official lerobot package opens what we write, and we open what it writes."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic import ABOUT, LENGTHS, TASKS, numbers, takes, write_v3

from wamlab.data.convention import Gripper
from wamlab.data.lerobot_writer import write_dataset
from wamlab.data.reading import read_dataset

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-lerobot" / "bin" / "python"
pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="needs the official lerobot package: run make env-lerobot"
)
KEY_OF = {"agentview": "observation.images.image", "wrist": "observation.images.wrist_image"}


def consult(*arguments, home):
    """Asks the official package; its caches stay inside the test's folder."""
    done = subprocess.run(
        [PYTHON, Path(__file__).with_name("oracle.py"), *arguments],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """A data set of ours, and what the official package reads in it."""
    folder = tmp_path_factory.mktemp("ours")
    write_v3(folder / "dataset")
    consult("read", folder / "dataset", folder / "read.npz", home=folder / "cache")
    with np.load(folder / "read.npz") as read:
        return read_dataset(folder / "dataset"), dict(read)


def test_the_official_reader_opens_a_data_set_whose_pushes_are_marked(tmp_path):
    pushed = [
        replace(take, is_push=np.arange(len(take.action)) % 3 == 0)
        for take in takes(tmp_path / "takes")
    ]
    write_dataset(tmp_path / "dataset", pushed, ABOUT)

    consult("read", tmp_path / "dataset", tmp_path / "read.npz", home=tmp_path / "cache")

    with np.load(tmp_path / "read.npz") as read:
        np.testing.assert_array_equal(read["is_push"], np.concatenate([p.is_push for p in pushed]))
        np.testing.assert_array_equal(read["action"], np.concatenate([p.action for p in pushed]))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("theirs")
    consult("write", folder / "dataset", home=folder / "cache")
    return read_dataset(folder / "dataset", fps=20)


def test_the_official_reader_finds_our_numbers(ours):
    _, read = ours
    expected = [numbers(episode, length) for episode, length in enumerate(LENGTHS)]

    np.testing.assert_array_equal(read["state"], np.concatenate([s for s, _ in expected]))
    np.testing.assert_array_equal(read["action"], np.concatenate([a for _, a in expected]))
    assert read["task"].tolist() == np.repeat(TASKS, LENGTHS).tolist()
    assert read["fps"] == 20


def test_the_official_reader_finds_the_ends_of_our_episodes(ours):
    _, read = ours

    np.testing.assert_array_equal(read["episode"], np.repeat(range(len(LENGTHS)), LENGTHS))
    np.testing.assert_array_equal(np.flatnonzero(read["last_is_pad"]) + 1, np.cumsum(LENGTHS))


def test_the_official_reader_finds_our_statistics(ours):
    dataset, read = ours

    np.testing.assert_array_equal(read["max_action"], dataset.action.max(axis=0).astype(float))


@pytest.mark.parametrize("camera", ["agentview", "wrist"])
def test_the_official_reader_sees_the_frames_that_we_see(ours, camera):
    dataset, read = ours

    decoded = [
        each.films[camera].frames(range(len(each.action))) for each in dataset.demonstrations
    ]

    # Two builds of FFmpeg may round the conversion from YUV differently, by one of 255.
    ours_as_int = np.concatenate(decoded).astype(int)
    np.testing.assert_allclose(ours_as_int, read[KEY_OF[camera]], atol=1)


def test_we_find_their_numbers(theirs):
    second = theirs.demonstrations[1]

    assert [each.num_steps for each in theirs.demonstrations] == [12, 9]
    assert [each.instruction for each in theirs.demonstrations] == ["task 0", "task 1"]
    np.testing.assert_array_equal(second.state, [[1, step, 0.5] for step in range(9)])
    np.testing.assert_array_equal(second.action[:, 1], np.arange(9) % 2)
    assert theirs.gripper is Gripper.OPEN_1


@pytest.mark.parametrize(("episode", "step"), [(0, 0), (0, 11), (1, 0), (1, 8)])
@pytest.mark.parametrize(("camera", "blue"), [("agentview", 20), ("wrist", 120)])
def test_we_see_their_frames_in_a_file_of_several_episodes(theirs, camera, blue, episode, step):
    (frame,) = theirs.demonstrations[episode].films[camera].frames([step])

    # AV1 at LeRobot's crf of 30 keeps plain colours to a few of 255.
    np.testing.assert_allclose(
        frame.mean(axis=(0, 1)), (20 * step, 100 * episode + 20, blue), atol=5
    )
