import pytest

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, StopReason
from wamlab.engine.schedule import MAX_PUT_BACKS, Schedule, one_per_task


def key(task="a", init=0):
    return EpisodeKey(benchmark="b", suite="s", task=task, init=init)


def record(key, stop=StopReason.SUCCEEDED, **overrides):
    return EpisodeRecord(key=key, policy="p", stop=stop, num_steps=3, **overrides)


def schedule(keys, records=(), step_limit=lambda key: 100, simulators=one_per_task):
    return Schedule(keys, {r.key: r for r in records}, step_limit, simulators)


def of(task):
    """The simulator of a task's own."""
    return one_per_task(key(task))


def test_finished_episodes_are_not_run_again():
    keys = [key(init=0), key(init=1)]

    plan = schedule(keys, [record(keys[0])])

    assert plan.num_left == 1
    assert plan.take(plan.choose()) == (keys[1], 1)


def test_errored_episodes_are_run_again():
    plan = schedule([key()], [record(key(), StopReason.POLICY_ERROR)])

    assert plan.take(plan.choose()) == (key(), 2)


def test_an_episode_is_given_up_after_three_errors():
    plan = schedule([key()], [record(key(), StopReason.POLICY_ERROR, attempt=3)])

    assert (plan.num_left, plan.num_given_up) == (0, 1)


def test_the_longest_task_is_first():
    limits = {"short": 100, "long": 500}
    keys = [key("short", init) for init in range(3)] + [key("long", init) for init in range(3)]

    plan = schedule(keys, step_limit=lambda key: limits[key.task])

    assert [plan.choose(), plan.choose()] == [of("long"), of("short")]


def test_measured_time_replaces_the_guess():
    keys = [key(task, init) for task in ("quick", "tough") for init in range(4)]
    plan = schedule(keys)
    for task, wall_s in (("quick", 1.0), ("tough", 9.0)):
        plan.finished(record(plan.take(of(task)).key, wall_s=wall_s))

    assert plan.choose() == of("tough")
    assert plan.expected_s() == pytest.approx(3 * 1.0 + 3 * 9.0)


def test_an_idle_worker_joins_the_task_with_most_left():
    keys = [key("few", init) for init in range(2)] + [key("many", init) for init in range(9)]
    plan = schedule(keys)

    assert [plan.choose() for _ in range(3)] == [of("many"), of("few"), of("many")]


def test_no_more_workers_join_than_episodes_are_left():
    plan = schedule([key(init=0), key(init=1)])

    assert [plan.choose() is not None for _ in range(3)] == [True, True, False]


def test_nobody_joins_for_less_than_it_takes_to_build_a_simulator():
    plan = schedule([key(init=init) for init in range(3)])
    task = plan.choose()
    plan.built(task, wall_s=10.0)
    plan.finished(record(plan.take(task).key, wall_s=2.0))

    assert plan.choose() is None  # two episodes of 2 s are left


def test_episodes_that_share_a_simulator_are_dealt_one_after_another():
    keys = [key(task, init) for init in range(2) for task in ("a1", "b1", "a2")]
    plan = schedule(keys, simulators=lambda key: key.task[0])

    name = plan.choose()

    assert name == "a"
    assert [plan.take(name).key.task for _ in range(4)] == ["a1", "a2", "a1", "a2"]
    assert plan.take(name) is None
    assert plan.num_left == 2


def test_a_simulator_that_cannot_be_built_costs_one_episode_at_first_and_all_in_the_end():
    plan = schedule([key(init=init) for init in range(6)])

    charged = [len(plan.build_failed(plan.choose())) for _ in range(3)]

    assert charged == [1, 1, 4]


def test_an_episode_that_lost_its_machine_is_next_but_not_for_ever():
    plan = schedule([key(init=0), key(init=1)])
    simulator = plan.choose()

    for _ in range(MAX_PUT_BACKS):
        turn = plan.take(simulator)
        assert turn == (key(init=0), 1)
        assert plan.put_back(simulator, turn)

    assert not plan.put_back(simulator, plan.take(simulator))
    assert plan.take(simulator) == (key(init=1), 1)


def test_a_simulator_that_lost_its_machine_while_it_was_built_can_be_chosen_again():
    plan = schedule([key()])
    simulator = plan.choose()
    assert plan.choose() is None

    plan.build_interrupted(simulator)
    plan.leave(simulator)

    assert plan.choose() == simulator
    assert plan.num_left == 1
