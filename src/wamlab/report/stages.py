"""Where the time of a plan goes, and what planning for several robots at once saves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from string import ascii_uppercase

from wamlab.report.figures import Figure, Panel
from wamlab.report.stacked import Bar, Kind, Part, stacked_panel
from wamlab.report.study import Study
from wamlab.report.svg import NUM_COLORS, Scale, across, nice_ticks, plot, up
from wamlab.report.texts import same, say
from wamlab.report.timed import Timed

# In the order of a plan, with letters that stand on the bars. Neighbours differ in colour.
_LETTERS = {
    "preprocess": "P", "text": "T", "transfer": "C", "vae_encode": "E", "noise": "N",
    "video_prefill": "F", "video_step": "V", "joint_step": "J", "action_step": "A",
    "reused_step": "S", "recorded_plan": "G", "action_decode": "D", "video_decode": "I",
}  # fmt: skip
KINDS = {
    stage: Kind(letter, say(f"stage_{stage}"), index)
    for index, (stage, letter) in enumerate(_LETTERS.items())
}
REMAINDER = "remainder"
REST = Kind("?", say("stage_remainder"), None)


def stage_figure(timed: Sequence[Timed]) -> Figure | None:
    """Stacked bars of one plan each, a panel for each device; None if no plan was cut up."""
    panels = []
    kinds = _kinds(name for one in timed for name, _ in one.stages)
    for device, rows in _by_device(timed):
        bars = [
            _bar(one, kinds) for one in rows if any(name != REMAINDER for name, _ in one.stages)
        ]
        if bars:
            order = list(dict.fromkeys(p.kind for bar in bars for p in bar.parts))
            order.sort(key=lambda kind: (kind.color is None, kind.color))
            drawn = {lang: stacked_panel(bars, order, lang) for lang in ("en", "zh")}
            panels.append(Panel(title=same(device), svg=drawn["en"], in_chinese=drawn["zh"]))
    if not panels:
        return None
    return Figure(
        key="figure_stages", title=say("stages_title"), note=say("stages_note"),
        panels=tuple(panels),
    )  # fmt: skip


def batch_figure(study: Study, timed: Sequence[Timed]) -> Figure | None:
    """Plans per second against the size of a batch; None unless a policy was timed at several."""
    panels, names = [], set()
    for device, rows in _by_device(timed):
        curves = [one for one in rows if len(one.batches) > 1]
        if curves:
            names |= {one.name for one in curves}
            svg = _curves(study, curves)
            panels.append(Panel(title=same(device), svg=svg, across=say("batches_axis")))
    if not panels:
        return None
    colors = {name: study.colors.get(name, 0) for name in sorted(names)}
    return Figure(
        key="figure_batches", title=say("batches_title"), note=say("batches_note"),
        panels=tuple(panels), legend=tuple(colors.items()),
    )  # fmt: skip


def _by_device(timed: Sequence[Timed]) -> Iterator[tuple[str, list[Timed]]]:
    for device in dict.fromkeys(one.device for one in timed):
        yield device, [one for one in timed if one.device == device]


def _bar(one: Timed, kinds: Mapping[str, Kind]) -> Bar:
    parts = tuple(Part(kinds[name], ms, f"{ms:.1f}") for name, ms in one.stages if ms > 0)
    whole_ms = sum(ms for _, ms in one.stages)
    return Bar(one.name, say("stages_bar", ms=f"{whole_ms:.1f}"), parts)


def _kinds(stages: Iterable[str]) -> dict[str, Kind]:
    """Known stages and those that only a user's policy marks.

    The latter have their own name in both languages, and a letter of it that no other has.
    """
    kinds = {**KINDS, REMAINDER: REST}
    for stage in dict.fromkeys(stages):
        if stage not in kinds:
            taken = {kind.letter for kind in kinds.values()}
            wished = (*(sign.upper() for sign in stage if sign.isalnum()), *ascii_uppercase)
            letter = next((sign for sign in wished if sign not in taken), None)
            # Kept in order of colour; beyond the alphabet stages are numbered.
            kinds[stage] = Kind(letter or str(len(kinds)), same(stage), len(kinds) - 1)
    return kinds


def _curves(study: Study, rows: Sequence[Timed]) -> str:
    widest = max(batch.num for one in rows for batch in one.batches)
    most = 1.08 * max(batch.plans_per_s for one in rows for batch in one.batches)
    x, y = across(widest), up(0, most, nice_ticks(0, most))
    x = x._replace(ticks=tuple(tick for tick in x.ticks if tick.is_integer()))
    parts = [_curve(one, study.colors.get(one.name, 0), x, y) for one in rows]
    spoken = "; ".join(
        f"{one.name}: " + ", ".join(f"{b.num}: {b.plans_per_s:.2f}/s" for b in one.batches)
        for one in rows
    )
    return plot(x, y, parts, label=spoken)


def _curve(one: Timed, color: int, x: Scale, y: Scale) -> str:
    """A line through what was measured, with a dot at each size, and its numbers as a hint."""
    path = " ".join(f"{x(batch.num)},{y(batch.plans_per_s)}" for batch in one.batches)
    dots = "".join(
        f"<g><title>{escape(_hint(one, batch.num))}</title>"
        f'<circle class="dot" cx="{x(batch.num)}" cy="{y(batch.plans_per_s)}" r="4"/></g>'
        for batch in one.batches
    )
    return f'<g class="c{color % NUM_COLORS}"><polyline class="raw" points="{path}"/>{dots}</g>'


def _hint(one: Timed, num: int) -> str:
    batch = next(batch for batch in one.batches if batch.num == num)
    return f"{one.name}, {num}: {batch.plans_per_s:.2f} / s, p50 {batch.p50_ms:.1f} ms"
