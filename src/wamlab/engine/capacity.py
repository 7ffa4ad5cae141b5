"""How long a run takes on machines that one describes: the engine, with its time simulated.

Episodes are dealt by the engine's own `Schedule`; workers simulate, ask, and wait; a policy
replica that is idle takes whatever waits for it, up to a number, as one batch. Whoever computes
on the processor gets an equal share of the cores, at most one each. Nothing is drawn at random,
so that the answer is the same on every machine.

Left out: writing films and signals, messages that wait for the parent process, memory, and that a
renderer has more threads where there are more cores than it was measured on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from operator import add
from typing import NamedTuple

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, StopReason
from wamlab.engine.clock import Clock
from wamlab.engine.schedule import Schedule, Simulators


class Work(NamedTuple):
    """Seconds that something takes a simulator process.

    Attributes:
        core_s: On one core that it has for itself.
        wait_s: After that, without using the processor: rendering on a graphics card.
        aside_s: What its other threads compute meanwhile: rendering on the processor.
    """

    core_s: float
    wait_s: float = 0.0
    aside_s: float = 0.0

    def times(self, num: float) -> Work:
        return Work(*(seconds * num for seconds in self))

    def plus(self, other: Work) -> Work:
        return Work(*map(add, self, other))


NOTHING = Work(0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What each part of a run takes.

    Attributes:
        start_s: From the command to the first worker's start: loading the policy.
        build: Loading a simulator.
        reset: Of one episode, settling steps and first images included.
        step: A control step whose images nobody reads.
        seen_step: A control step with images.
        after: What follows a success to find out whether it is settled, without its plans.
        num_plans_after: Plans in that time.
        plan_s: Episodes in one call of the policy -> seconds of the call.
        wire_s: Of each plan, outside the policy and without waiting for it.
        seen_per_plan: Control steps with images for each plan after the first.
    """

    start_s: float = 0.0
    build: Work
    reset: Work
    step: Work
    seen_step: Work
    after: Work = NOTHING
    num_plans_after: float = 0.0
    plan_s: Mapping[int, float]
    wire_s: float = 0.0
    seen_per_plan: float = 1.0

    def __post_init__(self) -> None:
        if not self.plan_s or min(self.plan_s) < 1 or min(self.plan_s.values()) <= 0:
            raise ValueError(f"plan_s: got {dict(self.plan_s)}, expected batch sizes and seconds")

    def batch_s(self, num: int) -> float:
        """Seconds of one call for that many episodes; straight lines between what was measured.

        Beyond the largest that was measured, and if only one was, calls are made one after
        another: a larger batch saves nothing that nobody has measured.
        """
        sizes = sorted(self.plan_s)
        largest = sizes[-1]
        if num > largest:
            return self.batch_s(largest) * (num // largest) + (
                self.batch_s(num % largest) if num % largest else 0.0
            )
        for low, high in pairwise(sizes):
            if low <= num <= high:
                part = (num - low) / (high - low)
                return self.plan_s[low] + part * (self.plan_s[high] - self.plan_s[low])
        return self.plan_s[sizes[0]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The machines.

    Attributes:
        workers: Simulator processes.
        replicas: Policies, each with a device of its own; an episode stays with the one that has
            fewest when it begins.
        max_batch: Episodes in one call; None for all that wait.
        cores: Of all machines with simulators together; None for one a process.
        other_load: Other processes that want those cores all the time.
        plans_on_cores: Whether the policy computes on them too, on one core a replica.
    """

    workers: int
    replicas: int = 1
    max_batch: int | None = None
    cores: int | None = None
    other_load: float = 0.0
    plans_on_cores: bool = False

    def __post_init__(self) -> None:
        counts = {"workers": self.workers, "replicas": self.replicas}
        counts |= {"max_batch": self.max_batch or 1, "cores": self.cores or 1}
        for name, number in counts.items():
            if number < 1:
                raise ValueError(f"{name}: got {number}, expected at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The episodes, and how long each is.

    Attributes:
        num_steps: Episode -> control steps until it stops, at least 1; in the order of the run.
        succeeds: Episodes after which it is found out whether the success is settled.
        simulators: Which episodes share a simulator.
    """

    num_steps: Mapping[EpisodeKey, int]
    step_limit: Callable[[EpisodeKey], int]
    simulators: Simulators
    replan_every: int
    succeeds: frozenset[EpisodeKey] = frozenset()

    @property
    def num_plans(self) -> int:
        """Those after a success excluded."""
        return sum(-(-steps // self.replan_every) for steps in self.num_steps.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a run takes.

    Attributes:
        wall_s: From the command to the last record.
        simulating: Share of workers and time; likewise `building`, `planning` (waiting for a
            plan) and `workless` (start-up, and no episode left); they add up to 1.
        policy_busy: Share of replicas and time.
        cores_busy: Share of cores and time that this run uses; None if there is one a process.
        mean_batch: Episodes in one call; None without a plan.
        num_builds: Simulators loaded.
    """

    wall_s: float
    simulating: float
    building: float
    planning: float
    workless: float
    policy_busy: float
    cores_busy: float | None
    mean_batch: float | None
    num_plans: int
    num_builds: int


def forecast(job: Job, costs: Costs, cluster: Cluster) -> Forecast:
    """Runs the job in simulated time."""
    return _Run(job, costs, cluster).forecast()


_Doing = Generator[Work | int, None, None]
"""What a worker waits for, one after another: work of its own, or a plan of that replica."""


class _Run:
    """The state of one simulated run."""

    def __init__(self, job: Job, costs: Costs, cluster: Cluster) -> None:
        self._job, self._costs, self._cluster = job, costs, cluster
        self._clock = Clock(cluster.cores, cluster.other_load)
        self._schedule = Schedule(job.num_steps, {}, job.step_limit, job.simulators)
        self._num_free = cluster.workers
        self._waiting: list[deque[_Doing]] = [deque() for _ in range(cluster.replicas)]
        self._episodes = [0] * cluster.replicas
        self._is_called = [False] * cluster.replicas  # plans, or is about to
        self._building_s = self._simulating_s = self._planning_s = self._policy_s = 0.0
        self._num_calls = self._num_planned = self._num_builds = 0
        num_seen = min(job.replan_every, costs.seen_per_plan)
        self._between = costs.step.times(job.replan_every - num_seen).plus(
            costs.seen_step.times(num_seen)
        )
        self._wire = Work(0.0, costs.wire_s)

    def forecast(self) -> Forecast:
        compute = self._clock.on_core if self._cluster.plans_on_cores else self._clock.after
        compute(self._costs.start_s, self._fill)
        self._clock.run()
        wall_s, cores = self._clock.now_s, self._cluster.cores
        whole_s = self._cluster.workers * wall_s
        used_s = self._building_s + self._simulating_s + self._planning_s
        return Forecast(
            wall_s=wall_s,
            simulating=self._simulating_s / whole_s,
            building=self._building_s / whole_s,
            planning=self._planning_s / whole_s,
            workless=max(0.0, 1 - used_s / whole_s),
            policy_busy=self._policy_s / (self._cluster.replicas * wall_s),
            cores_busy=None if cores is None else self._clock.core_s / (cores * wall_s),
            mean_batch=self._num_planned / self._num_calls if self._num_calls else None,
            num_plans=self._num_planned,
            num_builds=self._num_builds,
        )

    def _fill(self) -> None:
        """As `engine.crew.Crew`: starts workers as long as there are slots and work."""
        while self._num_free and (name := self._schedule.choose()) is not None:
            self._num_free -= 1
            self._num_builds += 1
            self._advance(self._work(name))

    def _work(self, simulator: str) -> _Doing:
        """One worker process, from its start to its end."""
        started_s = self._clock.now_s
        yield self._costs.build
        took_s = self._clock.now_s - started_s
        self._building_s += took_s
        self._schedule.built(simulator, took_s)
        while (turn := self._schedule.take(simulator)) is not None:
            begun_s = self._clock.now_s
            yield from self._episode(turn.key)
            record = EpisodeRecord(
                key=turn.key,
                policy="",
                stop=StopReason.STEP_LIMIT,
                num_steps=None,
                wall_s=self._clock.now_s - begun_s,
            )
            self._schedule.finished(record)
            self._fill()
        self._schedule.leave(simulator)
        self._num_free += 1
        self._fill()

    def _episode(self, key: EpisodeKey) -> _Doing:
        replica = min(range(len(self._episodes)), key=self._episodes.__getitem__)
        self._episodes[replica] += 1
        costs, left = self._costs, self._job.num_steps[key]
        yield from self._simulate(costs.reset)
        while left > 0:
            yield from self._plan(replica)
            num = min(left, self._job.replan_every)
            left -= num
            yield from self._simulate(self._between if left else costs.step.times(num))
        if key in self._job.succeeds:
            yield from self._simulate(costs.after)
            for _ in range(round(costs.num_plans_after)):
                yield from self._plan(replica)
        self._episodes[replica] -= 1

    def _simulate(self, work: Work) -> _Doing:
        started_s = self._clock.now_s
        yield work
        self._simulating_s += self._clock.now_s - started_s

    def _plan(self, replica: int) -> _Doing:
        started_s = self._clock.now_s
        if self._wire.wait_s:
            yield self._wire
        yield replica
        self._planning_s += self._clock.now_s - started_s

    def _advance(self, doing: _Doing) -> None:
        """Lets a worker go on until it has to wait for something."""
        wanted = next(doing, None)
        if wanted is None:
            return
        if isinstance(wanted, int):
            self._waiting[wanted].append(doing)
            self._serve_soon(wanted)
            return
        core_s, wait_s, aside_s = wanted
        threads = [core_s] if core_s > 0 else []
        if aside_s > 0:
            num = max(1, ceil(aside_s / core_s)) if core_s > 0 else 1
            threads += [aside_s / num] * num
        num_left = len(threads)

        def go_on() -> None:
            self._advance(doing)

        def end_thread() -> None:
            nonlocal num_left
            num_left -= 1
            if num_left:
                return
            if wait_s > 0:
                self._clock.after(wait_s, go_on)
            else:
                go_on()

        for seconds in threads:
            self._clock.on_core(seconds, end_thread)
        if not threads:
            self._clock.after(wait_s, go_on)

    def _serve_soon(self, replica: int) -> None:
        """After all else that happens at this instant, so that one batch takes all of it."""
        if not self._is_called[replica]:
            self._is_called[replica] = True
            self._clock.after(0.0, lambda: self._serve(replica))

    def _serve(self, replica: int) -> None:
        """Hands over what waits; the policy is idle."""
        waiting = self._waiting[replica]
        if not waiting:
            self._is_called[replica] = False
            return
        num = min(len(waiting), self._cluster.max_batch or len(waiting))
        batch = [waiting.popleft() for _ in range(num)]
        self._num_calls += 1
        self._num_planned += num
        started_s = self._clock.now_s

        def answer() -> None:
            self._policy_s += self._clock.now_s - started_s
            for doing in batch:
                self._advance(doing)
            self._clock.after(0.0, lambda: self._serve(replica))

        work = self._clock.on_core if self._cluster.plans_on_cores else self._clock.after
        work(self._costs.batch_s(num), answer)
