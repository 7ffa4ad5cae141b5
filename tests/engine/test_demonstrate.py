import json

import numpy as np
import pytest

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.contracts import check_benchmark
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError, StoreError
from wamlab.core.protocols import Sense, StepResult
from wamlab.core.recipe import Run
from wamlab.core.types import Observation
from wamlab.data.convention import Gripper
from wamlab.data.reading import read_dataset
from wamlab.data.windows import Windows, WindowSpec
from wamlab.engine import recording
from wamlab.engine.demonstrate import RECORDING, demonstrate
from wamlab.engine.recording import Recording, RecordingEnv, recorded
from wamlab.engine.run import evaluate
from wamlab.policies.seek import SeekPolicy
from wamlab.records.signals import load_signals
from wamlab.records.store import load_run

KEY = EpisodeKey(benchmark="toy", suite="s", task="t", init=0)
OPEN, CLOSED = -1.0, 1.0


def run(**settings):
    return Run(
        policy=SeekPolicy.Config(noise_m=0.05),
        benchmark=PointMass.Config(tasks=("reach", "edge"), num_inits=3, **settings),
        replan_every=4,
        name="seek",
        check_settled=True,
    )


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demos")
    return folder, demonstrate(run(), folder, workers=2)


class GripperEnv:
    """Moves by its first action number; succeeds at 3, and lets go when it is told to."""

    def reset(self, key, sense):
        self.position, self.steps = 0.0, 0
        self.executed = []
        return self.observation(sense)

    def step(self, action, sense):
        self.executed.append(action)
        self.position += float(action[0])
        self.steps += 1
        success = self.position >= 3
        return StepResult(observation=self.observation(sense), success=success, terminated=False)

    def observation(self, sense):
        image = np.full((16, 16, 3), 20 * self.steps % 256, np.uint8)
        return Observation(
            images=dict.fromkeys(sense.cameras, image),
            state=np.array([self.position], np.float32),
            instruction="go",
            step=self.steps,
        )

    def idle_action(self):
        return np.array([0, OPEN], np.float32)


@pytest.fixture
def watched(tmp_path):
    config = Recording.Config(benchmark=PointMass.Config(), folder=tmp_path)
    return RecordingEnv(GripperEnv(), frozenset({"top"}), Gripper.CLOSED_1, 10.0, config)


def perform(env, *actions):
    env.reset(KEY, Sense())
    return [env.step(np.array(action, np.float32), Sense()) for action in actions]


@pytest.mark.parametrize("drop_no_ops", [True, False])
def test_a_watched_benchmark_keeps_the_contract(tmp_path, drop_no_ops):
    config = Recording.Config(
        benchmark=PointMass.Config(), folder=tmp_path, drop_no_ops=drop_no_ops
    )

    check_benchmark(Recording(config))


def test_watching_changes_no_episode(demos, tmp_path):
    folder, _ = demos

    evaluate(run(), tmp_path, workers=2)

    watched, alone = load_run(folder / RECORDING), load_run(tmp_path)
    traces = {record.key: record.trace for record in alone.records}
    assert {record.key: record.trace for record in watched.records} == traces


def test_every_lasting_success_is_a_demonstration_of_its_own_steps(demos):
    folder, done = demos
    records = [record for record in load_run(folder / RECORDING).records if record.settled]

    dataset = read_dataset(folder, fps=10, gripper=Gripper.NONE)

    by_name = {each.name: each for each in dataset.demonstrations}
    assert done.num_demonstrations == len(records) == len(by_name)
    for record in records:
        signals = load_signals(folder / RECORDING, record.key)
        demonstration = by_name[str(record.key)]
        np.testing.assert_array_equal(demonstration.action, signals.actions)
        np.testing.assert_array_equal(demonstration.state, signals.state[:-1])


def test_pictures_every_few_steps_change_nothing_else(demos, tmp_path):
    whole, _ = demos

    demonstrate(run(), tmp_path, workers=1, image_every=3)

    sparse = read_dataset(tmp_path, fps=10, gripper=Gripper.NONE).demonstrations
    for each, full in zip(
        sparse, read_dataset(whole, fps=10, gripper=Gripper.NONE).demonstrations, strict=True
    ):
        np.testing.assert_array_equal(each.action, full.action)
        np.testing.assert_array_equal(each.state, full.state)
        steps = np.arange(each.num_steps)
        (camera,) = each.films
        seen, expected = each.films[camera].frames(steps), full.films[camera].frames(steps // 3 * 3)
        assert np.abs(seen.astype(int) - expected.astype(int)).mean() < 2  # encoded anew
        assert each.image_every == 3


def test_cameras_render_only_where_a_picture_is_due(tmp_path):
    class Watched(GripperEnv):
        def observation(self, sense):
            self.rendered = [
                *getattr(self, "rendered", []),
                *([self.steps] if sense.cameras else []),
            ]
            return super().observation(sense)

    config = Recording.Config(benchmark=PointMass.Config(), folder=tmp_path, image_every=3)
    inner = Watched()
    env = RecordingEnv(inner, frozenset({"top"}), Gripper.CLOSED_1, 10.0, config)

    perform(env, *[(0.1, OPEN)] * 7)

    assert inner.rendered == [0, 3, 6]


def test_an_interval_below_one_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="image_every: got 0"):
        demonstrate(run(), tmp_path, workers=1, image_every=0)


def test_an_interrupted_recording_continues_to_the_same_dataset(demos, tmp_path):
    whole, _ = demos

    def stop(tally):
        if tally.num_finished == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demonstrate(run(), tmp_path, workers=1, progress=stop)
    finished = [record.key for record in load_run(tmp_path / RECORDING).records]
    demonstrate(run(), tmp_path, workers=1)

    assert [r.key for r in load_run(tmp_path / RECORDING).records][:3] == finished
    table = "data/chunk-000/file-000.parquet"
    assert (tmp_path / table).read_bytes() == (whole / table).read_bytes()


def test_another_recipe_does_not_mix_into_the_folder(demos):
    folder, _ = demos

    with pytest.raises(ConfigError, match=r"benchmark\.benchmark\.step_limit: 20 there, 9 now"):
        demonstrate(run(step_limit=9), folder, workers=1)


def test_a_demonstration_goes_on_until_the_hand_lets_go(watched, tmp_path):
    perform(watched, [2, CLOSED], [1, CLOSED], [0.5, CLOSED], [0, OPEN])

    take = recorded(tmp_path, KEY, "go", ["top"])
    np.testing.assert_array_equal(take.action[:, 0], [2, 1, 0.5])
    np.testing.assert_array_equal(take.state[:, 0], [0, 2, 3])


def test_a_recorded_gripper_is_1_when_open(watched, tmp_path):
    perform(watched, [1, OPEN], [2, CLOSED], [0, OPEN])

    take = recorded(tmp_path, KEY, "go", ["top"])
    np.testing.assert_array_equal(take.action[:, 1], [1, 0])


def test_what_changes_nothing_is_neither_executed_nor_recorded(watched, tmp_path):
    results = perform(watched, [0, OPEN], [1, CLOSED], [0, CLOSED], [2, CLOSED], [0, OPEN])

    take = recorded(tmp_path, KEY, "go", ["top"])
    np.testing.assert_array_equal(take.action[:, 0], [1, 2])
    assert [result.observation.step for result in results] == [1, 2, 3, 4, 5]


def test_a_still_hand_that_closes_is_no_no_op(watched, tmp_path):
    perform(watched, [0, CLOSED], [3, CLOSED], [0, OPEN])

    take = recorded(tmp_path, KEY, "go", ["top"])
    np.testing.assert_array_equal(take.action, [[0, 0], [3, 0]])


def test_a_failure_leaves_nothing(watched, tmp_path):
    perform(watched, [1, CLOSED], [0, OPEN])

    assert list(tmp_path.iterdir()) == []


def test_a_lost_demonstration_is_named_with_advice(tmp_path):
    with pytest.raises(StoreError, match=r"toy__s__t__init00__seed0\.npz: no such file"):
        recorded(tmp_path, KEY, "go", ["top"])


def test_a_full_disk_is_an_error_of_the_episode(watched, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recording, "write_whole", full)

    with pytest.raises(StoreError, match="No space left on device"):
        perform(watched, [3, CLOSED], [0, OPEN])


def pushing(tmp_path, rate):
    config = Recording.Config(benchmark=PointMass.Config(), folder=tmp_path, push_rate=rate)
    inner = GripperEnv()
    return inner, RecordingEnv(inner, frozenset({"top"}), Gripper.CLOSED_1, 10.0, config)


def test_a_push_takes_the_place_of_an_action_and_leaves_the_gripper(tmp_path):
    inner, env = pushing(tmp_path, 0.2)

    perform(env, *[[0.01, CLOSED]] * 60)

    executed = np.array(inner.executed)
    is_push = executed[:, 0] != np.float32(0.01)
    assert 5 <= is_push.sum() < 60
    assert (np.abs(executed[:, 0]) <= 1).all()
    assert (executed[:, 1] == CLOSED).all()


def test_pushes_are_marked_and_the_same_again(tmp_path):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        demonstrate(run(step_limit=400), folder, workers=1, push_rate=0.1)

    one, two = (read_dataset(folder, fps=10, gripper=Gripper.NONE) for folder in folders)

    marks = [each.is_push for each in one.demonstrations]
    assert sum(mark.sum() for mark in marks) > 0
    for first, second in zip(one.demonstrations, two.demonstrations, strict=True):
        np.testing.assert_array_equal(first.is_push, second.is_push)
        np.testing.assert_array_equal(first.action, second.action)


def test_a_dataset_without_pushes_has_no_column_for_them(demos):
    folder, _ = demos

    features = json.loads((folder / "meta/info.json").read_text())["features"]

    assert "is_push" not in features
    dataset = read_dataset(folder, fps=10, gripper=Gripper.NONE)
    assert all(each.is_push is None for each in dataset.demonstrations)


def test_no_window_holds_a_push(tmp_path):
    demonstrate(run(step_limit=400), tmp_path, workers=1, push_rate=0.1)
    dataset = read_dataset(tmp_path, fps=10, gripper=Gripper.NONE)
    horizon = 4

    windows = Windows(dataset, WindowSpec(horizon=horizon, num_frames=1))

    starts = {(each.demonstration, each.start) for each in windows}
    for index, each in enumerate(dataset.demonstrations):
        for start in range(each.num_steps):
            is_lesson = not each.is_push[start : start + horizon].any()
            assert ((index, start) in starts) == is_lesson


def test_a_rate_of_pushes_that_is_none_is_refused(tmp_path):
    config = Recording.Config(benchmark=PointMass.Config(), folder=tmp_path, push_rate=1.5)

    with pytest.raises(ConfigError, match=r"push_rate: got 1.5, expected 0 or more, below 1"):
        Recording(config)
