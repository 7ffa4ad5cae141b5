"""The sentence that may be written of a hypothesis; its verdict chooses it, not a writer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import exp

from wamlab.core.hypotheses import (
    Asserted,
    FactorEffect,
    FactorialEffect,
    FailureShares,
    LatencyRatio,
    Reproduction,
    SequentialDifference,
    SuccessDifference,
)
from wamlab.report.claim_questions import asked, margin_of, mode_words
from wamlab.report.claims import MIN_SEEDS, Finding
from wamlab.report.measured import Measured, Unit
from wamlab.report.numbers import percent, points, points_interval
from wamlab.report.selection import Missing, listed, scope_words
from wamlab.report.texts import Text, same, say
from wamlab.stats.verdicts import Verdict

DIFFERENCES = (SuccessDifference, SequentialDifference)


def sentence(finding: Finding) -> Text:
    """Everything that may be said of one hypothesis, in order: result, reach, cause, standing."""
    result = finding.result
    if isinstance(result, Missing):
        question = asked(finding.hypothesis)
        return say("not_tested_sentence", asked=question, why=result.why, needed=result.needed)
    told = [_result(finding, result), *_apart(finding, result), *_reach(finding, result)]
    told += [*_cause(finding, result), *_standing(finding, result)]
    whole = _together(told)
    return say("exploratory_prefix", sentence=whole) if finding.is_exploratory else whole


def verdict_words(finding: Finding) -> Text:
    if finding.verdict is Verdict.EQUIVALENT:
        return say("words_equivalent_within", margin=margin_of(finding.hypothesis))
    return say(f"words_{finding.verdict}")


def number_text(finding: Finding, result: Measured) -> Text:
    """The number with its unit."""
    return _number(finding, result.estimate, result.unit)


def interval_text(finding: Finding, result: Measured) -> str:
    """The limits in the unit of the number."""
    _, low, high = shown_numbers(finding, result)
    if result.unit is Unit.POINTS:
        return points_interval(low, high)
    return f"[{low:.2f}, {high:.2f}]"


def shown_numbers(finding: Finding, result: Measured) -> tuple[float, float, float]:
    """Estimate and limits as a reader knows them: a ratio, not its log against a bound."""
    numbers = (result.estimate, result.low, result.high)
    if result.unit is Unit.POINTS:
        return numbers
    estimate, *ends = (_plain(finding, number) for number in numbers)
    return estimate, min(ends), max(ends)


def _number(finding: Finding, value: float, unit: Unit) -> Text:
    if unit is Unit.POINTS:
        number = points(value)
        return Text(f"{number} pp", f"{number} \u4e2a\u767e\u5206\u70b9")
    mark = "\u00d7" if unit is Unit.RATIO else "\u03c1 "
    number = f"{_plain(finding, value):.2f}"
    return same(f"{number}{mark}" if unit is Unit.RATIO else f"{mark}{number}")


def _plain(finding: Finding, value: float) -> float:
    """A ratio as a ratio, a correlation with the sign that it was computed with."""
    measure = finding.hypothesis.measure
    if isinstance(measure, LatencyRatio):
        return measure.bound * exp(-value if measure.is_upper else value)
    return -value


def _result(finding: Finding, result: Measured) -> Text:
    hypothesis, verdict = finding.hypothesis, finding.verdict
    question = asked(hypothesis)
    shown: dict[str, object] = {
        "asked": question,
        "words": verdict_words(finding),
        "number": number_text(finding, result),
        "points": _points(finding, result),
        "interval": _interval(finding, result),
        "n": f"{result.num_pairs:,}",
        "largest": percent(abs(result.estimate)),
        "seeds": _seeds(hypothesis.num_seeds),
        "margin": margin_of(hypothesis),
    }
    measure = hypothesis.measure
    if isinstance(measure, FailureShares):
        return say(_shares_key(finding), **shown)
    if isinstance(measure, Reproduction) and result.own is not None:
        key = "reproduced" if verdict is Verdict.EQUIVALENT else "reproduction_open"
        published = percent(measure.published)
        return say(key, **shown, own=percent(result.own), published=published,
                   source=measure.source, scope=scope_words(measure.scope))  # fmt: skip
    if verdict is Verdict.NOT_RESOLVED:
        return _unresolved(finding, result, shown)
    if isinstance(measure, DIFFERENCES):
        mode = mode_words(getattr(measure, "failure_mode", None))
        if not mode.en:
            return say(_success_key(finding), **shown, **_sides(finding, measure))
    if isinstance(measure, DIFFERENCES) and _names_the_higher(finding):
        return say("mode_fewer", **shown, **_sides(finding, measure), mode=mode)
    return say("plain_result", **shown)


def _points(finding: Finding, result: Measured) -> str:
    """With its sign, but where the sentence already says who is the higher one."""
    if _names_the_higher(finding):
        return percent(abs(result.estimate))
    return points(result.estimate)


def _unresolved(finding: Finding, result: Measured, shown: dict[str, object]) -> Text:
    """Names what would have been seen only where the difference is in fact below it."""
    if finding.hypothesis.asserts is not Asserted.HIGHER:
        return say("unresolved_margin", **shown)
    if result.detectable is not None and abs(result.estimate) < result.detectable:
        return say("unresolved_small", **shown, mde=percent(result.detectable))
    return say("plain_unresolved", **shown)


def _names_the_higher(finding: Finding) -> bool:
    """Whether the sentence names the better row first, so that the difference has no sign."""
    is_higher = finding.hypothesis.asserts is Asserted.HIGHER
    is_difference = isinstance(finding.hypothesis.measure, DIFFERENCES)
    return is_difference and is_higher and finding.verdict in (
        Verdict.SUPPORTED, Verdict.NOT_SUPPORTED
    )  # fmt: skip


def _shares_key(finding: Finding) -> str:
    """The sentence on what failures are made of; its question says who and where."""
    if finding.hypothesis.asserts is Asserted.EQUIVALENT:
        decided = finding.verdict is not Verdict.NOT_RESOLVED
        return "shares_largest" if decided else "shares_largest_open"
    return "shares_of" if finding.verdict is not Verdict.NOT_RESOLVED else "shares_of_open"


def _success_key(finding: Finding) -> str:
    match finding.verdict, finding.hypothesis.asserts:
        case Verdict.EQUIVALENT, _:
            return "success_equivalent"
        case _, Asserted.HIGHER:
            return "success_exceeds"
        case Verdict.SUPPORTED, _:
            return "success_not_lower"
        case _, Asserted.NOT_LOWER:
            return "success_lower"
        case _:
            return "success_apart"


def _sides(
    finding: Finding, measure: SuccessDifference | SequentialDifference
) -> dict[str, object]:
    first, second = listed(measure.first), listed(measure.second)
    if _names_the_higher(finding) and finding.verdict is Verdict.NOT_SUPPORTED:
        first, second = second, first
    return {"first": first, "second": second, "scope": scope_words(measure.scope)}


def _interval(finding: Finding, result: Measured) -> Text:
    shown = interval_text(finding, result)
    measure = finding.hypothesis.measure
    if _names_the_higher(finding) and finding.verdict is Verdict.NOT_SUPPORTED:
        assert isinstance(measure, DIFFERENCES)
        shown = points_interval(-result.high, -result.low)
    return say("interval_at", confidence=f"{100 * finding.confidence:.3g}", interval=shown)


def _seeds(num_seeds: int) -> Text:
    return say("one_training_seed") if num_seeds == 1 else say("num_training_seeds", n=num_seeds)


def _apart(finding: Finding, result: Measured) -> list[Text]:
    """An average over the other factor hides that the effect may be there on one side alone."""
    measure = finding.hypothesis.measure
    if result.apart is None or not isinstance(measure, FactorEffect):
        return []
    first, second = measure.factors
    other = second if measure.effect is FactorialEffect.FIRST else first
    without, together = map(points, result.apart)
    return [say("effect_apart", other=other, without=without, together=together)]


def _reach(finding: Finding, result: Measured) -> list[Text]:
    """Whom the sentence is about: checkpoints or a method, these tasks or new ones."""
    told = []
    if not finding.is_about_method:
        told.append(
            say("about_checkpoints", least=MIN_SEEDS, seeds=_seeds(finding.hypothesis.num_seeds))
        )
    measure = finding.hypothesis.measure
    if isinstance(measure, SequentialDifference):
        told.append(
            say(
                "looked_early", n=f"{result.num_pairs:,}", planned=f"{measure.scope.num_episodes:,}"
            )
        )
    elif result.unit is Unit.POINTS and not result.holds_for_new_tasks:
        told.append(say("about_these_tasks"))
    return told


def _cause(finding: Finding, result: Measured) -> list[Text]:
    """A cause, or why none is named; only where a factor was registered and there is a result."""
    hypothesis = finding.hypothesis
    resolved = finding.verdict in (Verdict.SUPPORTED, Verdict.NOT_SUPPORTED)
    if hypothesis.factor is None or not resolved:
        return []
    if (factor := finding.factor) is not None:
        return [say("cause_named", **factor._asdict())]
    if finding.differing is None:
        return [say("cause_unknown")]
    if len(finding.differing) == 1 and result.is_leading is False:
        return [say("cause_not_leading")]
    paths = [setting.path for setting in finding.differing]
    if not paths:
        return [say("cause_none")]
    if len(paths) == 1:
        return [say("cause_other", path=paths[0])]
    return [say("cause_several", n=len(paths), paths=listed(paths))]


def _standing(finding: Finding, result: Measured) -> list[Text]:
    told = []
    scope = getattr(finding.hypothesis.measure, "scope", None)
    planned = 0 if scope is None else scope.num_episodes * finding.hypothesis.num_seeds
    is_paired = isinstance(finding.hypothesis.measure, DIFFERENCES)
    if is_paired and result.num_pairs > planned:
        told.append(say("more_than_planned", found=result.num_pairs, planned=planned))
    if finding.registered is None:
        told.append(say("exploratory_never"))
    elif finding.is_exploratory and finding.first_episode is not None:
        registered, started = map(time_text, (finding.registered, finding.first_episode))
        told.append(say("exploratory_late", registered=registered, started=started))
    return told


def time_text(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _together(told: Sequence[Text]) -> Text:
    return Text(" ".join(text.en for text in told), "".join(text.zh for text in told))
