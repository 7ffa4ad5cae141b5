"""Figure 3 of the report: success by axis and difficulty, one small map for each policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor

from wamlab.report.entries import Entry
from wamlab.report.estimates import rate
from wamlab.report.figures import Figure, Panel
from wamlab.report.numbers import percent, rate_lines
from wamlab.report.plus import AXIS_NAMES, PLUS
from wamlab.report.plus_appendix import LEVELS, at_level
from wamlab.report.study import Study
from wamlab.report.svg import WIDTH, drawing
from wamlab.report.texts import Text, same, say

NAME_PX = 78
HEAD_PX = 20
ROW_PX = 26
FAINTEST, DARKEST = 0.06, 0.62  # opacities: the paler the page, the more text must stay readable


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """One field of the map.

    Attributes:
        share: Success rate, or None if nothing was measured.
        words: What a pointer that rests on it reads.
    """

    share: float | None
    words: str


def heat_figure(study: Study) -> Figure | None:
    """Figure 3, or None if nobody ran LIBERO-Plus."""
    plus = study.on(PLUS)
    if plus is None:
        return None
    shares = [
        one.share
        for entry in plus.entries
        for row in _squares(entry, "en")
        for one in row
        if one.share is not None
    ]
    # One scale for all policies; from 0 on, differences between good ones would be too pale.
    lowest = floor(10 * min(shares, default=0.0)) / 10
    panels = [
        Panel(
            title=same(entry.name),
            svg=_panel(entry, lowest, "en"),
            in_chinese=_panel(entry, lowest, "zh"),
        )
        for entry in plus.entries
    ]
    return Figure(
        key="figure3",
        title=say("fig3_title"),
        note=say("fig3_text", low=f"{100 * lowest:.0f}"),
        panels=tuple(panels),
    )


def _squares(entry: Entry, lang: str) -> list[list[Square]]:
    return [[_square(entry, axis, level, lang) for level in LEVELS] for axis in AXIS_NAMES]


def _panel(entry: Entry, lowest: float, lang: str) -> str:
    squares = _squares(entry, lang)
    spoken = "; ".join(one.words for row in squares for one in row if one.share is not None)
    return heat_panel(
        squares,
        [say(f"axis_{axis}").in_language(lang) for axis in AXIS_NAMES],
        [_level(level).in_language(lang) for level in LEVELS],
        lowest=lowest,
        label=f"{entry.name}: {spoken}",
    )


def _level(level: int) -> Text:
    return same(f"L{level}") if level else say("level_none")


def _square(entry: Entry, axis: str, level: int, lang: str) -> Square:
    found = rate(at_level(entry, axis, level))
    where = f"{say(f'axis_{axis}').in_language(lang)} {_level(level).in_language(lang)}"
    if found is None:
        return Square(share=None, words=f"{where}: {say('not_measured').in_language(lang)}")
    interval, counts = rate_lines(found)
    return Square(
        share=found.estimate,
        words=f"{where}: {percent(found.estimate)} % {interval.en}, {counts.en}",
    )


def heat_panel(
    squares: Sequence[Sequence[Square]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    lowest: float,
    label: str,
) -> str:
    """A map of shares, each field with its number; nothing is told by colour alone.

    Args:
        rows: Names at the left.
        columns: Names above.
        lowest: The share that is palest; 1 is darkest.
        label: What a screen reader says; numbers included.
    """
    step = (WIDTH - NAME_PX) / len(columns)
    height = HEAD_PX + ROW_PX * len(rows)
    parts = []
    for index, name in enumerate(columns):
        x = NAME_PX + step * (index + 0.5)
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="13" text-anchor="middle">{escape(name)}</text>'
        )
    for row, name in enumerate(rows):
        y = HEAD_PX + ROW_PX * row
        parts.append(f'<text class="name" x="0" y="{y + 17}">{escape(name)}</text>')
        parts += [
            _drawn(one, NAME_PX + step * column, y, step, lowest)
            for column, one in enumerate(squares[row])
        ]
    return drawing(height, label, parts)


def _drawn(one: Square, x: float, y: float, step: float, lowest: float) -> str:
    place = f'x="{x + 1:.1f}" y="{y + 1}" width="{step - 2:.1f}" height="{ROW_PX - 2}"'
    text = f'x="{x + step / 2:.1f}" y="{y + 17}" text-anchor="middle"'
    if one.share is None:
        return (
            f'<g><title>{escape(one.words)}</title><rect class="empty" {place}/>'
            f'<text class="tick" {text}>\u2013</text></g>'
        )
    strength = (one.share - lowest) / (1 - lowest) if lowest < 1 else 1.0
    opacity = FAINTEST + (DARKEST - FAINTEST) * max(0.0, strength)
    return (
        f'<g class="c0"><title>{escape(one.words)}</title>'
        f'<rect class="heat" {place} fill-opacity="{opacity:.2f}"/>'
        f"<text {text}>{100 * one.share:.0f}</text></g>"
    )
