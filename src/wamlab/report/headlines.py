"""What a person should take away of a report in a second, and what it could not see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wamlab.report.contrasts import Contrast, Verdict, against_reference, by_suite
from wamlab.report.entries import Entry
from wamlab.report.estimates import average, pooled, rate
from wamlab.report.layout import suite_label
from wamlab.report.numbers import (
    EN_DASH,
    p_value,
    percent,
    percent_interval,
    points,
    points_interval,
)
from wamlab.report.study import Study
from wamlab.report.svg import NUM_COLORS
from wamlab.report.texts import Text, same, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What a person should take away of one policy in a second.

    Attributes:
        share: Success rate, 0 to 1, on average or of the only suite; None if not measured.
        interval: Ends of its interval, 0 to 1.
    """

    name: str
    color: int
    share: float | None
    interval: tuple[float, float]
    number: Text
    detail: Text
    against: Text | None
    certainty: Text | None
    verdict: str
    query: Mapping[str, str]


def headlines(study: Study) -> list[Headline]:
    suites = study.counted
    contrasts = against_reference(study, suites)
    return [_headline(study, entry, suites, contrasts.get(entry.name)) for entry in study.entries]


def _headline(
    study: Study, entry: Entry, suites: tuple[str, ...], one: Contrast | None
) -> Headline:
    mean = average(entry, suites)
    found = rate(pooled(entry, suites))
    number, detail = say("not_measured_average"), _suites_measured(study, entry)
    interval = (0.0, 0.0)
    if mean is not None and found is not None:
        number = same(percent(mean))
        interval = found[1:3]
        detail = say(
            "of_episodes" if len(suites) > 1 else "of_suite_episodes",
            suite=suite_label(study.benchmark, suites[0]),
            interval=percent_interval(*interval),
            n=f"{found.num_episodes:,}",
        )
    against = certainty = None
    if one is not None:
        against = say("against", points=points(one.estimate), reference=one.second)
        certainty = _certainty(one)
    elif entry is study.reference and study.others:
        against = say("reference")
    return Headline(
        name=entry.name,
        color=study.colors[entry.name] % NUM_COLORS,
        share=mean,
        interval=interval,
        number=number,
        detail=detail,
        against=against,
        certainty=certainty,
        verdict="" if one is None else one.verdict.value,
        query=entry.link(),
    )


def _suites_measured(study: Study, entry: Entry) -> Text:
    """What there is instead of an average."""
    found = []
    for suite in study.suites:
        measured = rate(entry.suite(suite))
        if measured is not None:
            interval = percent_interval(measured.low, measured.high)
            label = suite_label(study.benchmark, suite)
            found.append(f"{label} {percent(measured.estimate)} % {interval}")
    return same("; ".join(found))


def _certainty(one: Contrast) -> Text:
    return say(
        "certainty",
        word=say(f"verdict_{one.verdict}"),
        interval=points_interval(*one.interval[1:]),
        p=p_value(one.p_adjusted),
    )


def blind_spots(study: Study) -> list[Text]:
    """What stayed unresolved, beside what would have been found, in words."""
    if study.is_mixed:
        return [say("blind_mixed")]
    if not study.others:
        return []
    averages = list(against_reference(study, study.counted).values())
    found = [_blind_spot(one) for one in averages if one.verdict is Verdict.UNRESOLVED]
    if averages and not found:
        found.append(say("blind_none"))
    suites = list(by_suite(study).values()) if len(study.counted) > 1 else []
    if missed := [one.detectable or 0 for one in suites if one.verdict is Verdict.UNRESOLVED]:
        needed = EN_DASH.join(dict.fromkeys(percent(end) for end in (min(missed), max(missed))))
        found.append(say("blind_suites", n=len(missed), total=len(suites), detectable=needed))
    return found


def _blind_spot(one: Contrast) -> Text:
    assert one.pairs is not None
    assert one.detectable is not None
    return say(
        "blind_lead",
        first=one.first,
        second=one.second,
        observed=points(one.estimate),
        detectable=percent(one.detectable),
        pairs=f"{one.pairs.num_pairs:,}",
        discordance=percent(one.pairs.num_discordant / one.pairs.num_pairs),
    )
