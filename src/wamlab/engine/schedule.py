"""Which episodes are left, and who runs them when.

Episodes of one task share a simulator, so they are dealt task by task: the longest task first,
and when no task is left without a worker, an idle worker joins the one with most work left.
The order never changes a result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, Outcome
from wamlab.core.errors import ConfigError, ContractError

MAX_ATTEMPTS = 3  # of an episode that ends in an error: two retries, one at each resume
MAX_BUILD_FAILURES = 3  # of one task's simulator, in a row
FIRST_GUESS_S = 0.05  # wall time per control step of a task that has not run yet


class Task(NamedTuple):
    """What one simulator serves."""

    suite: str
    task: str
    axis: str
    severity: int

    @classmethod
    def of(cls, key: EpisodeKey) -> Task:
        return cls(key.suite, key.task, key.axis, key.severity)


class Turn(NamedTuple):
    """One episode to run; `attempt` is 1 for the first try."""

    key: EpisodeKey
    attempt: int


@dataclass(slots=True)
class Queue:
    """The episodes of one task that nobody has taken yet, and what is known about its speed."""

    turns: deque[Turn]
    step_limit: int
    num_workers: int = 0
    num_building: int = 0  # workers that have no simulator yet
    num_build_failures: int = 0
    wall_s: list[float] = field(default_factory=list)  # of finished episodes

    def expected_s(self, guess_s: float) -> float:
        """Wall time of one worker for everything that is left.

        Args:
            guess_s: Wall time per control step for a task that has not run yet.
        """
        if self.wall_s:
            return len(self.turns) * sum(self.wall_s) / len(self.wall_s)
        return len(self.turns) * self.step_limit * guess_s


def selected(keys: Sequence[EpisodeKey], pattern: str | None) -> list[EpisodeKey]:
    """The episodes whose name matches a shell pattern, in order.

    Raises:
        ConfigError: If none does.
        ContractError: If the benchmark names an episode twice.
    """
    if len(set(keys)) != len(keys):
        raise ContractError("the benchmark names an episode twice; see its episodes()")
    chosen = [key for key in keys if pattern is None or fnmatchcase(str(key), pattern)]
    if not chosen:
        raise ConfigError(
            f"--only {pattern}: matches none of {len(keys)} episodes; they are called e.g. "
            f"{keys[0] if keys else 'nothing: the benchmark names none'}"
        )
    return chosen


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
    ) -> None:
        self._queues: dict[Task, Queue] = {}
        self._build_s: list[float] = []
        self.num_given_up = 0
        for key in keys:
            record = records.get(key)
            if record is not None and record.outcome is not Outcome.ERROR:
                continue
            attempt = record.attempt + 1 if record is not None else 1
            if attempt > MAX_ATTEMPTS:
                self.num_given_up += 1
                continue
            queue = self._queues.setdefault(Task.of(key), Queue(deque(), step_limit(key)))
            queue.turns.append(Turn(key, attempt))

    @property
    def num_left(self) -> int:
        """Episodes that nobody has taken yet."""
        return sum(len(queue.turns) for queue in self._queues.values())

    def expected_s(self) -> float:
        """Wall time of one worker for everything that nobody has taken yet."""
        guess_s = self._step_guess_s()
        return sum(queue.expected_s(guess_s) for queue in self._queues.values())

    def choose(self) -> Task | None:
        """The task for an idle worker, which is counted as its worker.

        Returns:
            None if nothing is left, or so little that others finish it sooner than this worker
            could build a simulator.
        """
        guess_s = self._step_guess_s()
        build_s = sum(self._build_s) / len(self._build_s) if self._build_s else 0.0

        def work_per_worker(task: Task) -> tuple[bool, float]:
            queue = self._queues[task]
            return queue.num_workers == 0, queue.expected_s(guess_s) / (queue.num_workers + 1)

        task = max(
            (task for task, q in self._queues.items() if len(q.turns) > q.num_building),
            key=work_per_worker,
            default=None,
        )
        if task is None:
            return None
        queue = self._queues[task]
        if queue.num_workers and queue.expected_s(guess_s) / queue.num_workers < build_s:
            return None
        queue.num_workers += 1
        queue.num_building += 1
        return task

    def peek(self, task: Task) -> EpisodeKey:
        """Some episode of a task that `choose` gave."""
        return self._queues[task].turns[0].key

    def take(self, task: Task) -> Turn | None:
        """The next episode of that task, or None if it has no more."""
        turns = self._queues[task].turns
        return turns.popleft() if turns else None

    def leave(self, task: Task) -> None:
        """A worker has stopped working on the task."""
        self._queues[task].num_workers -= 1

    def built(self, task: Task, wall_s: float) -> None:
        self._queues[task].num_building -= 1
        self._queues[task].num_build_failures = 0
        self._build_s.append(wall_s)

    def build_failed(self, task: Task) -> list[Turn]:
        """The episodes that pay for a simulator that could not be built.

        One each time; after three times in a row all that are left, since each try costs
        seconds and none will succeed.
        """
        queue = self._queues[task]
        queue.num_building -= 1
        queue.num_build_failures += 1
        num_charged = len(queue.turns) if queue.num_build_failures >= MAX_BUILD_FAILURES else 1
        return [queue.turns.popleft() for _ in range(min(num_charged, len(queue.turns)))]

    def finished(self, record: EpisodeRecord) -> None:
        """Learns how long episodes of that task take."""
        if record.outcome is not Outcome.ERROR:
            self._queues[Task.of(record.key)].wall_s.append(record.wall_s)

    def _step_guess_s(self) -> float:
        """Mean wall time per allowed control step, over the tasks that have run."""
        known = [
            sum(queue.wall_s) / len(queue.wall_s) / queue.step_limit
            for queue in self._queues.values()
            if queue.wall_s
        ]
        return sum(known) / len(known) if known else FIRST_GUESS_S
