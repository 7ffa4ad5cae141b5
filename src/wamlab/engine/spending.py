"""Keeps account of what a simulator process spends its time on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import get_ident
from time import perf_counter, process_time

from wamlab.core.episodes import Spent

_IMPORTED_S = perf_counter()


class Spending:
    """The account of one episode."""

    def __init__(self) -> None:
        self._spent: dict[str, Spent] = {}

    @contextmanager
    def on(self, work: str) -> Iterator[None]:
        """Adds what happens inside to that kind of work, also if it raises."""
        wall_s, cpu_s, queued_s = perf_counter(), process_time(), _queued_s()
        try:
            yield
        finally:
            known = self._spent.get(work) or Spent(work=work, num=0, wall_s=0, cpu_s=0)
            self._spent[work] = Spent(
                work=work,
                num=known.num + 1,
                wall_s=known.wall_s + perf_counter() - wall_s,
                cpu_s=known.cpu_s + process_time() - cpu_s,
                queued_s=_sum(known.queued_s, _since(queued_s)) if known.num else _since(queued_s),
            )

    def spent(self) -> tuple[Spent, ...]:
        """Everything so far, by kind of work in the order of first occurrence."""
        return tuple(self._spent.values())


def since_start(work: str) -> Spent:
    """Everything that this process has done, put down to one kind of work.

    Call it in the thread that the process began with. Where the system does not say when that was,
    wall time counts from the import of this module.
    """
    return Spent(work=work, num=1, wall_s=_age_s(), cpu_s=process_time(), queued_s=_queued_s())


def _age_s() -> float:
    try:
        # Field 22 of proc_pid_stat(5), counted behind the name, which may hold anything
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:  # not Linux
        return perf_counter() - _IMPORTED_S
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def _since(queued_s: float | None) -> float | None:
    now_s = _queued_s()
    return None if now_s is None or queued_s is None else now_s - queued_s


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second


def _queued_s() -> float | None:
    """What this thread has waited for a core since it began; None where nobody counts."""
    file = _statistics(os.getpid(), get_ident())
    if file is None:
        return None
    # Nanoseconds on a core, and waiting for one (Linux, Documentation/scheduler/sched-stats.rst)
    return int(os.pread(file, 128, 0).split()[1]) / 1e9


@cache
def _statistics(process: int, thread: int) -> int | None:
    """The open file in which the system counts for a thread; None if there is none."""
    del process, thread  # a file of each
    try:
        return os.open("/proc/thread-self/schedstat", os.O_RDONLY)
    except OSError:
        return None
