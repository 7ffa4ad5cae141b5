"""Small drawings as SVG: a plot's frame, and rows of dots. Colours come from the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

WIDTH = 320
ROW = 27
AXIS = 22
TOP = 6
LEFT, RIGHT, PLOT_PX = 46, 14, 150
"""Of a plot: room for the numbers beside it, air, height."""
NAME_CHARS = 18
CHAR_PX = 6.6
TITLE_CHAR_PX = 8.4
AXIS_NAME_PX = 14
VALUE_PX = 46
NUM_COLORS = 8


class Scale(NamedTuple):
    """Numbers -> pixels, straight or logarithmic, with the numbers to print beside the axis."""

    low: float
    high: float
    low_px: float
    high_px: float
    ticks: tuple[float, ...]
    is_log: bool = False

    def __call__(self, number: float) -> float:
        if self.is_log:
            share = log10(number / self.low) / log10(self.high / self.low)
        else:
            share = (number - self.low) / (self.high - self.low)
        return round(self.low_px + share * (self.high_px - self.low_px), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One row of a panel: a dot with its interval.

    Attributes:
        color: Index of the row's colour.
        low: End of the interval, in the unit of the axis.
        text: The number as it is printed beside it.
        is_dashed: The interval makes the narrower claim.
        bar_from: Where a bar to the dot begins; None for no bar.
        hollow: Position of a second, hollow dot; None for none.
    """

    name: str
    color: int
    value: float
    low: float
    high: float
    text: str
    is_dashed: bool = False
    bar_from: float | None = None
    hollow: float | None = None


def nice_ticks(low: float, high: float, *, wanted: int = 4) -> tuple[float, ...]:
    """Round numbers within a range, about as many as wanted."""
    raw = (high - low) / wanted
    magnitude: float = 10.0 ** floor(log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return tuple(index * step for index in range(first, last + 1))


def name_px(names: Sequence[str]) -> float:
    """Room for the longest name, in a panel of WIDTH."""
    return 10 + CHAR_PX * min(NAME_CHARS, max(map(len, names)))


def dot_panel(
    marks: Sequence[Mark], ends: tuple[float, float], *, label: str, left_px: float
) -> str:
    """One row for each mark, over a shared axis.

    Args:
        ends: Where the axis begins and ends.
        label: What a screen reader says; numbers included.
        left_px: Where the axis begins, from `name_px`.
    """
    scale = Scale(*ends, left_px + 4, WIDTH - VALUE_PX - 6, nice_ticks(*ends))
    height = TOP + ROW * len(marks) + AXIS
    parts = [_grid(scale, height)]
    for index, mark in enumerate(marks):
        parts.append(_row(mark, scale, TOP + ROW * (index + 0.5)))
    return drawing(height, label, parts)


def across(end: float) -> Scale:
    """A plot's axis to the right, from 0."""
    return Scale(0, end, LEFT, WIDTH - RIGHT, nice_ticks(0, end))


def up(low: float, high: float, ticks: tuple[float, ...], *, is_log: bool = False) -> Scale:
    """A plot's axis upwards."""
    return Scale(low, high, TOP + PLOT_PX, TOP, ticks, is_log)


def plot(x: Scale, y: Scale, parts: Sequence[str], *, label: str) -> str:
    """A drawing over two axes, without their names: those are words, the page has them.

    Args:
        parts: What is drawn, over the grid.
        label: What a screen reader says.
    """
    grid = [
        f'<line class="grid" x1="{x(tick)}" x2="{x(tick)}" y1="{y.low_px}" y2="{y.high_px}"/>'
        f'<text class="tick" x="{x(tick)}" y="{y.low_px + AXIS - 6:g}" text-anchor="middle">'
        f"{_tick_text(tick)}</text>"
        for tick in x.ticks
    ]
    grid += [
        f'<line class="grid" x1="{x.low_px}" x2="{x.high_px}" y1="{y(tick)}" y2="{y(tick)}"/>'
        f'<text class="tick" x="{x.low_px - 6:g}" y="{y(tick) + 4:g}" text-anchor="end">'
        f"{_tick_text(tick)}</text>"
        for tick in y.ticks
    ]
    return drawing(y.low_px + AXIS, label, [*grid, *parts])


def drawing(height: float, label: str, parts: Sequence[str]) -> str:
    """Parts as one SVG, `label` as its title."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(label)}</title>{''.join(parts)}</svg>"
    )


def _grid(scale: Scale, height: float) -> str:
    parts = []
    for tick in scale.ticks:
        x = scale(tick)
        kind = "zero" if tick == 0 else "grid"
        parts.append(f'<line class="{kind}" x1="{x}" x2="{x}" y1="{TOP}" y2="{height - AXIS}"/>')
        parts.append(
            f'<text class="tick" x="{x}" y="{height - 6:g}" text-anchor="middle">'
            f"{_tick_text(tick)}</text>"
        )
    return "".join(parts)


def _tick_text(tick: float) -> str:
    """E.g. 0.05, 1e-5."""
    return f"{tick:g}".replace("e-0", "e-").replace("-", "\u2212")


def _row(mark: Mark, scale: Scale, y: float) -> str:
    name = mark.name if len(mark.name) <= NAME_CHARS else f"{mark.name[: NAME_CHARS - 1]}\u2026"
    x = scale(mark.value)
    dash = ' stroke-dasharray="3 3"' if mark.is_dashed else ""
    parts = [
        f'<text class="name" x="0" y="{y + 4:g}"><title>{escape(mark.name)}</title>'
        f"{escape(name)}</text>"
    ]
    if mark.bar_from is not None:
        start = scale(mark.bar_from)
        parts.append(
            f'<rect class="bar" x="{min(start, x)}" y="{y - 7:g}" width="{abs(start - x):.1f}" '
            'height="14"/>'
        )
    parts.append(
        f'<line class="interval" x1="{scale(mark.low)}" x2="{scale(mark.high)}" y1="{y:g}" '
        f'y2="{y:g}"{dash}/>'
    )
    if mark.hollow is not None:
        parts.append(f'<circle class="hollow" cx="{scale(mark.hollow)}" cy="{y:g}" r="4"/>')
    parts.append(f'<circle class="dot" cx="{x}" cy="{y:g}" r="4.5"/>')
    parts.append(
        f'<text class="value" x="{WIDTH - 2}" y="{y + 4:g}" text-anchor="end">{escape(mark.text)}'
        "</text>"
    )
    return f'<g class="c{mark.color % NUM_COLORS}">{"".join(parts)}</g>'


def standalone(
    panels: Sequence[tuple[str, str, str]],
    *,
    title: str,
    style: str,
    legend: Sequence[tuple[str, int]] = (),
) -> str:
    """Panels beside each other as one file that carries its own colours, light and dark.

    Args:
        panels: Heading, drawing and name of the lower axis ("" for none) of each.
        style: Style sheet that is written into the file.
        legend: Name and colour index, where the panels do not name their colours.
    """
    columns = min(3, len(panels))
    heights = [float(panel.split('"', 2)[1].split()[3]) for _, panel, _ in panels]
    row_px = max(heights) + 34 + (AXIS_NAME_PX if any(below for *_, below in panels) else 0)
    rows = ceil(len(panels) / columns)
    top = 34 + (22 if legend else 0)
    width = max(columns * (WIDTH + 32) + 24, 48 + TITLE_CHAR_PX * len(title))
    height = top + rows * row_px + 8
    parts = [f'<text class="title" x="24" y="24">{escape(title)}</text>']
    x = 24.0
    for name, color in legend:
        parts.append(
            f'<g class="c{color % NUM_COLORS}"><circle class="dot" cx="{x + 5:g}" cy="42" r="5"/>'
            f'<text class="name" x="{x + 15:g}" y="46">{escape(name)}</text></g>'
        )
        x += 34 + CHAR_PX * len(name)
    for index, (heading, panel, below) in enumerate(panels):
        x, y = 24 + (index % columns) * (WIDTH + 32), top + (index // columns) * row_px
        parts.append(f'<text class="heading" x="{x}" y="{y + 18:g}">{escape(heading)}</text>')
        size = f'x="{x}" y="{y + 26:g}" width="{WIDTH}" height="{heights[index]:g}"'
        parts.append(panel.replace("<svg ", f"<svg {size} ", 1))
        if below:
            parts.append(
                f'<text class="tick" x="{x + WIDTH - RIGHT:g}" y="{y + 38 + heights[index]:g}" '
                f'text-anchor="end">{escape(below)}</text>'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" role="img"><title>{escape(title)}</title>'
        f"<style>{style}</style>"
        f'<rect class="paper" width="100%" height="100%"/>{"".join(parts)}</svg>\n'
    )
