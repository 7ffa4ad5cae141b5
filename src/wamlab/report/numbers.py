"""Numbers as they are printed; rounding happens here and nowhere else."""

from __future__ import annotations

from wamlab.report.texts import Text, same
from wamlab.stats.rates import Rate

MINUS = "\u2212"
EN_DASH = "\u2013"
NO_BREAK = "\u00a0"


def percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def points(fraction: float) -> str:
    """A difference in percentage points, with its sign; 0.0 has none."""
    rounded = round(100 * fraction, 1)
    if rounded == 0:
        return "0.0"
    return f"{'+' if rounded > 0 else MINUS}{abs(rounded):.1f}"


def percent_interval(low: float, high: float) -> str:
    return f"[{percent(low)}, {percent(high)}]"


def points_interval(low: float, high: float) -> str:
    return f"[{points(low)}, {points(high)}]"


def p_value(p: float) -> str:
    """With its sign of relation, e.g. "= 0.031" or "< 0.0001"; never broken over two lines."""
    if p < 1e-4:
        return f"<{NO_BREAK}0.0001"
    return f"={NO_BREAK}{p:.4f}" if p < 0.01 else f"={NO_BREAK}{p:.2f}"


def count_of(rate: Rate) -> str:
    return f"{round(rate.estimate * rate.num_episodes)}/{rate.num_episodes}"


def rate_lines(rate: Rate) -> tuple[Text, Text]:
    """Interval and counts, without which no rate is printed."""
    return same(percent_interval(rate.low, rate.high)), same(count_of(rate))


def span(numbers: list[int]) -> str:
    """The one number, or the lowest and the highest."""
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low}{EN_DASH}{high}"
