import numpy as np
import pytest

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.config import to_json
from wamlab.core.delay import NO_DELAY, Delay, WhileWaiting
from wamlab.core.episodes import Outcome
from wamlab.core.errors import ConfigError
from wamlab.core.recipe import Run
from wamlab.core.specs import PolicySpec, places_of
from wamlab.core.types import ActionChunk
from wamlab.engine.replay import replay
from wamlab.engine.rollout import Terms, rollout
from wamlab.engine.run import evaluate
from wamlab.policies.seek import SeekPolicy
from wamlab.records.store import load_run

BENCHMARK = PointMass(PointMass.Config(tasks=("reach", "corner", "edge"), num_inits=10))
KEYS = BENCHMARK.episodes()
POLICY = SeekPolicy(SeekPolicy.Config(noise_m=0.05))


def roll(key, delay=NO_DELAY, **overrides):
    terms = Terms(
        **(dict(policy="seek", spec=POLICY.spec, action_dim=2, replan_every=4) | overrides),
        delay=delay,
    )
    env = BENCHMARK.make_env(key)
    return rollout(env, lambda request: POLICY.plan([request])[0], key, terms, step_limit=20)


def num_successes(steps, while_waiting):
    delay = Delay(steps=steps, while_waiting=while_waiting)
    return sum(roll(key, delay).record.outcome is Outcome.SUCCESS for key in KEYS)


@pytest.mark.parametrize("while_waiting", list(WhileWaiting))
def test_no_delay_is_the_normal_path_bit_by_bit(while_waiting):
    for key in KEYS:
        plain, delayed = roll(key), roll(key, Delay(while_waiting=while_waiting))

        assert delayed.record.trace == plain.record.trace
        assert delayed.record.stop == plain.record.stop
        np.testing.assert_array_equal(delayed.signals.actions, plain.signals.actions)
        np.testing.assert_array_equal(delayed.signals.plan_step, plain.signals.plan_step)


@pytest.mark.parametrize("while_waiting", list(WhileWaiting))
def test_success_falls_with_the_delay(while_waiting):
    without, little, much = (num_successes(steps, while_waiting) for steps in (0, 2, 8))

    assert without > 0.9 * len(KEYS)
    assert without >= little > much
    assert much < 0.5 * without


def test_a_delay_is_the_same_each_time():
    delay = Delay(steps=3, while_waiting=WhileWaiting.STALE)

    assert roll(KEYS[0], delay).record.trace == roll(KEYS[0], delay).record.trace


def test_the_record_counts_the_steps_without_an_action():
    delay = Delay(steps=2)
    record, signals = roll(KEYS[0], delay)

    held = np.flatnonzero((signals.actions == 0).all(axis=1))
    assert record.num_held == len(held)
    assert held[:2].tolist() == [0, 1]
    assert signals.plan_step.tolist() == list(range(0, record.num_steps, 6))
    assert roll(KEYS[0]).record.num_held == 0


def test_the_policy_is_told_of_every_step_that_was_held():
    requests = []

    def plan(request):
        requests.append(request)
        return ActionChunk(actions=np.zeros((8, 2), np.float32))

    terms = Terms(policy="p", spec=POLICY.spec, action_dim=2, replan_every=4, delay=Delay(steps=2))
    rollout(BENCHMARK.make_env(KEYS[0]), plan, KEYS[0], terms, step_limit=12)

    counts = [(len(request.observations), len(request.executed)) for request in requests]
    assert counts == [(1, 0), (6, 6)]


def test_a_robot_that_holds_still_keeps_hold_of_what_it_has():
    """The second number stands for a gripper; standing still is (0, -1)."""
    env = BENCHMARK.make_env(KEYS[0])
    env.idle_action = lambda: np.array([0, -1], np.float32)
    spec = PolicySpec(cameras=frozenset(), state=(), action=(), horizon=4)
    terms = Terms(
        policy="p", spec=spec, action_dim=2, replan_every=2, delay=Delay(steps=1), kept=(1,)
    )
    chunk = ActionChunk(actions=np.full((4, 2), 0.5, np.float32))

    _, signals = rollout(env, lambda request: chunk, KEYS[0], terms, step_limit=5)

    expected = [[0, -1], [0.5, 0.5], [0.5, 0.5], [0, 0.5], [0.5, 0.5]]
    assert signals.actions.tolist() == expected


def test_fields_are_found_by_their_name():
    from wamlab.benchmarks.libero import Libero

    assert places_of(Libero.spec.action, "gripper") == (6,)
    assert places_of(PointMass.spec.action, "gripper") == ()


@pytest.mark.parametrize("while_waiting", list(WhileWaiting))
def test_a_delayed_run_shows_its_delay_and_repeats_itself(tmp_path, while_waiting):
    run = Run(
        policy=SeekPolicy.Config(noise_m=0.05, cameras=frozenset({"top"})),
        benchmark=PointMass.Config(num_inits=4),
        replan_every=4,
        name="late",
        delay_steps=3,
        while_waiting=while_waiting,
    )
    evaluate(run, tmp_path / "run", workers=1)
    loaded = load_run(tmp_path / "run")

    again = [replay(loaded, record, tmp_path / "film.mp4") for record in loaded.records]

    assert loaded.info.config["delay_steps"] == 3
    assert loaded.info.config["while_waiting"] == while_waiting.value
    assert all(record.num_held >= 3 for record in loaded.records)
    assert all(len(record.forward_ms) == record.num_plans for record in loaded.records)
    for record in loaded.records:
        for whole_ms, *parts_ms in zip(
            record.plan_ms, record.forward_ms, record.queued_ms, strict=True
        ):
            assert min(parts_ms) >= 0
            assert sum(parts_ms) < whole_ms
    assert [replayed.is_equal for replayed in again] == [True] * 4


def test_a_negative_delay_is_refused():
    with pytest.raises(ConfigError, match="delay_steps: got -1, expected 0 or more"):
        Run(policy=None, benchmark=None, replan_every=1, name="x", delay_steps=-1)


def test_imagined_frames_are_not_compared_with_a_delayed_plan():
    with pytest.raises(ConfigError, match="save_imagined: got true with delay_steps=2"):
        Run(
            policy=None, benchmark=None, replan_every=1, name="x", delay_steps=2,
            save_imagined=True,
        )  # fmt: skip


def test_the_way_of_waiting_is_a_setting():
    run = Run(policy=None, benchmark=None, replan_every=1, name="x", while_waiting="hold")

    with pytest.raises(ConfigError, match="while_waiting"):
        to_json(run)
