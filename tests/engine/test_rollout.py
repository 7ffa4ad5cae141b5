import numpy as np
import pytest

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.episodes import EpisodeKey, Outcome, StopReason
from wamlab.core.protocols import Sense
from wamlab.core.specs import PolicySpec, Reads
from wamlab.core.types import ActionChunk
from wamlab.engine.rollout import IDLE_STEPS, RELEASE_STEPS, Terms, rollout

KEY = EpisodeKey(benchmark="pointmass", suite="plane", task="reach", init=0)
BENCHMARK = PointMass(PointMass.Config())
STAND_STILL = ActionChunk(actions=np.zeros((8, 2), np.float32))


def towards_target(request):
    step = -request.observations[-1].state / 4
    return ActionChunk(actions=np.tile(step, (8, 1)).astype(np.float32))


def terms(*, cameras=frozenset(), reads=Reads.LAST, **overrides):
    spec = PolicySpec(cameras=cameras, state=(), action=(), horizon=8, reads=reads)
    return Terms(**(dict(policy="test", spec=spec, action_dim=2, replan_every=4) | overrides))


def run(plan, *, env=None, step_limit=20, after_step=lambda step: None, **overrides):
    return rollout(
        env or BENCHMARK.make_env(KEY),
        plan,
        KEY,
        terms(**overrides),
        step_limit=step_limit,
        after_step=after_step,
    )


class Recorder:
    """A pointmass environment that notes what it was asked to sense."""

    def __init__(self):
        self._env = BENCHMARK.make_env(KEY)
        self.senses = []
        self.actions = []
        self.holds = False

    def __getattr__(self, name):
        return getattr(self._env, name)

    def reset(self, key, sense):
        self.senses.append(sense)
        return self._env.reset(key, sense)

    def step(self, action, sense):
        self.senses.append(sense)
        self.actions.append(action)
        return self._env.step(action, sense)

    def has_released(self):
        return not self.holds


def test_success_ends_the_episode_and_counts_plans():
    record = run(towards_target).record

    assert record.stop is StopReason.SUCCEEDED
    assert record.num_plans == -(-record.num_steps // 4)


def test_standing_still_fails_at_the_step_limit():
    record = run(lambda _: STAND_STILL).record

    assert (record.outcome, record.num_steps) == (Outcome.FAILURE, 20)


def test_nan_counts_against_the_policy():
    record = run(lambda _: ActionChunk(actions=np.full((8, 2), np.nan, np.float32))).record

    assert (record.stop, record.outcome) == (StopReason.INVALID_PLAN, Outcome.FAILURE)


def test_actions_of_the_wrong_width_count_against_the_policy():
    record = run(lambda _: ActionChunk(actions=np.zeros((8, 7), np.float32))).record

    assert record.stop is StopReason.INVALID_PLAN
    assert record.error.startswith("ContractError: actions: got float32[8, 7], expected")


def test_a_lost_policy_says_nothing_about_the_policy():
    def plan(_):
        raise ConnectionError("policy server went away")

    record = run(plan).record

    assert (record.stop, record.outcome) == (StopReason.POLICY_ERROR, Outcome.ERROR)
    assert record.error == "ConnectionError: policy server went away"


def test_a_failing_simulator_says_nothing_about_the_policy():
    env = Recorder()
    env.state_bytes = lambda: 1 / 0

    record = run(towards_target, env=env).record

    assert (record.stop, record.outcome) == (StopReason.SIMULATOR_ERROR, Outcome.ERROR)
    assert record.error == "ZeroDivisionError: division by zero"


def test_policy_sees_everything_since_its_last_plan():
    seen = []

    def plan(request):
        seen.append((len(request.observations), len(request.executed)))
        return STAND_STILL

    run(plan, step_limit=12)

    assert seen == [(1, 0), (4, 4), (4, 4)]


def test_only_observations_that_a_plan_reads_carry_images():
    env, full = Recorder(), Sense(cameras=frozenset({"top"}))

    run(lambda _: STAND_STILL, env=env, step_limit=8, cameras=full.cameras)

    rendered = [step for step, sense in enumerate(env.senses) if sense == full]
    assert rendered == [0, 4]


def test_a_policy_that_reads_all_observations_gets_all_their_images():
    cameras = frozenset({"top"})
    seen = []

    def plan(request):
        seen.append([sorted(observation.images) for observation in request.observations])
        return STAND_STILL

    run(plan, step_limit=8, cameras=cameras, reads=Reads.ALL)

    assert seen == [[["top"]], [["top"]] * 4]


def test_the_last_observation_before_a_plan_carries_the_image():
    seen = []

    def plan(request):
        seen.append([bool(observation.images) for observation in request.observations])
        return STAND_STILL

    run(plan, step_limit=8, cameras=frozenset({"top"}))

    assert seen == [[True], [False, False, False, True]]


def test_equal_episodes_have_equal_traces():
    assert run(towards_target).record.trace == run(towards_target).record.trace


def test_another_action_gives_another_trace():
    assert run(towards_target).record.trace != run(lambda _: STAND_STILL).record.trace


def test_the_trace_contains_the_images_that_were_read():
    blind = run(towards_target).record
    seeing = run(towards_target, cameras=frozenset({"top"})).record

    assert blind.num_steps == seeing.num_steps
    assert blind.trace != seeing.trace


def test_signals_hold_every_action_and_the_states_around_them():
    record, signals = run(towards_target)

    assert signals.actions.shape == (record.num_steps, 2)
    assert signals.state.shape == (record.num_steps + 1, 2)
    assert signals.plan_step.tolist() == list(range(0, record.num_steps, 4))


def test_settling_is_not_checked_unless_asked_for():
    assert run(towards_target).record.settled is None


def test_a_failure_has_nothing_to_settle():
    assert run(lambda _: STAND_STILL, check_settled=True).record.settled is None


def test_a_goal_that_holds_while_idle_has_settled():
    env = Recorder()

    record = run(towards_target, env=env, check_settled=True).record

    assert record.settled is True
    assert len(env.actions) == record.num_steps + IDLE_STEPS


def test_a_goal_that_is_left_has_not_settled():
    env = Recorder()
    env.idle_action = lambda: np.ones(2, np.float32)

    record = run(towards_target, env=env, check_settled=True).record

    assert (record.stop, record.settled) == (StopReason.SUCCEEDED, False)


def test_a_policy_that_never_lets_go_is_stopped_after_a_while():
    env = Recorder()
    env.holds = True

    record = run(towards_target, env=env, check_settled=True).record

    assert len(env.actions) == record.num_steps + RELEASE_STEPS + IDLE_STEPS


def test_checking_whether_it_settled_changes_nothing_else():
    env = Recorder()
    env.holds = True

    plain = run(towards_target, cameras=frozenset({"top"})).record
    checked = run(towards_target, env=env, cameras=frozenset({"top"}), check_settled=True).record

    assert (checked.trace, checked.num_steps) == (plain.trace, plain.num_steps)
    assert checked.num_plans == plain.num_plans


def test_a_policy_that_diverges_after_its_success_has_still_succeeded():
    env = Recorder()
    env.holds = True

    def plan(request):
        if np.abs(request.observations[-1].state).max() < 0.05:
            return ActionChunk(actions=np.full((8, 2), np.nan, np.float32))
        return towards_target(request)

    record = run(plan, env=env, check_settled=True).record

    assert (record.stop, record.settled) == (StopReason.SUCCEEDED, True)


@pytest.mark.parametrize("check_settled", [False, True])
def test_every_control_step_is_reported_in_order(check_settled):
    steps = []

    run(towards_target, after_step=steps.append, check_settled=check_settled)

    assert steps == list(range(len(steps)))
