"""What crosses the pipes between the parent, its simulator workers and the policy process.

Requests and chunks travel as bytes that the parent passes on without opening them: images
are copied, never decoded, on their way to the policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wamlab.core.config import Json
from wamlab.core.episodes import EpisodeKey, EpisodeRecord
from wamlab.core.specs import PolicySpec
from wamlab.engine.rollout import Terms

# Parent -> worker


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSetup:
    """First message to a worker.

    Attributes:
        benchmark: The benchmark's config, packed.
        key: Some episode of the worker's simulator; it is not assigned yet.
        folder: Run folder, for signals and videos; None if it is on another machine.
        save_imagined: See `Run`.
    """

    benchmark: Mapping[str, Json]
    key: EpisodeKey
    terms: Terms
    folder: Path | None
    video_every: int
    save_imagined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign:
    """Run this episode."""

    key: EpisodeKey
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The policy's answer to one request; also policy -> parent.

    Attributes:
        chunk: Pickled `ActionChunk`, or None if there is none.
        error: "Type: message" if there is no chunk.
        invalid: Whether the policy is to blame: it answered, but with nonsense.
    """

    key: EpisodeKey
    chunk: bytes | None = None
    error: str = ""
    invalid: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Close what is open and exit; also parent -> policy."""


# Worker -> parent


@dataclass(frozen=True, slots=True)
class Ready:
    """The simulator is built.

    Attributes:
        fingerprint: See `Benchmark.fingerprint`; None where the run folder is, since the parent
            runs there too.
    """

    fingerprint: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The simulator moves."""

    num_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A plan is needed.

    Attributes:
        request: Pickled `PlanRequest`.
        queued_ms: What it waited in the parent until the policy was idle, told to the policy.
    """

    key: EpisodeKey
    request: bytes
    queued_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The episode is over.

    Attributes:
        files: Path in the run folder -> content of a film or of signals that is not on disk yet,
            since the run folder is on another machine.
    """

    record: EpisodeRecord
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The request itself is wrong (`ConfigError`); also policy -> parent."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwritable:
    """A file of the run folder cannot be written."""

    reason: str


# Parent -> policy, policy -> parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Work for the policy: first forget, then begin, then plan.

    Attributes:
        requests: Pickled `PlanRequest`s, each of another episode.
    """

    ended: tuple[EpisodeKey, ...]
    begun: tuple[EpisodeKey, ...]
    requests: tuple[Ask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReady:
    """The policy is built.

    Attributes:
        facts: See `core.protocols.DescribesModel`; empty for a policy that knows none.
    """

    spec: PolicySpec
    digest: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """One answer for each request of a batch."""

    answers: tuple[Answer, ...]
