"""How long a policy's plans took, as a report reads it; light, so that a command can fill it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Interval = tuple[float | None, float | None]


class Batch(NamedTuple):
    """One size of a batch.

    Attributes:
        num: Episodes in one call.
        plans_per_s: Of all of them together.
    """

    num: int
    p50_ms: float
    plans_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """How long one policy's plans took on one device, batch 1, after a warm-up, synchronised.

    Attributes:
        name: The policy's row in tables.
        group: VLA or WAM; None if the policy does not say.
        device: Name of the processor or card.
        p50_interval: 95 %; None on a side where the calls are too few.
        denoise_steps: As the policy's settings say; None if they do not.
        executed: Actions executed per chunk, of those predicted.
        policy: Its class and settings (`core.config.pack`), by which its success is found.
        load: Load average of the machine after the timing.
        stages: Name and milliseconds of each part of a plan, in order; they add up to a plan.
            Empty if nobody cut it up.
        batches: Each size that was timed, ascending.
    """

    name: str
    group: str | None
    device: str
    num_calls: int
    mean_ms: float
    sd_ms: float
    p50_ms: float
    p50_interval: Interval
    p95_ms: float
    p95_interval: Interval
    denoise_steps: int | None
    executed: int
    predicted: int
    ms_per_action: float
    policy: object
    load: float
    stages: tuple[tuple[str, float], ...] = ()
    batches: tuple[Batch, ...] = ()
