"""Figures B: how each model was trained, and all of them on the same axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wamlab.report.curve_svg import Whisker, axis_of, raw_panel, whisker_panel
from wamlab.report.curves import Trained
from wamlab.report.figures import Figure, Panel
from wamlab.report.svg import Scale
from wamlab.report.texts import SENTENCES, Text, say
from wamlab.stats.rates import wilson

MAX_FIGURE_BYTES = 60_000
GRIDS_PX = (0.2, 0.5, 1.0, 2.0)
"""To which coordinates are rounded: the finest with which a figure stays small."""
RATE = "learning_rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axes:
    """What all figures of a report share."""

    longest: int
    by_series: dict[str, Scale]
    losses: tuple[str, ...]
    has_scores: bool


def curve_figures(trained: Sequence[Trained]) -> list[Figure]:
    """One figure for each training, before them one of all; none without any point."""
    drawn = [one for one in trained if one.num_steps]
    if not drawn:
        return []
    axes = _axes(drawn)
    figures = [
        _figure(
            f"figureB{number}", say("figB", number=number, name=one.label), (one,), axes, _note(one)
        )
        for number, one in enumerate(drawn, start=1)
    ]
    if len(drawn) == 1:
        return figures
    legend = tuple((one.label, one.color) for one in drawn)
    together = _figure("figureB", say("figB_all"), drawn, axes, say("figB_all_note"), legend)
    return [together, *figures]


def _axes(drawn: Sequence[Trained]) -> _Axes:
    losses = tuple(dict.fromkeys(name for one in drawn for name in one.losses))
    # Losses of the same kind may be compared; a rate is of its schedule alone.
    shown = [*(f"loss/{name}" for name in losses), RATE]
    by_series = {}
    for name in shown:
        values = [value for one in drawn for _, value in one.series.get(name, ())]
        by_series[name] = axis_of(values, may_be_log=name != RATE)
    return _Axes(
        longest=max(one.num_steps for one in drawn),
        by_series=by_series,
        losses=losses,
        has_scores=any(one.scores for one in drawn),
    )


def _note(one: Trained) -> Text:
    key = "figB_note" if one.scores else "figB_note_unscored"
    return say(key, n=f"{one.num_steps:,}")


def _figure(
    key: str,
    title: Text,
    trained: Sequence[Trained],
    axes: _Axes,
    note: Text,
    legend: tuple[tuple[str, int], ...] = (),
) -> Figure:
    panels: tuple[Panel, ...] = ()
    for grid_px in GRIDS_PX:
        panels = tuple(_panels(trained, axes, grid_px))
        if sum(len(panel.svg) for panel in panels) <= MAX_FIGURE_BYTES:
            break
    return Figure(key=key, title=title, note=note, panels=panels, legend=legend)


def _panels(trained: Sequence[Trained], axes: _Axes, grid_px: float) -> list[Panel]:
    panels = []
    for name in (*(f"loss/{name}" for name in axes.losses), RATE):
        curves = [(one.color, one.series[name]) for one in trained if one.series.get(name)]
        if not curves:
            continue
        axis = axes.by_series[name]
        title = _title(name, axis)
        label = f"{title.en}. " + "; ".join(
            f"{one.label}: {one.series[name][0][1]:.4g} at step {one.series[name][0][0]}, "
            f"{one.series[name][-1][1]:.4g} at step {one.series[name][-1][0]}"
            for one in trained
            if one.series.get(name)
        )
        # A rate changes slowly, so its fine path is short.
        fine_px = min(grid_px, GRIDS_PX[1]) if name == RATE else grid_px
        svg = raw_panel(curves, axes.longest, axis, label=label, grid_px=fine_px)
        panels.append(Panel(title=title, svg=svg, across=say("curve_across")))
    if scored := [one for one in trained if any(s.num_finished for s in one.scores)]:
        panels.append(_success_panel(scored, axes.longest))
    return panels


def _title(name: str, axis: Scale) -> Text:
    plain = name.removeprefix("loss/")
    key = f"curve_{plain}"
    title = say(key) if key in SENTENCES else say("curve_loss", name=plain)
    return say("curve_log", title=title) if axis.is_log else title


def _success_panel(scored: Sequence[Trained], longest: int) -> Panel:
    curves = [(one.color, _whiskers(one)) for one in scored]
    title = say("curve_success")
    spoken = "; ".join(
        f"{one.label}, step {score.step}: {score.num_successes}/{score.num_finished}"
        for one in scored
        for score in one.scores
    )
    svg = whisker_panel(curves, longest, label=f"{title.en}. {spoken}")
    return Panel(title=title, svg=svg, across=say("curve_across"))


def _whiskers(one: Trained) -> list[Whisker]:
    found = []
    for score in one.scores:
        if score.num_finished:
            rate = wilson(score.num_successes, score.num_finished)
            found.append(Whisker(score.step, 100 * rate.estimate, 100 * rate.low, 100 * rate.high))
    return found
