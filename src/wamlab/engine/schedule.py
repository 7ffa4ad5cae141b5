"""Which episodes are left, and who runs them when.

Episodes that share a simulator are dealt one after another, so that it is loaded once: the
simulator with most work first, and when none is left without a worker, an idle worker joins the
one with most work left. The order never changes a result.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, Outcome
from wamlab.core.protocols import Benchmark, SharesSimulators

MAX_ATTEMPTS = 3  # of an episode that ends in an error: two retries, one at each resume
MAX_BUILD_FAILURES = 3  # of one simulator, in a row
MAX_PUT_BACKS = 3  # of an episode whose machine went away; then it is charged like any other
FIRST_GUESS_S = 0.05  # wall time per control step where nothing has run yet

Simulators = Callable[[EpisodeKey], str]
"""Names the simulator that an episode needs; episodes with the same name share one."""


def simulators_of(benchmark: Benchmark) -> Simulators:
    """Which episodes share a simulator: those the benchmark says, or those of one task."""
    return benchmark.simulator if isinstance(benchmark, SharesSimulators) else one_per_task


def one_per_task(key: EpisodeKey) -> str:
    return f"{key.suite}/{key.task}/{key.axis}{key.severity}"


class Turn(NamedTuple):
    """One episode to run; `attempt` is 1 for the first try."""

    key: EpisodeKey
    attempt: int


@dataclass(slots=True)
class Queue:
    """The episodes of one simulator that nobody has taken yet, and what is known of its speed.

    Attributes:
        step_limit: Mean over its episodes.
        num_building: Workers that have no simulator yet.
        num_finished: Episodes that ended with an outcome.
        wall_s: Of those together.
    """

    turns: deque[Turn] = field(default_factory=deque)
    step_limit: float = 0.0
    num_workers: int = 0
    num_building: int = 0
    num_build_failures: int = 0
    num_finished: int = 0
    wall_s: float = 0.0

    def add(self, turn: Turn, step_limit: int) -> None:
        self.turns.append(turn)
        self.step_limit += (step_limit - self.step_limit) / len(self.turns)

    def expected_s(self, guess_s: float) -> float:
        """Wall time of one worker for everything that is left.

        Args:
            guess_s: Wall time per control step where nothing has run yet.
        """
        if self.num_finished:
            return len(self.turns) * self.wall_s / self.num_finished
        return len(self.turns) * self.step_limit * guess_s


class Schedule:
    """Deals the episodes that have no finished record.

    Attributes:
        num_given_up: Episodes that ended in an error three times; they are not run again.
    """

    def __init__(
        self,
        keys: Iterable[EpisodeKey],
        records: Mapping[EpisodeKey, EpisodeRecord],
        step_limit: Callable[[EpisodeKey], int],
        simulators: Simulators = one_per_task,
    ) -> None:
        self._queues: dict[str, Queue] = {}
        self._simulators = simulators
        self._build_s: list[float] = []
        self._put_backs: Counter[EpisodeKey] = Counter()
        self.num_given_up = 0
        for key in keys:
            record = records.get(key)
            if record is not None and record.outcome is not Outcome.ERROR:
                continue
            attempt = record.attempt + 1 if record is not None else 1
            if attempt > MAX_ATTEMPTS:
                self.num_given_up += 1
                continue
            queue = self._queues.setdefault(simulators(key), Queue())
            queue.add(Turn(key, attempt), step_limit(key))

    @property
    def num_left(self) -> int:
        """Episodes that nobody has taken yet."""
        return sum(len(queue.turns) for queue in self._queues.values())

    @property
    def build_s(self) -> float | None:
        """Mean wall time until a simulator was ready; None if none was built."""
        return sum(self._build_s) / len(self._build_s) if self._build_s else None

    def expected_s(self) -> float:
        """Wall time of one worker for everything that nobody has taken yet."""
        guess_s = self._step_guess_s()
        return sum(queue.expected_s(guess_s) for queue in self._queues.values())

    def choose(self) -> str | None:
        """The simulator for an idle worker, which is counted as its worker.

        Returns:
            None if nothing is left, or so little that others finish it sooner than this worker
            could build a simulator.
        """
        guess_s = self._step_guess_s()
        build_s = self.build_s or 0.0

        def work_per_worker(simulator: str) -> tuple[bool, float]:
            queue = self._queues[simulator]
            return queue.num_workers == 0, queue.expected_s(guess_s) / (queue.num_workers + 1)

        simulator = max(
            (name for name, q in self._queues.items() if len(q.turns) > q.num_building),
            key=work_per_worker,
            default=None,
        )
        if simulator is None:
            return None
        queue = self._queues[simulator]
        if queue.num_workers and queue.expected_s(guess_s) / queue.num_workers < build_s:
            return None
        queue.num_workers += 1
        queue.num_building += 1
        return simulator

    def peek(self, simulator: str) -> EpisodeKey:
        """Some episode of a simulator that `choose` gave."""
        return self._queues[simulator].turns[0].key

    def take(self, simulator: str) -> Turn | None:
        """The next episode of that simulator, or None if it has no more."""
        turns = self._queues[simulator].turns
        return turns.popleft() if turns else None

    def put_back(self, simulator: str, turn: Turn) -> bool:
        """Takes back an episode that was interrupted through no fault of its own.

        Returns:
            False if that happened too often; somebody has to pay for it then.
        """
        self._put_backs[turn.key] += 1
        if self._put_backs[turn.key] > MAX_PUT_BACKS:
            return False
        self._queues[simulator].turns.appendleft(turn)
        return True

    def leave(self, simulator: str) -> None:
        """A worker has stopped working with that simulator."""
        self._queues[simulator].num_workers -= 1

    def built(self, simulator: str, wall_s: float) -> None:
        self._queues[simulator].num_building -= 1
        self._queues[simulator].num_build_failures = 0
        self._build_s.append(wall_s)

    def build_interrupted(self, simulator: str) -> None:
        """The machine went away before the simulator was built; nobody pays."""
        self._queues[simulator].num_building -= 1

    def build_failed(self, simulator: str) -> list[Turn]:
        """The episodes that pay for a simulator that could not be built.

        One each time; after three times in a row all that are left, since each try costs
        seconds and none will succeed.
        """
        queue = self._queues[simulator]
        queue.num_building -= 1
        queue.num_build_failures += 1
        num_charged = len(queue.turns) if queue.num_build_failures >= MAX_BUILD_FAILURES else 1
        return [queue.turns.popleft() for _ in range(min(num_charged, len(queue.turns)))]

    def finished(self, record: EpisodeRecord) -> None:
        """Learns how long episodes of that simulator take."""
        if record.outcome is not Outcome.ERROR:
            queue = self._queues[self._simulators(record.key)]
            queue.num_finished += 1
            queue.wall_s += record.wall_s

    def _step_guess_s(self) -> float:
        """Mean wall time per allowed control step, over the simulators that have run."""
        known = [
            queue.wall_s / queue.num_finished / queue.step_limit
            for queue in self._queues.values()
            if queue.num_finished
        ]
        return sum(known) / len(known) if known else FIRST_GUESS_S
