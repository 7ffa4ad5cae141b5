import subprocess
import sys
from time import process_time, sleep

import pytest

from wamlab.engine import spending
from wamlab.engine.spending import Spending


def test_each_kind_of_work_is_counted_and_timed():
    account = Spending()

    for work in ("step", "reset", "step"):
        with account.on(work):
            end = process_time() + 0.01
            while process_time() < end:
                pass

    step, reset = account.spent()
    assert [(s.work, s.num) for s in (step, reset)] == [("step", 2), ("reset", 1)]
    assert step.cpu_s >= 0.02
    assert reset.wall_s >= reset.cpu_s * 0.9 >= 0.009


def test_sleep_is_neither_work_nor_waiting_for_a_core():
    account = Spending()

    with account.on("step"):
        sleep(0.05)

    (step,) = account.spent()
    assert step.wall_s >= 0.05
    assert step.wall_s - step.cpu_s - (step.queued_s or 0.0) >= 0.045


def test_work_that_fails_is_counted_too():
    account = Spending()

    with pytest.raises(RuntimeError), account.on("step"):
        raise RuntimeError

    assert [s.num for s in account.spent()] == [1]


def test_a_system_that_counts_no_waiting_is_no_system_without_waiting(monkeypatch):
    monkeypatch.setattr(spending, "_statistics", lambda process, thread: None)
    account = Spending()

    for _ in range(2):
        with account.on("step"):
            pass

    assert [s.queued_s for s in account.spent()] == [None]


def test_loading_a_simulator_counts_from_the_start_of_its_process():
    code = """
import time
time.sleep(0.3)  # before anything of ours is imported
from wamlab.engine.spending import since_start
found = since_start("build")
print(found.wall_s, found.cpu_s, time.process_time())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    wall_s, cpu_s, cpu_after_s = map(float, done.stdout.split())
    assert wall_s > 0.3
    assert 0 < cpu_s <= cpu_after_s
