"""The forecast against runs that can be counted by hand, and against queueing theory."""

import pytest

from wamlab.core.episodes import EpisodeKey
from wamlab.engine.capacity import Cluster, Costs, Job, Work, forecast

BUILD_S, RESET_S, STEP_S, SEEN_S, PLAN_S = 5.0, 1.0, 0.01, 0.11, 0.5


def keys(num_tasks, num_inits):
    return [
        EpisodeKey(benchmark="b", suite="s", task=str(task), init=init)
        for task in range(num_tasks)
        for init in range(num_inits)
    ]


def job(num_tasks=1, num_inits=1, *, steps=20, replan_every=10, **settings):
    settings = dict(simulators=lambda key: key.task) | settings
    return Job(
        num_steps=dict.fromkeys(keys(num_tasks, num_inits), steps),
        step_limit=lambda key: 100,
        replan_every=replan_every,
        **settings,
    )


def costs(**changes):
    return Costs(
        **dict(
            build=Work(BUILD_S),
            reset=Work(RESET_S),
            step=Work(STEP_S),
            seen_step=Work(SEEN_S),
            plan_s={1: PLAN_S},
        )
        | changes
    )


# 20 steps, of which one is seen by the second plan
EPISODE_S = RESET_S + 2 * PLAN_S + 19 * STEP_S + SEEN_S


def test_one_worker_does_one_thing_after_another():
    found = forecast(job(2, 3), costs(start_s=30.0), Cluster(workers=1))

    assert found.wall_s == pytest.approx(30 + 2 * BUILD_S + 6 * EPISODE_S)
    assert (found.num_plans, found.num_builds, found.mean_batch) == (12, 2, 1.0)


def test_shares_of_the_workers_time_add_up_to_all_of_it():
    found = forecast(job(3, 3), costs(start_s=3.0), Cluster(workers=2, cores=1))

    shares = found.simulating, found.planning, found.building, found.workless
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0.01


def test_the_last_step_of_an_episode_is_not_rendered():
    found = forecast(job(steps=10), costs(seen_step=Work(1e6)), Cluster(workers=1))

    assert found.wall_s == pytest.approx(BUILD_S + RESET_S + PLAN_S + 10 * STEP_S)


def test_a_success_is_followed_by_finding_out_whether_it_is_settled():
    checked = job(succeeds=frozenset(keys(1, 1)))

    found = forecast(checked, costs(after=Work(2.0), num_plans_after=3.0), Cluster(workers=1))

    assert found.wall_s == pytest.approx(BUILD_S + EPISODE_S + 2.0 + 3 * PLAN_S)
    assert found.num_plans == 5


def test_a_larger_call_than_was_measured_saves_nothing():
    found = forecast(job(2, 1), costs(), Cluster(workers=2))

    assert found.mean_batch == 2
    assert found.wall_s == pytest.approx(BUILD_S + EPISODE_S + 2 * PLAN_S)


def test_requests_that_wait_are_planned_together():
    found = forecast(job(2, 1), costs(plan_s={1: PLAN_S, 2: PLAN_S}), Cluster(workers=2))

    assert found.wall_s == pytest.approx(BUILD_S + EPISODE_S)
    assert found.mean_batch == 2


def test_a_call_takes_no_more_episodes_than_it_may():
    cluster = Cluster(workers=2, max_batch=1)

    found = forecast(job(2, 1), costs(plan_s={1: PLAN_S, 2: PLAN_S}), cluster)

    # Two plans of each, one after another: simulating in between is shorter than a plan.
    assert found.mean_batch == 1
    assert found.wall_s == pytest.approx(BUILD_S + RESET_S + 4 * PLAN_S + 10 * STEP_S)


def test_replicas_plan_at_the_same_time():
    found = forecast(job(2, 1), costs(), Cluster(workers=2, replicas=2))

    assert found.wall_s == pytest.approx(BUILD_S + EPISODE_S)
    assert found.policy_busy == pytest.approx(2 * PLAN_S / (BUILD_S + EPISODE_S))


@pytest.mark.parametrize(("cores", "slower"), [(2, 1), (1, 2)])
def test_workers_share_the_cores_while_they_simulate(cores, slower):
    found = forecast(job(2, 1), costs(), Cluster(workers=2, replicas=2, cores=cores))

    simulated_s = BUILD_S + EPISODE_S - 2 * PLAN_S
    assert found.wall_s == pytest.approx(slower * simulated_s + 2 * PLAN_S)
    assert found.cores_busy == pytest.approx(2 * simulated_s / cores / found.wall_s)


def test_a_policy_on_the_same_cores_takes_its_share():
    work = job(2, 1, steps=10)
    free = costs(build=Work(1.0), reset=Work(1.0), step=Work(1e-9), seen_step=Work(0))

    alone = forecast(work, free, Cluster(workers=2, replicas=2, cores=1))
    shared = forecast(work, free, Cluster(workers=2, replicas=2, cores=1, plans_on_cores=True))

    assert alone.wall_s == pytest.approx(2 * 2 + PLAN_S)
    assert shared.wall_s == pytest.approx(2 * 2 + 2 * PLAN_S)


def test_a_policy_on_a_busy_machine_is_loaded_at_its_share_too():
    busy = Cluster(workers=1, cores=1, other_load=3, plans_on_cores=True)

    found = forecast(job(), costs(start_s=10.0), busy)

    assert found.wall_s == pytest.approx(4 * (10 + BUILD_S + EPISODE_S))


@pytest.mark.parametrize(("cores", "reset_s"), [(3, 1.0), (1, 3.0), (2, 1.5), (None, 1.0)])
def test_rendering_by_several_threads_takes_the_cores_that_are_free(cores, reset_s):
    # One second by each of three threads.
    work = job(steps=10)
    threads = costs(reset=Work(1.0, aside_s=2.0), step=Work(1e-9), build=Work(1e-9))

    found = forecast(work, threads, Cluster(workers=1, cores=cores))

    assert found.wall_s == pytest.approx(reset_s + PLAN_S)


def test_threads_of_two_simulators_share_the_cores():
    # Two seconds of work by each of two simulators, a core and another one's help.
    work = job(2, 1, steps=10)
    threads = costs(reset=Work(1.0, aside_s=1.0), step=Work(1e-9), build=Work(1e-9))

    found = forecast(work, threads, Cluster(workers=2, replicas=2, cores=2))

    assert found.wall_s == pytest.approx(2.0 + PLAN_S)


def test_rendering_on_a_card_takes_time_and_no_core():
    waits = costs(reset=Work(0.0, 1.0), build=Work(0.0, 5.0))

    found = forecast(job(2, 1), waits, Cluster(workers=2, replicas=2, cores=1))

    on_core_s = 19 * STEP_S + SEEN_S
    assert found.wall_s == pytest.approx(6.0 + 2 * on_core_s + 2 * PLAN_S)


def test_episodes_that_load_their_own_simulator_pay_for_each():
    alone = forecast(job(1, 4, simulators=str), costs(), Cluster(workers=1))

    assert alone.num_builds == 4
    assert alone.wall_s == pytest.approx(4 * (BUILD_S + EPISODE_S))


def test_the_end_of_a_run_leaves_workers_without_work():
    # Three simulators for two workers: the third is run while the other has nothing to do.
    found = forecast(job(3, 1), costs(), Cluster(workers=2, replicas=2))

    assert found.wall_s == pytest.approx(2 * (BUILD_S + EPISODE_S))
    assert found.workless == pytest.approx(0.25)


@pytest.mark.parametrize("workers", [1, 2, 4, 8, 16])
def test_throughput_reaches_the_bounds_of_a_closed_queueing_network(workers):
    """Denning and Buzen 1978: either the policy is always busy, or nobody waits."""
    plan_s, many = 0.05, job(48, 5, steps=200)
    cheap = costs(build=Work(0.0), reset=Work(0.0), plan_s={1: plan_s})

    found = forecast(many, cheap, Cluster(workers=workers, max_batch=1))

    # 19 of 20 plans are followed by a step with images
    between_s = 10 * STEP_S + (SEEN_S - STEP_S) * 19 / 20
    bound = min(1 / plan_s, workers / (between_s + plan_s))
    assert found.num_plans / found.wall_s == pytest.approx(bound, rel=0.05)
    assert found.num_plans / found.wall_s <= bound * (1 + 1e-9)


def test_batches_between_and_beyond_those_that_were_measured():
    measured = costs(plan_s={2: 0.2, 4: 0.3})

    assert measured.batch_s(1) == pytest.approx(0.2)
    assert measured.batch_s(3) == pytest.approx(0.25)
    assert measured.batch_s(4) == pytest.approx(0.3)
    assert measured.batch_s(10) == pytest.approx(0.3 + 0.3 + 0.2)  # four, four and two


def test_a_forecast_is_the_same_every_time():
    cluster = Cluster(workers=3, replicas=2, cores=2)

    assert forecast(job(5, 4), costs(), cluster) == forecast(job(5, 4), costs(), cluster)


@pytest.mark.parametrize("wrong", [{}, {0: 0.1}, {1: 0.0}])
def test_plans_without_times_are_refused(wrong):
    with pytest.raises(ValueError, match="expected batch sizes and seconds"):
        costs(plan_s=wrong)


@pytest.mark.parametrize("name", ["workers", "replicas", "max_batch", "cores"])
def test_machines_without_parts_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}: got -1, expected at least 1"):
        Cluster(**({"workers": 1} | {name: -1}))
