"""The figures of the report, one small panel for each suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wamlab.core.episodes import EpisodeRecord
from wamlab.report.contrasts import Contrast, against_reference, by_suite
from wamlab.report.curve_svg import step_panel
from wamlab.report.entries import Entry
from wamlab.report.estimates import (
    average,
    is_complete,
    pooled,
    rate,
    settled_rate,
    success_steps,
)
from wamlab.report.layout import column_text
from wamlab.report.numbers import percent, points, points_interval
from wamlab.report.study import Study
from wamlab.report.svg import Mark, dot_panel, name_px
from wamlab.report.texts import Text, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One drawing of a figure with its heading.

    Attributes:
        svg: In English, or without any word of a language.
        in_chinese: The same drawing in Chinese; None where it has no words.
        across: What its lower axis counts; None where the figure's title says it.
    """

    title: Text
    svg: str
    in_chinese: str | None = None
    across: Text | None = None

    def drawing(self, lang: str) -> str:
        """The drawing in that language."""
        return self.in_chinese if lang == "zh" and self.in_chinese is not None else self.svg


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Several panels over one scale.

    Attributes:
        key: Name of its file.
        legend: Policy and index of its colour, if the panels do not name them.
    """

    key: str
    title: Text
    note: Text
    panels: tuple[Panel, ...]
    legend: tuple[tuple[str, int], ...] = ()


def difference_figure(study: Study) -> Figure | None:
    """Figure 1: each policy against the reference, or None without a second one."""
    suites, averages = by_suite(study), against_reference(study, study.average_of)
    groups: list[tuple[Text, list[Contrast]]] = [
        (
            column_text(study.benchmark, suite),
            [suites[one.name, suite] for one in study.others if (one.name, suite) in suites],
        )
        for suite in study.suites
    ]
    if len(study.average_of) > 1:
        groups.append((say("average"), list(averages.values())))
    groups = [(title, found) for title, found in groups if found]
    if not groups:
        return None
    colors = _colors(study)
    ends = [end for _, found in groups for one in found for end in one.interval[1:]]
    # A little air, so that no dot is cut off.
    low, high = 100 * min(0.0, *ends), 100 * max(0.0, *ends)
    air = 0.04 * (high - low)
    axis = (low - air, high + air)
    left_px = name_px([entry.name for entry in study.others])
    panels = []
    for title, found in groups:
        marks = [_difference_mark(one, colors[one.first]) for one in found]
        spoken = "; ".join(
            f"{one.first} {points(one.estimate)} {points_interval(*one.interval[1:])}"
            for one in found
        )
        label = f"{title.en}, {study.reference.name}: {spoken}"
        panels.append(Panel(title=title, svg=dot_panel(marks, axis, label=label, left_px=left_px)))
    return Figure(
        key="figure1",
        title=say("fig1", reference=study.reference.name),
        note=say("fig1_unpaired" if study.is_mixed else "fig1_note"),
        panels=tuple(panels),
    )


def _difference_mark(one: Contrast, color: int) -> Mark:
    return Mark(
        name=one.first,
        color=color,
        value=100 * one.estimate,
        low=100 * one.interval.low,
        high=100 * one.interval.high,
        text=points(one.estimate),
        is_dashed=one.clustered is None,
        bar_from=0.0,
    )


def success_figure(study: Study) -> Figure | None:
    """Success of every policy on every suite; None if nothing finished."""
    colors = _colors(study)
    groups = [
        (column_text(study.benchmark, suite), _success_marks(study, colors, suite))
        for suite in study.suites
    ]
    if len(study.average_of) > 1:
        groups.append((say("average"), _average_marks(study, colors)))
    groups = [(title, marks) for title, marks in groups if marks]
    if not groups:
        return None
    lowest = min(
        mark.low if mark.hollow is None else min(mark.low, mark.hollow)
        for _, marks in groups
        for mark in marks
    )
    # A scale that starts at zero hides what separates good policies.
    start = next(bound for bound in (80, 50, 0) if lowest >= bound)
    left_px = name_px([entry.name for entry in study.entries])
    panels = [
        Panel(
            title=title,
            svg=dot_panel(
                marks,
                (start, 100.0),
                label=f"{title.en}: " + "; ".join(f"{m.name} {m.text} %" for m in marks),
                left_px=left_px,
            ),
        )
        for title, marks in groups
    ]
    return Figure(
        key="figure_suites", title=say("fig2"), note=say("fig2_note"), panels=tuple(panels)
    )


def _success_marks(study: Study, colors: dict[str, int], suite: str) -> list[Mark]:
    marks = []
    for entry in study.entries:
        records = entry.suite(suite)
        found = rate(records)
        if found is None:
            continue
        held = settled_rate(entry, records)
        marks.append(
            Mark(
                name=entry.name,
                color=colors[entry.name],
                value=100 * found.estimate,
                low=100 * found.low,
                high=100 * found.high,
                text=percent(found.estimate),
                hollow=None if held is None else 100 * held.estimate,
            )
        )
    return marks


def _average_marks(study: Study, colors: dict[str, int]) -> list[Mark]:
    marks = []
    for entry in study.entries:
        mean = average(entry, study.average_of)
        fixed = rate(pooled(entry, study.average_of))
        if mean is None or fixed is None or not is_complete(entry, study.average_of):
            continue
        marks.append(
            Mark(
                name=entry.name,
                color=colors[entry.name],
                value=100 * mean,
                low=100 * fixed.low,
                high=100 * fixed.high,
                text=percent(mean),
            )
        )
    return marks


def steps_figure(study: Study) -> Figure | None:
    """The share of episodes that succeeded within a number of steps."""
    colors = _colors(study)
    longest = max((_longest(list(entry.finished.values())) for entry in study.entries), default=0)
    if longest < 2:
        return None
    panels = []
    for suite in study.suites:
        curves = [
            (colors[entry.name], _curve(entry, suite))
            for entry in study.entries
            if _longest(entry.suite(suite))
        ]
        if curves:
            title = column_text(study.benchmark, suite)
            svg = step_panel(curves, longest, label=title.en)
            panels.append(Panel(title=title, svg=svg, across=say("control_steps")))
    return Figure(
        key="figure_steps",
        title=say("fig3"),
        note=say("fig3_note"),
        panels=tuple(panels),
        legend=tuple(colors.items()),
    )


def _curve(entry: Entry, suite: str) -> list[tuple[float, float]]:
    """Points (steps, %) where the curve jumps, up to the last step that was run."""
    records = entry.suite(suite)
    steps = sorted(success_steps(records))
    curve = [(0.0, 0.0)]
    for count, step in enumerate(steps, start=1):
        up = round(100 * count / len(records), 2)
        if curve[-1][0] == step:
            curve[-1] = (step, up)
        else:
            curve.append((step, up))
    return [*curve, (float(_longest(records)), curve[-1][1])]


def _longest(records: Sequence[EpisodeRecord]) -> int:
    """Steps of the longest episode; 0 if one does not say its own, and no curve is drawn."""
    steps = [record.num_steps for record in records]
    return 0 if None in steps else max((number or 0 for number in steps), default=0)


def _colors(study: Study) -> dict[str, int]:
    return {entry.name: study.colors[entry.name] for entry in study.entries}


MAKERS: Sequence[Callable[[Study], Figure | None]] = (
    difference_figure,
    success_figure,
    steps_figure,
)


def all_figures(study: Study) -> list[Figure]:
    return [figure for make in MAKERS if (figure := make(study)) is not None]
