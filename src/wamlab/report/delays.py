"""Success under late plans: how much delay a policy stands, in each way to wait for a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from wamlab.core.delay import WhileWaiting
from wamlab.report.cells import absent, fields, rate_cell
from wamlab.report.contrasts import Contrast, contrast
from wamlab.report.curve_svg import Whisker, whisker_panel
from wamlab.report.entries import Entry
from wamlab.report.estimates import pooled, rate
from wamlab.report.figures import Figure, Panel
from wamlab.report.numbers import percent, points, points_interval
from wamlab.report.study import Study
from wamlab.report.table import Cell, Column, Role, Table
from wamlab.report.texts import Text, same, say

MARGIN = 0.02
"""Of success, that a delay may cost."""
ROUNDING = 1e-9


@dataclass(frozen=True)
class Delayed:
    """One row of the study under a delay, beside the row of the same settings without."""

    study: Study
    entry: Entry
    prompt: Entry | None

    @property
    def steps(self) -> int:
        return _delay_steps(self.entry)

    @property
    def delay_ms(self) -> float | None:
        """Simulated; None where the run does not say how often it controls."""
        hertz = self.entry.runs[0].info.control_hz
        return None if hertz is None else 1000 * self.steps / hertz

    @property
    def words(self) -> Text:
        if self.delay_ms is None:
            return same(str(self.steps))
        return say("delay_steps", steps=self.steps, ms=f"{self.delay_ms:.0f}")

    @cached_property
    def cost(self) -> Contrast | None:
        """This row minus the one without delay; None for that one, or if there is none."""
        if self.prompt is None or self.prompt is self.entry:
            return None
        return contrast(self.study, self.entry, self.prompt, self.study.counted)

    @property
    def is_kept(self) -> bool:
        """Whether the estimate stays within the margin."""
        is_prompt = self.entry is self.prompt
        return is_prompt or (self.cost is not None and self.cost.estimate >= -MARGIN - ROUNDING)

    @property
    def is_shown(self) -> bool:
        """Whether the interval does, so that it is more than this sample's luck."""
        is_prompt = self.entry is self.prompt
        return is_prompt or (self.cost is not None and self.cost.interval.low >= -MARGIN - ROUNDING)


@dataclass(frozen=True)
class Curve:
    """The delays of one policy, replanning interval and way to wait, from the shortest."""

    name: str
    replan_every: int
    way: WhileWaiting
    points: tuple[Delayed, ...]

    def largest(self, *, shown: bool) -> Delayed | None:
        """The longest delay up to which success stays within the margin, none left out."""
        found = None
        for point in self.points:
            if not (point.is_shown if shown else point.is_kept):
                break
            found = point
        return found


def delay_curves(study: Study) -> list[Curve]:
    """Rows that differ in nothing but when their plans come; none if no plan of any came late."""
    late: dict[tuple[str, int, WhileWaiting], list[Entry]] = {}
    for entry in study.entries:
        if _delay_steps(entry):
            way = WhileWaiting(str(_setting(entry, "while_waiting")))
            late.setdefault((entry.policy, _replan_every(entry), way), []).append(entry)
    ways = list(WhileWaiting)
    found = []
    for (policy, replan_every, way), entries in sorted(
        late.items(), key=lambda item: (item[0][0], item[0][1], ways.index(item[0][2]))
    ):
        prompt = next(
            (
                one
                for one in study.entries
                if (one.policy, _replan_every(one), _delay_steps(one)) == (policy, replan_every, 0)
            ),
            None,
        )
        whole = sorted([*([prompt] if prompt else []), *entries], key=_delay_steps)
        name = (prompt or whole[0]).name
        rows = tuple(Delayed(study, entry, prompt) for entry in whole)
        found.append(Curve(name, replan_every, way, rows))
    return found


def delay_table(study: Study) -> Table | None:
    """A row for each delay of each curve, and how much delay each of them stands."""
    curves = delay_curves(study)
    if not curves:
        return None
    return Table(
        key="delays",
        title=say("delays_title"),
        columns=(
            Column(label=say("model"), fields=("model",), is_number=False, role=Role.NAME),
            Column(label=say("replan_every"), fields=("replan_every",)),
            Column(label=say("while_waiting"), fields=("while_waiting",), is_number=False),
            Column(label=say("delay"), fields=("delay_steps", "delay_ms"), hint=say("delay_unit")),
            Column(label=say("success"), fields=fields("late"), hint=say("pct")),
            Column(label=say("delay_cost"), fields=("cost", "cost_low", "cost_high"),
                   hint=say("pp")),
            Column(label=say("delay_held"), fields=("held",), hint=say("pct")),
        ),
        rows=tuple(_row(curve, point) for curve in curves for point in curve.points),
        notes=(*map(_tolerated, curves), say("delays_note")),
    )  # fmt: skip


def delay_figure(study: Study) -> Figure | None:
    """A panel for each policy and replanning interval; a line for each way to wait."""
    curves = delay_curves(study)
    if not curves:
        return None
    longest = max(curve.points[-1].steps for curve in curves)
    panels = dict.fromkeys((curve.name, curve.replan_every) for curve in curves)
    return Figure(
        key="figure_delays",
        title=say("delays_title"),
        note=say("delays_figure"),
        panels=tuple(
            _panel([one for one in curves if (one.name, one.replan_every) == panel], longest)
            for panel in panels
        ),
        legend=tuple(
            (way.value, index)
            for index, way in enumerate(WhileWaiting)
            if any(curve.way is way for curve in curves)
        ),
    )


def _panel(curves: Sequence[Curve], longest: int) -> Panel:
    ways = list(WhileWaiting)
    drawn = [(ways.index(curve.way), list(_whiskers(curve))) for curve in curves]
    first = curves[0]
    spoken = "; ".join(
        f"{curve.way.value}, {one.step} steps: {one.value:.1f} %"
        for curve, (_, whiskers) in zip(curves, drawn, strict=True)
        for one in whiskers
    )
    return Panel(
        title=say("delays_panel", name=first.name, replan_every=first.replan_every),
        svg=whisker_panel(drawn, longest, label=spoken),
        across=say("delay_across"),
    )


def _whiskers(curve: Curve) -> Iterator[Whisker]:
    for point in curve.points:
        found = rate(pooled(point.entry, point.study.counted))
        if found is not None:
            yield Whisker(point.steps, *(100 * share for share in found[:3]))


def _row(curve: Curve, point: Delayed) -> tuple[Cell, ...]:
    entry = point.entry
    return (
        Cell(main=same(entry.name), values=(entry.name,)),
        Cell(main=same(str(curve.replan_every)), values=(curve.replan_every,)),
        Cell(main=same(curve.way.value), values=(curve.way.value,)),
        Cell(main=point.words, values=(point.steps, point.delay_ms)),
        rate_cell(pooled(entry, point.study.counted), entry.link()),
        _cost(point),
        _held(entry),
    )


def _cost(point: Delayed) -> Cell:
    if point.prompt is point.entry:
        return Cell(main=say("reference"), values=(None,) * 3, is_absent=True)
    if point.cost is None:
        return absent(3)
    return Cell(
        main=same(points(point.cost.estimate)),
        lines=(same(points_interval(*point.cost.interval[1:])),),
        values=tuple(point.cost.interval),
    )


def _held(entry: Entry) -> Cell:
    """Share of control steps that no plan had anything for."""
    known = [(r.num_held, r.num_steps) for r in entry.finished.values() if r.num_steps]
    if not known:
        return absent(1, "not_recorded")
    held, steps = (sum(numbers) for numbers in zip(*known, strict=True))
    return Cell(main=same(percent(held / steps)), values=(held / steps,))


def _tolerated(curve: Curve) -> Text:
    """How much delay the policy stands, by the estimates and beyond doubt."""
    said = {"name": curve.name, "replan_every": curve.replan_every, "way": curve.way.value}
    if curve.points[0].prompt is None:
        return say("delays_no_reference", **said)
    kept, shown = (curve.largest(shown=by_interval) for by_interval in (False, True))
    assert kept is not None, "no delay costs nothing"
    assert shown is not None, "likewise"
    return say(
        "delays_tolerated",
        **said,
        margin=round(100 * MARGIN),
        kept=kept.words,
        shown=shown.words,
    )


def _delay_steps(entry: Entry) -> int:
    return int(str(_setting(entry, "delay_steps") or 0))


def _replan_every(entry: Entry) -> int:
    return int(str(_setting(entry, "replan_every") or 0))


def _setting(entry: Entry, name: str) -> object:
    """Of the recorded run; older and imported ones have none of these."""
    return entry.runs[0].info.config.get(name)
