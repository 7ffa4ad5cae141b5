import pytest

from wamlab.engine.clock import Clock


def times(clock, *, jobs=(), timers=()):
    """When each of them is over."""
    ended = {}
    for name, seconds in jobs:
        clock.on_core(seconds, lambda name=name: ended.setdefault(name, clock.now_s))
    for name, seconds in timers:
        clock.after(seconds, lambda name=name: ended.setdefault(name, clock.now_s))
    clock.run()
    return ended


def test_as_many_jobs_as_cores_do_not_slow_each_other_down():
    assert times(Clock(2, 0), jobs=[("a", 3.0), ("b", 5.0)]) == {"a": 3.0, "b": 5.0}


def test_jobs_share_a_core_until_one_of_them_is_over():
    # Both at half speed until a has had its 3 s, at 6 s; b then has 2 of its 5 s left.
    assert times(Clock(1, 0), jobs=[("a", 3.0), ("b", 5.0)]) == {"a": 6.0, "b": 8.0}


def test_a_job_that_comes_later_slows_down_those_that_run():
    clock, ended = Clock(1, 0), {}

    clock.on_core(4.0, lambda: ended.setdefault("first", clock.now_s))
    clock.after(2.0, lambda: clock.on_core(1.0, lambda: ended.setdefault("second", clock.now_s)))
    clock.run()

    assert ended == {"second": 4.0, "first": 5.0}


def test_other_work_takes_its_share_of_every_core():
    # One job beside three on two cores gets half of one.
    assert times(Clock(2, 3), jobs=[("a", 1.0)]) == {"a": 2.0}


def test_waiting_takes_no_core():
    assert times(Clock(1, 0), jobs=[("a", 2.0)], timers=[("b", 2.0)]) == {"a": 2.0, "b": 2.0}


def test_used_cores_are_counted():
    clock = Clock(2, 2)

    times(clock, jobs=[("a", 3.0), ("b", 5.0)], timers=[("c", 40.0)])

    assert clock.core_s == pytest.approx(8.0)
