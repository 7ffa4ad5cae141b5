"""Chooses what may be said from an interval and a margin fixed before the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import sqrt
from typing import Protocol


class Interval(Protocol):
    """An estimate with limits, e.g. a Difference or a Clustered."""

    @property
    def estimate(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


class Claim(StrEnum):
    """What is claimed of the first policy against the second."""

    HIGHER = "higher"
    NOT_LOWER = "not_lower"
    """Lower by less than the margin, if at all."""
    EQUIVALENT = "equivalent"


class Verdict(StrEnum):
    """What the data say of a claim; the sentence in a report follows from it."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not_supported"
    """The data contradict the claim; not finding it is NOT_RESOLVED."""
    EQUIVALENT = "equivalent"
    NOT_RESOLVED = "not_resolved"
    NOT_TESTED = "not_tested"


def judge(
    claim: Claim,
    interval: Interval | None,
    *,
    margin: float | None = None,
    p_adjusted: float | None = None,
    alpha: float = 0.05,
    seeds: Sequence[float] = (),
    rerun_sd: float = 0.0,
) -> Verdict:
    """What may be said of a claim about the difference of two rates.

    A claim of a difference holds if the interval excludes zero, the p-value adjusted for its
    family is below alpha, each training seed shows the same sign, and the difference exceeds
    what a second pass over the same episodes moves. Any of these missing leaves it open.

    Args:
        interval: Of the first policy minus the second, as fractions of 1; None if this was
            not measured. Pass one of confidence 1 - 2 alpha to judge equivalence as two
            one-sided tests do; with the usual 95 % it is judged more carefully.
        margin: Largest difference that does not matter, as a fraction of 1.
        p_adjusted: Two-sided, e.g. by `holm`; None if this claim is the only one.
        seeds: Estimate of each training seed, if the claim is about a method.
        rerun_sd: Standard deviation of a rate between passes over the same episodes.

    Raises:
        ValueError: If margin, alpha or the standard deviation make no sense, or a claim that
            needs a margin has none.
    """
    _check(claim, margin, alpha, rerun_sd)
    if interval is None:
        return Verdict.NOT_TESTED
    if margin is not None and claim is not Claim.HIGHER:
        return _judge_margin(claim, interval, margin)
    noisy = abs(interval.estimate) < 2 * sqrt(2) * rerun_sd
    found = p_adjusted is None or p_adjusted < alpha
    sign = 1 if interval.estimate > 0 else -1
    resolved = found and not noisy and all(sign * seed > 0 for seed in seeds)
    if resolved and interval.low > 0:
        return Verdict.SUPPORTED
    if resolved and interval.high < 0:
        return Verdict.NOT_SUPPORTED
    if margin is not None and -margin < interval.low and interval.high < margin:
        return Verdict.EQUIVALENT
    return Verdict.NOT_RESOLVED


def leading_cause(effects: Mapping[str, Interval]) -> str | None:
    """The one factor that may be named as the cause of a gain; None if none may.

    Its effect must be resolved and its lower limit above the upper limit of every other.

    Args:
        effects: Main effects of a factorial design on one scale; their arms differ in nothing
            else.
    """
    for name, effect in effects.items():
        others = [other.high for key, other in effects.items() if key != name]
        if effect.low > 0 and all(effect.low > high for high in others):
            return name
    return None


def _judge_margin(claim: Claim, interval: Interval, margin: float) -> Verdict:
    if claim is Claim.NOT_LOWER:
        if interval.low > -margin:
            return Verdict.SUPPORTED
        return Verdict.NOT_SUPPORTED if interval.high < -margin else Verdict.NOT_RESOLVED
    if -margin < interval.low and interval.high < margin:
        return Verdict.EQUIVALENT
    beyond = interval.low > margin or interval.high < -margin
    return Verdict.NOT_SUPPORTED if beyond else Verdict.NOT_RESOLVED


def _check(claim: Claim, margin: float | None, alpha: float, rerun_sd: float) -> None:
    if claim is not Claim.HIGHER and margin is None:
        raise ValueError(f"margin: got none, expected one for the claim {claim.value!r}")
    if margin is not None and not 0 < margin < 1:
        raise ValueError(f"margin: got {margin}, expected a fraction between 0 and 1")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha: got {alpha}, expected a number between 0 and 1")
    if not rerun_sd >= 0:
        raise ValueError(f"rerun_sd: got {rerun_sd}, expected 0 or more")
