"""What a hypothesis asks, in words that follow from its rule."""

from __future__ import annotations

from wamlab.core.hypotheses import (
    FactorEffect,
    FactorialEffect,
    FailureShares,
    GapDifference,
    Hypothesis,
    LatencyRatio,
    Reproduction,
    ScoreTrend,
    SequentialDifference,
    SuccessDifference,
)
from wamlab.report.numbers import percent
from wamlab.report.selection import listed, scope_words
from wamlab.report.texts import Text, same, say


def asked(hypothesis: Hypothesis) -> Text:
    """The claim as a clause without a full stop."""
    values: dict[str, object] = {"margin": margin_of(hypothesis)}
    match hypothesis.measure:
        case SuccessDifference() | SequentialDifference() | FailureShares() as measure:
            if isinstance(measure, FailureShares):
                kind, mode = "shares", measure.share_of
            else:
                mode = getattr(measure, "failure_mode", None)
                kind = "success" if mode is None else "mode"
            values |= {
                "first": listed(measure.first),
                "second": listed(measure.second),
                "scope": scope_words(measure.scope),
                "mode": mode_words(mode),
            }
        case FactorEffect() as measure:
            is_interaction = measure.effect is FactorialEffect.INTERACTION
            kind = "interaction" if is_interaction else "effect"
            factor, other = measure.factors
            if measure.effect is FactorialEffect.SECOND:
                factor, other = other, factor
            values |= {"factor": factor, "other": other, "scope": scope_words(measure.scope)}
        case GapDifference() as measure:
            kind = "gap"
            values |= {
                "first": listed(measure.first),
                "second": listed(measure.second),
                "scope": scope_words(measure.scope),
                "other": scope_words(measure.less_on),
            }
        case ScoreTrend() as measure:
            kind = "trend"
            values |= {"first": listed(measure.arm), "scope": scope_words(measure.scope)}
        case LatencyRatio() as measure:
            values |= {
                "first": listed(measure.first),
                "second": listed(measure.second),
                "bound": f"{measure.bound:g}",
            }
            return say(f"asked_latency_{'below' if measure.is_upper else 'above'}", **values)
        case Reproduction() as measure:
            kind = "reproduction"
            values |= {
                "first": listed(measure.arm),
                "scope": scope_words(measure.scope),
                "published": percent(measure.published),
            }
    return say(f"asked_{kind}_{hypothesis.asserts}", **values)


def mode_words(name: str | None) -> Text:
    """A category of failures as a reader knows it; nothing for none."""
    return same("") if name is None else say(f"kind_{name}")


def margin_of(hypothesis: Hypothesis) -> str:
    """The margin in percentage points, without digits that say nothing."""
    return "" if hypothesis.margin is None else f"{100 * hypothesis.margin:g}"
