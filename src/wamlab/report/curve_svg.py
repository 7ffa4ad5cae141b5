"""Curves as SVG: shares over steps, and logged numbers as they are, every point of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from math import ceil, floor, log10
from typing import NamedTuple

from wamlab.report.svg import NUM_COLORS, Scale, across, nice_ticks, plot, up

LOG_ABOVE = 20
"""Ratio of the largest to the smallest number from which an axis is logarithmic."""
MAX_LOG_TICKS = 6
PERCENT = (0, 25, 50, 75, 100)

Points = Sequence[tuple[int, float]]


class Whisker(NamedTuple):
    """A measured share with its interval, in %."""

    step: int
    value: float
    low: float
    high: float


def axis_of(values: Iterable[float], *, may_be_log: bool = True) -> Scale:
    """An axis that holds every number: logarithmic where they span more than LOG_ABOVE."""
    found = list(values)
    low, high = min(found), max(found)
    if may_be_log and low > 0 and high / low > LOG_ABOVE:
        return up(low / 1.1, high * 1.1, _log_ticks(low, high), is_log=True)
    low = min(0.0, low)
    high = high + 0.04 * (high - low) if high > low else low + 1.0
    return up(low, high, nice_ticks(low, high))


def _log_ticks(low: float, high: float) -> tuple[float, ...]:
    """Powers of ten, with 2 and 5 between them where there is room."""
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [
            factor * 10.0**decade
            for decade in decades
            for factor in factors
            if low / 1.1 <= factor * 10.0**decade <= high * 1.1
        ]
        if len(ticks) <= MAX_LOG_TICKS:
            return tuple(ticks)
    every = ceil(len(ticks) / MAX_LOG_TICKS)
    return tuple(ticks[::every])


def step_panel(
    curves: Sequence[tuple[int, Sequence[tuple[float, float]]]], longest: float, *, label: str
) -> str:
    """Shares that jump, from 0 to 100 %.

    Args:
        curves: Colour index, and the points (steps, %) at which the curve jumps.
        longest: Where the axis ends, in steps.
        label: What a screen reader says.
    """
    x, y = across(longest), up(0, 100, PERCENT)
    parts = []
    for color, points in curves:
        path = f"M{x(points[0][0])},{y(points[0][1])}"
        path += "".join(f"H{x(right)}V{y(above)}" for right, above in points[1:])
        parts.append(f'<path class="curve c{color % NUM_COLORS}" d="{path}"/>')
    return plot(x, y, parts, label=label)


def raw_panel(
    curves: Sequence[tuple[int, Points]], longest: int, y: Scale, *, label: str, grid_px: float
) -> str:
    """Logged numbers over steps, joined by straight lines.

    Args:
        curves: Colour index and points of each.
        longest: Where the axis of steps ends.
        y: The range of the quantity, the same in every panel that shows it.
        label: What a screen reader says.
        grid_px: Coordinates are rounded to multiples of this.
    """
    x = across(longest)
    parts = []
    # Noise hides what lies under it.
    sheer = ' stroke-opacity="0.65"' if len(curves) > 1 else ""
    for color, points in curves:
        path = raw_path([(x(step), y(value)) for step, value in points], grid_px)
        parts.append(
            f'<path class="raw c{color % NUM_COLORS}" transform="scale({grid_px:g})" '
            f'stroke-width="{1 / grid_px:g}"{sheer} d="{path}"/>'
        )
    return plot(x, y, parts, label=label)


def whisker_panel(
    curves: Sequence[tuple[int, Sequence[Whisker]]], longest: int, *, label: str
) -> str:
    """Shares of 0 to 100 % over steps, with intervals."""
    x, y = across(longest), up(0, 100, PERCENT)
    parts = []
    for index, (color, whiskers) in enumerate(curves):
        # Intervals of several models at one step would lie on each other.
        shift = 3.0 * (index - (len(curves) - 1) / 2)
        spots = [(x(one.step) + shift, one) for one in whiskers]
        line = " ".join(f"{right:g},{y(one.value):g}" for right, one in spots)
        drawn = [f'<polyline class="thin" points="{line}"/>']
        for right, one in spots:
            drawn.append(
                f'<line class="interval" x1="{right:g}" x2="{right:g}" y1="{y(one.low):g}" '
                f'y2="{y(one.high):g}"/><circle class="dot" cx="{right:g}" '
                f'cy="{y(one.value):g}" r="3.5"/>'
            )
        parts.append(f'<g class="c{color % NUM_COLORS}">{"".join(drawn)}</g>')
    return plot(x, y, parts, label=label)


def raw_path(spots: Iterable[tuple[float, float]], grid_px: float) -> str:
    """A path through every spot, rounded to a grid.

    Of the spots in one column of the grid only the first, the lowest, the highest and the last
    are written: the path between the others runs up and down on that same line, so the drawing
    is the one of all of them (M4; Jugel et al. 2014, VLDB 7(10), section 4).
    """
    rounded = [(round(x / grid_px), round(y / grid_px)) for x, y in spots]
    kept: list[tuple[int, int]] = []
    for _, column in groupby(rounded, key=lambda spot: spot[0]):
        members = list(column)
        ends = (0, len(members) - 1)
        heights = [y for _, y in members]
        extremes = (heights.index(min(heights)), heights.index(max(heights)))
        kept += [members[index] for index in sorted({*ends, *extremes})]
    if not kept:
        return ""
    steps = ((right[0] - left[0], right[1] - left[1]) for left, right in pairwise(kept))
    text = f"M{kept[0][0]} {kept[0][1]}l" + " ".join(f"{dx} {dy}" for dx, dy in steps)
    return text.removesuffix("l").replace(" -", "-")
