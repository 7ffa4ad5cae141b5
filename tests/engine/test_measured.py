"""What records say of time; numbers are chosen so that each can be followed by hand."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.episodes import EpisodeKey, EpisodeRecord, Spent, StopReason
from wamlab.core.errors import ConfigError
from wamlab.core.recipe import Run
from wamlab.engine.capacity import Work
from wamlab.engine.measured import Length, measured
from wamlab.engine.run import evaluate
from wamlab.policies.seek import SeekPolicy
from wamlab.records.machine import Code, Machine
from wamlab.records.store import LoadedRun, RunInfo, Session, load_run

MACHINE = Machine(cpu="", cores=4, memory_gb=8.0, gpu=None, system="", python="")
POLICY = {"class": "a:B", "config": {"device": "cpu"}}


def key(init=0, suite="s"):
    return EpisodeKey(benchmark="b", suite=suite, task="t", init=init)


def record(init=0, *, spent, plan_ms=(200.0, 400.0), forward_ms=(150.0, 350.0), **overrides):
    return EpisodeRecord(
        **dict(
            key=key(init),
            policy="p",
            stop=StopReason.STEP_LIMIT,
            num_steps=9,
            plan_ms=plan_ms,
            forward_ms=forward_ms,
            wall_s=sum(plan_ms) / 1e3 + sum(s.wall_s for s in spent if s.work != "build"),
            spent=spent,
        )
        | overrides
    )


def spent(work, num, wall_s, cpu_s=None, queued_s=0.0):
    cpu_s = wall_s if cpu_s is None else cpu_s
    return Spent(work=work, num=num, wall_s=wall_s, cpu_s=cpu_s, queued_s=queued_s)


ALONE = (
    spent("build", 1, 6.0),
    spent("reset", 1, 1.0),
    spent("step", 8, 0.8),
    spent("seen_step", 1, 0.5),
)
SLOWED = tuple(spent(s.work, s.num, 2 * s.wall_s, s.wall_s, s.wall_s) for s in ALONE)


def loaded(*records, workers=(1,), machine=MACHINE, policy=POLICY, folder=None):
    sessions = tuple(
        Session(
            started="2026-01-01T00:00:00+00:00",
            argv=(),
            workers=num,
            code=Code(commit=None, dirty=False, packages={}),
            machine=machine,
        )
        for num in workers
    )
    info = RunInfo(
        name="n",
        recipe="r",
        digest="d",
        policy="p",
        config={"policy": policy},
        spec=None,
        fingerprint={},
        num_episodes=len(records),
        control_hz=20.0,
        sessions=sessions,
    )
    return LoadedRun(folder=folder or Path("nowhere"), info=info, records=records)


def test_a_machine_alone_is_taken_at_its_word():
    found = measured(loaded(record(spent=ALONE)))

    costs = found.costs
    assert (costs.build, costs.reset) == (Work(6.0), Work(1.0))
    assert (costs.step, costs.seen_step) == (Work(pytest.approx(0.1)), Work(0.5))
    assert costs.plan_s == {1: pytest.approx(0.25)}
    assert costs.wire_s == pytest.approx(0.05)
    assert (found.share, found.other_load) == (1.0, 0.0)


def test_time_that_a_process_did_not_get_is_taken_off():
    # Everything took twice its processor time, on four cores: seven others would want them all the
    # time; of the three that we do not use a sixteenth counts as free.
    found = measured(loaded(record(spent=SLOWED)))

    assert found.costs.build == Work(6.0)
    assert found.costs.step == Work(pytest.approx(0.1))
    assert found.costs.plan_s == {1: pytest.approx(0.125)}  # it computes on the same cores
    assert (found.share, found.other_load) == (0.5, pytest.approx(7 - 3 / 16))


def test_a_little_waiting_is_no_load_on_the_cores_that_are_not_used():
    waits = tuple(replace(s, wall_s=1.01 * s.wall_s, queued_s=0.01 * s.wall_s) for s in ALONE)

    found = measured(loaded(record(spent=waits)))

    # Three of four cores are not used: constant load that one process waits for would fill them.
    assert 0 < found.other_load < 0.2


def test_a_policy_on_a_card_is_not_slowed_by_the_cores():
    policy = {"class": "a:B", "config": {"device": "cuda:0"}}

    found = measured(loaded(record(spent=SLOWED), policy=policy))

    assert not found.plans_on_cores
    assert found.costs.plan_s == {1: pytest.approx(0.25)}


def test_waiting_for_anything_but_a_core_is_no_load():
    asleep = tuple(spent(s.work, s.num, s.wall_s, 0.1 * s.wall_s) for s in ALONE)

    found = measured(loaded(record(spent=asleep)))

    assert found.costs.reset == Work(pytest.approx(0.1), pytest.approx(0.9))
    assert (found.share, found.other_load) == (1.0, 0.0)


def test_a_system_that_does_not_say_who_waited_is_taken_at_its_word():
    unknown = tuple(replace(s, queued_s=None) for s in SLOWED)

    found = measured(loaded(record(spent=unknown)))

    assert found.costs.reset == Work(1.0, 1.0)
    assert found.share == 1.0


def test_rendering_on_a_card_is_waiting():
    on_card = (*ALONE[:3], spent("seen_step", 1, 0.5, 0.1))

    found = measured(loaded(record(spent=on_card)))

    assert found.costs.seen_step == Work(0.1, 0.4)


def test_rendering_by_several_threads_costs_what_all_of_them_computed():
    # 0.5 s of wall time, 1.5 s of processor time: three threads.
    threads = (*ALONE[:3], spent("seen_step", 1, 0.5, 1.5))

    found = measured(loaded(record(spent=threads)))

    assert found.costs.seen_step == Work(0.5, aside_s=1.0)


def test_a_renderers_threads_that_wait_for_cores_are_no_waiting_for_a_card():
    # Half a core for everybody: 0.5 s of work by a thread that the simulator waited a second for.
    blocked = (*SLOWED[:3], spent("seen_step", 1, 1.0, 0.5, 0.0))

    found = measured(loaded(record(spent=blocked)))

    assert found.costs.seen_step == Work(pytest.approx(0.5))


def test_plans_of_one_call_are_known_by_their_time():
    records = [
        record(init, spent=ALONE, plan_ms=(300.0, ask_ms), forward_ms=(290.0, own_ms))
        for init, ask_ms, own_ms in ((0, 180.0, 100.0), (1, 120.0, 110.0))
    ]

    found = measured(loaded(*records, workers=(2,)))

    assert found.costs.plan_s == {1: pytest.approx(0.105), 2: pytest.approx(0.29)}
    assert found.costs.wire_s == pytest.approx(0.01)  # of the one that waited least


def test_what_follows_a_success_is_kept_apart():
    after = (*ALONE, spent("settle", 25, 2.5), spent("settle_plan", 2, 0.4))
    records = [record(0, spent=after, stop=StopReason.SUCCEEDED), record(1, spent=ALONE)]

    found = measured(loaded(*records))

    assert found.costs.after == Work(pytest.approx(2.5))
    assert found.costs.num_plans_after == 2
    assert found.lengths == {key(0): Length(9, checks=True), key(1): Length(9, checks=False)}


def test_what_is_not_accounted_for_is_put_down_to_the_steps():
    found = measured(loaded(record(spent=ALONE, wall_s=0.6 + 2.3 + 0.9)))

    assert found.costs.step == Work(pytest.approx(0.1 + 0.1))


def test_errors_say_nothing_of_time():
    broken = record(1, spent=ALONE, stop=StopReason.SIMULATOR_ERROR)

    assert list(measured(loaded(record(0, spent=ALONE), broken)).lengths) == [key(0)]


def test_records_without_times_are_refused():
    with pytest.raises(ConfigError, match="no record says what its simulator spent"):
        measured(loaded(record(spent=())))


def test_runs_with_two_numbers_of_workers_are_refused():
    with pytest.raises(ConfigError, match="1 and 2 workers"):
        measured(loaded(record(spent=ALONE), workers=(2, 1)))


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A real run of the point on a plane."""
    folder = tmp_path_factory.mktemp("real") / "run"
    run = Run(
        policy=SeekPolicy.Config(cameras=frozenset({"top"})),
        benchmark=PointMass.Config(tasks=("reach", "corner"), num_inits=2),
        replan_every=4,
        name="seek",
        check_settled=True,
    )
    evaluate(run, folder, workers=1)
    return load_run(folder)


def test_a_real_run_accounts_for_its_steps_and_simulators(real):
    for record in real.records:
        nums = {spent.work: spent.num for spent in record.spent}
        assert nums["step"] + nums["seen_step"] == record.num_steps
        assert nums["reset"] == 1
        assert ("settle" in nums) == (record.settled is not None)
    builds = [s for record in real.records for s in record.spent if s.work == "build"]
    assert [s.num for s in builds] == [1, 1]  # a task, a simulator


def test_spent_time_is_part_of_the_episode(real):
    for record in real.records:
        inside = [s for s in record.spent if s.work != "build"]
        assert sum(s.wall_s for s in inside) + sum(record.plan_ms) / 1e3 <= record.wall_s
        assert all(s.wall_s > 0 and s.cpu_s >= 0 for s in record.spent)


def test_the_clock_of_a_run_is_read_from_its_files(real):
    clocked = measured(real).clocked

    assert 0 < clocked.start_s < clocked.wall_s


def test_a_folder_with_other_times_has_no_clock(real):
    path = real.folder / "run.json"
    before = path.stat()

    os.utime(path, (before.st_atime, before.st_mtime + 3600))

    try:
        assert measured(real).clocked is None
    finally:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_bundle_has_no_clock(real):
    assert measured(replace(real, folder=real.folder / "none")).clocked is None
