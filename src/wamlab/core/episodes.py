"""What was run, and how it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

SCHEMA_VERSION = 1
"""Version of `EpisodeRecord` on disk. Raise it when a field changes meaning."""

SECOND_PASS = 1000
"""Added to the seed of an episode that is repeated; benchmarks ask for seeds below it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class EpisodeKey:
    """Names one episode, independent of the policy, so that policies can be compared in pairs.

    Attributes:
        benchmark: Module name of the benchmark, e.g. "libero".
        suite: Group of tasks, e.g. "libero_10".
        task: Stable task id from the benchmark, not the instruction text.
        init: Index of the initial state. Negative where another harness's result file does not
            say which it was: -1 minus the position in its list, so that episodes stay distinct.
        seed: Repetition of the same initial state; feeds every random stream of the episode.
        axis: Perturbation axis, or "none".
        severity: Strength on that axis; 0 means unperturbed, 1 to 5 otherwise.
    """

    benchmark: str
    suite: str
    task: str
    init: int
    seed: int = 0
    axis: str = "none"
    severity: int = 0

    def __str__(self) -> str:
        init = f"{self.init:02d}" if self.knows_init else f"?{-1 - self.init:02d}"
        place = f"{self.benchmark}/{self.suite}/{self.task}/init{init}/seed{self.seed}"
        return place if self.axis == "none" else f"{place}/{self.axis}{self.severity}"

    @property
    def knows_init(self) -> bool:
        """Whether the initial state is known; if not, the episode pairs with no other."""
        return self.init >= 0

    @property
    def second_pass(self) -> EpisodeKey:
        """The same episode with other random draws: same task, same initial state.

        A function of the name alone, so that second passes of two policies pair as first ones do.
        """
        return replace(self, seed=self.seed + SECOND_PASS)

    @property
    def slug(self) -> str:
        """The name of the episode's files in a run folder, without suffix."""
        return str(self).replace("/", "__").replace("?", "unknown")

    def rng(self, stream: str) -> np.random.Generator:
        """The random stream of that name; the same on every machine and in every order."""
        digest = hashlib.sha256(f"{self}#{stream}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:16]))


def in_random_order(keys: Iterable[EpisodeKey]) -> list[EpisodeKey]:
    """The same order on every machine, in which nothing about an episode decides its place."""
    return sorted(keys, key=lot)


def lot(key: EpisodeKey) -> bytes:
    """Draws lots: the same on every machine, and for every policy."""
    return hashlib.sha256(f"{key}#sample".encode()).digest()


class Outcome(StrEnum):
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"  # says nothing about the policy: left out of every rate, run again on resume


class StopReason(StrEnum):
    """Why an episode ended. The outcome follows from it."""

    SUCCEEDED = "succeeded"
    STEP_LIMIT = "step_limit"
    TERMINATED = "terminated"  # the simulator ended the episode without success
    INVALID_PLAN = "invalid_plan"  # the policy answered, but with NaN or a wrong shape
    FAILED = "failed"  # imported: the source says that it failed, not why
    POLICY_ERROR = "policy_error"  # the policy did not answer: out of memory, lost connection
    SIMULATOR_ERROR = "simulator_error"

    @property
    def outcome(self) -> Outcome:
        match self:
            case StopReason.SUCCEEDED:
                return Outcome.SUCCESS
            case StopReason.POLICY_ERROR | StopReason.SIMULATOR_ERROR:
                return Outcome.ERROR
            case _:
                return Outcome.FAILURE


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a simulator process spent on one kind of work in one episode.

    Attributes:
        work: "reset" (settling steps and first images included), "step" (a control step without
            images), "seen_step" (one with images); to find out `EpisodeRecord.settled`: "settle"
            (a control step) and "settle_plan" (waiting for a plan); "build" (from the start of
            the process until the simulator was loaded; in its first episode, before `wall_s`).
        num: How often.
        wall_s: Wall time of all together.
        cpu_s: Processor time of all together, of all threads of the process.
        queued_s: Of the wall time, what the simulator's own thread could have computed in and got
            no core for; None where the system does not say (it is Linux's run delay).
    """

    work: str
    num: int
    wall_s: float
    cpu_s: float
    queued_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRecord:
    """One finished episode, one line of `episodes.jsonl`.

    Attributes:
        policy: Digest of the policy's resolved config and weights.
        num_steps: Control steps executed until the episode stopped, settling steps excluded.
            For a success this is the success step: the episode also succeeds under every
            limit of at least this many steps, and under no shorter one. None if an imported
            file does not say.
        plan_ms: Wall time of each plan as the worker saw it, queueing included.
        forward_ms: The policy's own share of each of `plan_ms`: its call, with all that was in the
            batch. The rest was spent waiting for it, and on the way. Empty if nobody measured it.
        queued_ms: Of each of `plan_ms`, what the request waited until the policy was idle; what
            neither this nor `forward_ms` explains was spent on the way. Empty in imported records
            and in those that are older than the field.
        num_held: Control steps without an action to execute, because a plan was awaited (see
            `core.delay`); they are among `num_steps`.
        error: Type and message of the exception that ended the episode, if one did.
        settled: Whether the goal still held after the policy let go and 20 idle steps; None
            if that was not asked for or the episode did not succeed.
        trace: Hash over the simulator's full state after every control step (and of every
            image that the policy read); equal traces mean equal episodes.
        video: Path of the episode's video inside the run folder.
        imagined: Path of the film of what the policy imagined, above what came; None if that
            was not asked for or nothing was imagined.
        attempt: 1 for the first try; errored episodes are tried again.
        wall_s: Wall time of the episode, resetting included.
        source: Which imported file or pooled bundle it came from; None in the run itself.
        twin: The same episode undisturbed, where the benchmark disturbs another one; says also
            which task was disturbed.
        instruction: What the policy was told first; None if the episode did not start, or an
            imported file does not say.
        repeats: The episode that this one repeats with other random draws, for test-retest
            (`second_pass`); it then belongs into no rate. None for all others.
        spent: What the simulator's process worked on; kinds of work that did not occur are
            absent. Empty in imported records and in those that are older than the field.
    """

    key: EpisodeKey
    policy: str
    stop: StopReason
    num_steps: int | None
    plan_ms: tuple[float, ...] = ()
    forward_ms: tuple[float, ...] = ()
    queued_ms: tuple[float, ...] = ()
    num_held: int = 0
    error: str | None = None
    settled: bool | None = None
    trace: str | None = None
    video: str | None = None
    imagined: str | None = None
    attempt: int = 1
    wall_s: float = 0.0
    source: str | None = None
    twin: EpisodeKey | None = None
    instruction: str | None = None
    repeats: EpisodeKey | None = None
    spent: tuple[Spent, ...] = ()
    schema_version: int = field(default=SCHEMA_VERSION)

    @property
    def outcome(self) -> Outcome:
        return self.stop.outcome

    @property
    def num_plans(self) -> int:
        return len(self.plan_ms)
