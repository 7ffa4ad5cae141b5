"""The number that a hypothesis is about, and what is known beside the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Unit(StrEnum):
    """What the number of a hypothesis is."""

    POINTS = "points"  # a difference of rates, as a fraction of 1
    CORRELATION = "correlation"
    RATIO = "ratio"  # log of a ratio against its bound; positive if the claim holds


class Measured(NamedTuple):
    """A number with its interval.

    Attributes:
        p: Two-sided, not adjusted; None where the claim is judged by its interval alone.
        num_pairs: Episodes that it is made of, over all training seeds.
        by_seed: The estimate of each training seed.
        detectable: Smallest true value that 80 % of such studies find; None if not known.
        holds_for_new_tasks: Whether the interval covers the spread between tasks.
        is_leading: Of a main effect: whether it exceeds the upper limit of the other one.
        apart: What a main effect is the average of: the effect without the other factor, and
            with it.
        num_unpaired: Episodes in the scope that only some rows finished; they enter nothing.
        own: Of a reproduction: our own rate.
    """

    estimate: float
    low: float
    high: float
    p: float | None
    num_pairs: int
    by_seed: tuple[float, ...]
    detectable: float | None = None
    holds_for_new_tasks: bool = True
    unit: Unit = Unit.POINTS
    is_leading: bool | None = None
    apart: tuple[float, float] | None = None
    num_unpaired: int = 0
    own: float | None = None


class Timing(NamedTuple):
    """Median time of one plan, with synchronised calls after a warm-up.

    Attributes:
        low_ms: Lower end of what the median may be, restarts of the process included.
        machine: Where it was timed: times of two machines have no ratio.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    num_calls: int
    machine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known beside the records of the runs.

    Attributes:
        timings: Row -> how long one plan takes.
    """

    timings: Mapping[str, Timing] = field(default_factory=dict)
