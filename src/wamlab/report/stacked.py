"""Stacked bars on one scale, with what each colour and letter means below them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from wamlab.report.svg import NUM_COLORS, WIDTH, drawing
from wamlab.report.texts import Text

ROW_PX, BAR_PX, NAME_PX = 62, 22, 15
KEY_PX, KEY_COLUMNS = 18, 2
DIGIT_PX = 7.0
"""Width of one character on a bar."""


class Kind(NamedTuple):
    """What a piece stands for.

    Attributes:
        letter: Beside its colour, so that nothing is told by colour alone.
        color: Index of the colour; None for an empty piece.
    """

    letter: str
    words: Text
    color: int | None


class Part(NamedTuple):
    """One piece of a bar.

    Attributes:
        text: The size as it is printed.
    """

    kind: Kind
    size: float
    text: str


class Bar(NamedTuple):
    """One row.

    Attributes:
        detail: What stands at the right above it.
    """

    name: str
    detail: Text
    parts: tuple[Part, ...]

    @property
    def total(self) -> float:
        return sum(part.size for part in self.parts)


def stacked_panel(bars: Sequence[Bar], order: Sequence[Kind], lang: str) -> str:
    """The drawing.

    Args:
        order: Kinds as they are listed below the bars, where they occur.
        lang: "en" or "zh".
    """
    longest = max(bar.total for bar in bars)
    parts = [_drawn(bar, ROW_PX * index, WIDTH / longest, lang) for index, bar in enumerate(bars)]
    occurring = {part.kind for bar in bars for part in bar.parts}
    shown = [kind for kind in order if kind in occurring]
    top = ROW_PX * len(bars) + 6
    for index, kind in enumerate(shown):
        x = (index % KEY_COLUMNS) * WIDTH / KEY_COLUMNS
        parts.append(_key(kind, x, top + KEY_PX * (index // KEY_COLUMNS), lang))
    height = top + KEY_PX * -(-len(shown) // KEY_COLUMNS) + 4
    spoken = "; ".join(
        f"{bar.name}: " + ", ".join(f"{_words(part.kind, lang)} {part.text}" for part in bar.parts)
        for bar in bars
    )
    return drawing(height, spoken, parts)


def _words(kind: Kind, lang: str) -> str:
    return kind.words.in_language(lang)


def _drawn(bar: Bar, y: float, scale: float, lang: str) -> str:
    """Name and detail above, the bar, and below it the sizes that found no room on it."""
    parts = [
        f'<text class="value" x="0" y="{y + 12:g}">{escape(bar.name)}</text>'
        f'<text class="tick" x="{WIDTH}" y="{y + 12:g}" text-anchor="end">'
        f"{escape(bar.detail.in_language(lang))}</text>"
    ]
    x, below = 0.0, []
    for part in bar.parts:
        width = scale * part.size
        text = f"{part.kind.letter} {part.text}"
        has_room = width >= DIGIT_PX * len(text) + 4
        below += [] if has_room else [text]
        parts.append(_piece(part, x, y + NAME_PX + 3, width, text if has_room else "", lang))
        x += width
    if below:
        line = " \u00b7 ".join(below)
        parts.append(f'<text class="tick" x="0" y="{y + NAME_PX + BAR_PX + 16:g}">{line}</text>')
    return "".join(parts)


def _piece(part: Part, x: float, y: float, width: float, text: str, lang: str) -> str:
    words = escape(f"{_words(part.kind, lang)}: {part.text}")
    shown = (
        f'<text x="{x + width / 2:.1f}" y="{y + 15:g}" text-anchor="middle">{text}</text>'
        if text
        else ""
    )
    return (
        f'<g class="{_color(part.kind)}"><title>{words}</title><rect class="{_fill(part.kind)}" '
        f'x="{x:.1f}" y="{y:g}" width="{max(0.0, width - 1):.1f}" height="{BAR_PX}"/>{shown}</g>'
    )


def _key(kind: Kind, x: float, y: float, lang: str) -> str:
    return (
        f'<g class="{_color(kind)}"><rect class="{_fill(kind)}" x="{x:g}" y="{y:g}" width="12" '
        f'height="12"/><text class="tick" x="{x + 18:g}" y="{y + 10:g}">{kind.letter} '
        f"{escape(_words(kind, lang))}</text></g>"
    )


def _color(kind: Kind) -> str:
    return "rest" if kind.color is None else f"c{kind.color % NUM_COLORS}"


def _fill(kind: Kind) -> str:
    return "empty" if kind.color is None else "piece"
