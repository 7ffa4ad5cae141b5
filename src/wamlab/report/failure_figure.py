"""Figure 2 of the report: failures by category, one stacked bar for each row."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from wamlab.core.failures import Category
from wamlab.report.entries import Entry
from wamlab.report.figures import Figure, Panel
from wamlab.report.labelled import counted, failures_of
from wamlab.report.layout import benchmark_label
from wamlab.report.study import Study
from wamlab.report.svg import WIDTH
from wamlab.report.texts import same, say

ROW_PX, BAR_PX, NAME_PX = 62, 22, 15
KEY_PX, KEY_COLUMNS = 18, 2
DIGIT_PX = 7.0
"""Width of one digit of the counts."""
LETTERS = dict(zip(Category, "PARTJSXU", strict=True))
"""Beside each colour, so that nothing is told by colour alone."""
REST = "?"


class Part(NamedTuple):
    """One piece of a bar.

    Attributes:
        kind: Name of the category; "unlabelled" for failures that wait for a label.
    """

    kind: str
    letter: str
    num: int


class Bar(NamedTuple):
    """One row of the figure; pieces of no failure are left out."""

    name: str
    parts: tuple[Part, ...]
    num_episodes: int

    @property
    def total(self) -> int:
        return sum(part.num for part in self.parts)


def failure_figure(study: Study) -> Figure | None:
    """Figure 2, a panel for each benchmark; None if no person labelled a failure."""
    panels = []
    for one in study.everything:
        bars = [bar for entry in one.entries if (bar := _bar(entry)) is not None]
        if bars:
            drawn = {lang: stacked_panel(bars, lang) for lang in ("en", "zh")}
            title = same(benchmark_label(one.benchmark))
            panels.append(Panel(title=title, svg=drawn["en"], in_chinese=drawn["zh"]))
    if not panels:
        return None
    return Figure(
        key="figure2",
        title=say("figure2_title"),
        note=say("figure2_note"),
        panels=tuple(panels),
    )


def _bar(entry: Entry) -> Bar | None:
    failures = failures_of(entry)
    counts = counted(failures)
    if not counts:
        return None
    parts = [Part(kind.value, LETTERS[kind], counts[kind]) for kind in Category]
    parts.append(Part("unlabelled", REST, len(failures) - counts.total()))
    return Bar(entry.name, tuple(part for part in parts if part.num), len(entry.finished))


def stacked_panel(bars: Sequence[Bar], lang: str) -> str:
    """Bars on one scale, their counts, and below them what each letter and colour means.

    Args:
        lang: "en" or "zh".
    """
    longest = max(bar.total for bar in bars)
    parts = [_drawn(bar, ROW_PX * index, WIDTH / longest, lang) for index, bar in enumerate(bars)]
    shown = {part.kind: part for bar in bars for part in bar.parts}
    order = [name for name in (*Category, "unlabelled") if name in shown]
    top = ROW_PX * len(bars) + 6
    for index, kind in enumerate(order):
        x = (index % KEY_COLUMNS) * WIDTH / KEY_COLUMNS
        parts.append(_key(shown[kind], x, top + KEY_PX * (index // KEY_COLUMNS), lang))
    height = top + KEY_PX * -(-len(order) // KEY_COLUMNS) + 4
    spoken = "; ".join(
        f"{bar.name}: " + ", ".join(f"{_words(part, lang)} {part.num}" for part in bar.parts)
        for bar in bars
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(spoken)}</title>{''.join(parts)}</svg>"
    )


def _words(part: Part, lang: str) -> str:
    return say(f"kind_{part.kind}").in_language(lang)


def _drawn(bar: Bar, y: float, scale: float, lang: str) -> str:
    """Name and total above, the bar, and below it the counts that found no room on it."""
    detail = say("figure2_bar", failures=f"{bar.total:,}", episodes=f"{bar.num_episodes:,}")
    parts = [
        f'<text class="value" x="0" y="{y + 12:g}">{escape(bar.name)}</text>'
        f'<text class="tick" x="{WIDTH}" y="{y + 12:g}" text-anchor="end">'
        f"{escape(detail.in_language(lang))}</text>"
    ]
    x, below = 0.0, []
    for part in bar.parts:
        width = scale * part.num
        text = f"{part.letter} {part.num}"
        has_room = width >= DIGIT_PX * len(text) + 4
        below += [] if has_room else [text]
        parts.append(_piece(part, x, y + NAME_PX + 3, width, text if has_room else "", lang))
        x += width
    if below:
        line = " \u00b7 ".join(below)
        parts.append(f'<text class="tick" x="0" y="{y + NAME_PX + BAR_PX + 16:g}">{line}</text>')
    return "".join(parts)


def _piece(part: Part, x: float, y: float, width: float, text: str, lang: str) -> str:
    words = escape(f"{_words(part, lang)}: {part.num}")
    shown = (
        f'<text x="{x + width / 2:.1f}" y="{y + 15:g}" text-anchor="middle">{text}</text>'
        if text
        else ""
    )
    return (
        f'<g class="{_color(part)}"><title>{words}</title><rect class="{_fill(part)}" '
        f'x="{x:.1f}" y="{y:g}" width="{max(0.0, width - 1):.1f}" height="{BAR_PX}"/>{shown}</g>'
    )


def _key(part: Part, x: float, y: float, lang: str) -> str:
    return (
        f'<g class="{_color(part)}"><rect class="{_fill(part)}" x="{x:g}" y="{y:g}" width="12" '
        f'height="12"/><text class="tick" x="{x + 18:g}" y="{y + 10:g}">{part.letter} '
        f"{escape(_words(part, lang))}</text></g>"
    )


def _color(part: Part) -> str:
    names = [*Category]
    return f"c{names.index(Category(part.kind))}" if part.kind != "unlabelled" else "rest"


def _fill(part: Part) -> str:
    return "piece" if part.kind != "unlabelled" else "empty"
