"""Cells of Table 1: what is read of one policy in one column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wamlab.core.episodes import EpisodeRecord
from wamlab.report.contrasts import Contrast, Verdict
from wamlab.report.entries import Entry
from wamlab.report.estimates import (
    average,
    clustered_rate,
    is_complete,
    pooled,
    rate,
    settled,
    settled_rate,
)
from wamlab.report.layout import STANDARD
from wamlab.report.numbers import (
    count_of,
    p_value,
    percent,
    percent_interval,
    points,
    points_interval,
    rate_lines,
    span,
)
from wamlab.report.origins import origin_cell
from wamlab.report.study import Study
from wamlab.report.table import Cell, Emphasis, Value
from wamlab.report.texts import Text, same, say

RATE_FIELDS = ("", "_low", "_high", "_successes", "_episodes")


def fields(name: str, parts: tuple[str, ...] = RATE_FIELDS) -> tuple[str, ...]:
    return tuple(f"{name}{part}" for part in parts)


def absent(num_values: int, why: str = "not_measured") -> Cell:
    return Cell(main=say(why), values=(None,) * num_values, is_absent=True)


def model_cell(study: Study, entry: Entry) -> Cell:
    lines = [say("reference")] if entry is study.reference and study.others else []
    return Cell(main=same(entry.name), lines=tuple(lines), values=(entry.name, entry.policy))


def suite_cell(entry: Entry, suite: str, rank: int | None = None) -> Cell:
    """Success on one suite with interval and counts."""
    return rate_cell(entry.suite(suite), entry.link(suite=suite), rank)


def rate_cell(
    records: Sequence[EpisodeRecord], query: Mapping[str, str], rank: int | None = None
) -> Cell:
    """Success of some episodes with interval and counts.

    Args:
        query: Which episodes they are, see `Cell`.
    """
    found = rate(records)
    if found is None:
        return absent(len(RATE_FIELDS))
    return Cell(
        main=same(percent(found.estimate)),
        lines=rate_lines(found),
        values=rate_values(found),
        query=query,
        emphasis=emphasis(rank),
    )


def rate_values(found: tuple[float, float, float, int]) -> tuple[Value, ...]:
    estimate, low, high, num_episodes = found
    return estimate, low, high, round(estimate * num_episodes), num_episodes


def emphasis(rank: int | None) -> Emphasis:
    return {1: Emphasis.BEST, 2: Emphasis.SECOND}.get(rank or 0, Emphasis.NONE)


def average_cell(study: Study, entry: Entry, rank: int | None) -> Cell:
    found = average(entry, study.average_of)
    if found is None:
        measured = [suite for suite in study.average_of if entry.suite(suite)]
        why = say("suites_measured", measured=len(measured), total=len(study.average_of))
        return Cell(main=say("not_measured"), lines=(why,), values=(None,), is_absent=True)
    return Cell(
        main=same(percent(found)),
        values=(found,),
        query=entry.link(),
        emphasis=emphasis(rank),
    )


def size_cell(study: Study, entry: Entry) -> Cell:
    measured = [suite for suite in study.suites if entry.suite(suite)]
    if not measured:
        return absent(2)
    num_episodes = [len(entry.suite(suite)) for suite in measured]
    num_tasks = [len(entry.tasks[suite]) for suite in measured]
    subset = _subset(study, entry)
    return Cell(
        main=same(span(num_episodes)),
        lines=subset or (say("tasks", tasks=span(num_tasks)),),
        values=(span(num_episodes), span(num_tasks)),
        warns=bool(subset),
    )


def _subset(study: Study, entry: Entry) -> tuple[Text, ...]:
    """Says so if a row is less than what publications evaluate, else nothing."""
    for suite, size in STANDARD.get(study.benchmark, {}).items():
        num_tasks = len(entry.tasks.get(suite, {}))
        num_inits = len({key.init for key in entry.finished if key.suite == suite})
        if num_tasks and (num_tasks < size.num_tasks or num_inits < size.num_inits):
            return (
                say("subset_tasks", some=num_tasks, all=size.num_tasks),
                say("subset_inits", some=num_inits, all=size.num_inits),
            )
    return ()


def wilson_cell(study: Study, entry: Entry) -> Cell:
    found = rate(pooled(entry, study.average_of))
    if found is None or not is_complete(entry, study.average_of):
        return absent(len(RATE_FIELDS))
    lines = [same(count_of(found))]
    mean = average(entry, study.average_of)
    if mean is not None and abs(mean - found.estimate) > 0.0005:
        lines.append(say("pooled_rate", rate=percent(found.estimate)))
    return Cell(
        main=same(percent_interval(found.low, found.high)),
        lines=tuple(lines),
        values=rate_values(found),
    )


def clustered_cell(study: Study, entry: Entry) -> Cell:
    if not is_complete(entry, study.average_of):
        return absent(4)
    found = clustered_rate(entry, study.average_of)
    if found is None:
        return absent(4, "not_estimable")
    return Cell(
        main=same(percent_interval(found.low, found.high)),
        lines=(say("tasks", tasks=found.num_tasks),),
        values=(found.low, found.high, found.stderr, found.num_tasks),
    )


def difference_cell(study: Study, entry: Entry, one: Contrast | None) -> Cell:
    if entry is study.reference:
        return Cell(main=say("reference"), values=(None,) * 5, is_absent=True)
    if one is None:
        return absent(5, _why_not(study, entry))
    lines = [say("ci_tasks_fixed", interval=points_interval(*one.difference[1:]))]
    if one.clustered is not None:
        interval = points_interval(one.clustered.low, one.clustered.high)
        lines.insert(0, say("ci_tasks_new", interval=interval))
    low, high = (one.clustered.low, one.clustered.high) if one.clustered else (None, None)
    return Cell(
        main=same(points(one.estimate)),
        lines=tuple(lines),
        values=(*one.difference, low, high),
    )


def _why_not(study: Study, entry: Entry) -> str:
    """Why a row has no difference to the reference."""
    both = all(is_complete(one, study.average_of) for one in (entry, study.reference))
    return "nothing_shared" if both else "not_measured"


def test_cell(study: Study, entry: Entry, one: Contrast | None) -> Cell:
    if entry is study.reference:
        return Cell(main=say("reference"), values=(None,) * 7, is_absent=True)
    if one is None:
        return absent(7, _why_not(study, entry))
    lines = [say(f"verdict_{one.verdict}")]
    if one.p_adjusted != one.p:
        lines.append(say("holm_p", p=p_value(one.p_adjusted)))
    if one.pairs is None:
        values: tuple[Value, ...] = (None, None, None)
        lines.append(say("unpaired_n", n=one.num_unpaired))
    else:
        values = (one.pairs.num_pairs, one.pairs.only_first, one.pairs.only_second)
        gained, lost = one.pairs.only_first, one.pairs.only_second
        lines.append(say("discordant", pairs=one.pairs.num_pairs, gained=gained, lost=lost))
        if one.num_unpaired:
            lines.append(say("left_out", n=one.num_unpaired))
    return Cell(
        main=say("p", p=p_value(one.p)),
        lines=tuple(lines),
        values=(one.p, one.p_adjusted, *values, one.num_unpaired, one.verdict.value),
        query={} if one.pairs is None else entry.link(pair="discordant"),
        warns=one.verdict is Verdict.UNPAIRED,
    )


def settled_cell(study: Study, entry: Entry) -> Cell:
    """The mean over suites, and the interval and counts of all episodes pooled."""
    records = pooled(entry, study.average_of)
    mean = average(entry, study.average_of, settled)
    found = settled_rate(entry, records)
    if mean is None or found is None:
        return absent(1 + len(RATE_FIELDS))
    lines = list(rate_lines(found))
    if abs(mean - found.estimate) > 0.0005:
        lines.append(say("pooled_rate", rate=percent(found.estimate)))
    return Cell(
        main=same(percent(mean)),
        lines=tuple(lines),
        values=(mean, *rate_values(found)),
        query=entry.link(settled="yes"),
    )


def errors_cell(entry: Entry) -> Cell:
    lines = []
    if entry.num_errors or entry.num_missing:
        lines.append(say("incomplete"))
    if entry.num_missing:
        lines.append(say("never_run", n=entry.num_missing))
    query = entry.link(outcome="error") if entry.num_errors else {}
    return Cell(
        main=same(str(entry.num_errors)),
        lines=tuple(lines),
        values=(entry.num_errors, entry.num_missing),
        query=query,
        warns=bool(lines),
    )


def source_cell(entry: Entry) -> Cell:
    """Where a row comes from: our own run, at which commit; another harness, or several labs."""
    if (gathered := origin_cell(entry)) is not None:
        return gathered
    code = [session.code for run in entry.runs for session in run.info.sessions]
    commits = sorted({one.commit[:8] for one in code if one.commit})
    is_dirty = any(one.dirty for one in code)
    shown = ", ".join(commits)
    line = say("dirty_commit", commit=shown) if is_dirty else same(shown)
    return Cell(
        main=say("own_run"),
        lines=(line if commits else say("no_commit"),),
        values=("own run", shown or None, str(is_dirty).lower()),
        warns=is_dirty or not commits,
    )
