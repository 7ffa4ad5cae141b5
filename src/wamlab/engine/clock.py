"""Simulated time: things happen after a while, or after a while on a shared processor."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

Then = Callable[[], None]


class Clock:
    """Lets things happen in the order of their times; at the same time, as they were asked for.

    Jobs on the processor share its cores equally and use one each at most, as a fair operating
    system gives them. They are kept by the work that a job which began with the clock would have
    done when they end, so that a change of everybody's speed changes no entry.

    Attributes:
        now_s: Time since the start.
        core_s: Core-seconds that jobs have used so far.
    """

    def __init__(self, cores: int | None, other_load: float) -> None:
        """Sets the clock to 0.

        Args:
            cores: None for one a job.
            other_load: Other jobs that are always there and get as much as any other.
        """
        self._cores, self._other_load = cores, other_load
        self._order = count()
        self._timers: list[tuple[float, int, Then]] = []
        self._jobs: list[tuple[float, int, Then]] = []
        self._done_s = 0.0  # by a job since the start
        self.now_s = 0.0
        self.core_s = 0.0

    def after(self, seconds: float, then: Then) -> None:
        """Has something happen that many seconds from now."""
        heapq.heappush(self._timers, (self.now_s + seconds, next(self._order), then))

    def on_core(self, seconds: float, then: Then) -> None:
        """Has something happen once a job has had that many seconds of a core."""
        if seconds <= 0:
            self.after(0.0, then)
        else:
            heapq.heappush(self._jobs, (self._done_s + seconds, next(self._order), then))

    def run(self) -> None:
        """Goes on until nothing is left to happen."""
        timers, jobs = self._timers, self._jobs
        while timers or jobs:
            speed = self._speed()
            timer_s = timers[0][0] if timers else _NEVER
            job_s = self.now_s + (jobs[0][0] - self._done_s) / speed if jobs else _NEVER
            is_job = job_s <= timer_s  # what ends at the same time asks before anybody answers
            passed_s = max(0.0, (job_s if is_job else timer_s) - self.now_s)
            self.core_s += passed_s * speed * len(jobs)
            # Without rounding, so that jobs which end together are not torn apart.
            self._done_s = jobs[0][0] if is_job else self._done_s + passed_s * speed
            self.now_s += passed_s
            _, _, then = heapq.heappop(jobs if is_job else timers)
            then()

    def _speed(self) -> float:
        """Seconds of a core that each job gets a second."""
        num = len(self._jobs) + self._other_load
        if self._cores is None or num <= self._cores:
            return 1.0
        return self._cores / num


_NEVER = float("inf")
