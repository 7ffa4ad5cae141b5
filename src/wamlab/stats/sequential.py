"""Looks at results after every episode, as often as wanted, without a false alarm more.

A gambler bets against a hypothesis; episode by episode the wealth grows if it is wrong and,
on average, does not grow if it is right. Wealth of 20 is therefore as rare under it as a
p-value of 5 %, at any time and however the moment to stop was chosen (Ville's inequality).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Array = NDArray[np.float64]

RATE = (0.0, 1.0)
"""Bounds of an outcome: failure, success."""
PAIRED = (-1.0, 1.0)
"""Bounds of a paired difference: only the second policy succeeded, only the first did."""

# Shares of the wealth that are bet, from careful to bold. Log-spaced, since the best share is
# about the difference over the discordance: 0.02 to 0.5 in practice.
STAKES = np.geomspace(0.005, 0.98, 24)
BLOCK = 32  # episodes at once; 2,001 hypotheses x 48 gamblers x 32 are 25 MB


class Side(StrEnum):
    """Where the mean may lie if the hypothesis is wrong."""

    BOTH = "both"
    ABOVE = "above"
    BELOW = "below"


class ConfidenceSequence(NamedTuple):
    """An interval after each episode; all of them together hold the mean with 1 - alpha.

    Attributes:
        low: float64, shape (num_episodes,); never falls.
        high: float64, shape (num_episodes,); never rises.
    """

    low: Array
    high: Array


def e_values(
    values: Sequence[float],
    null: float,
    *,
    bounds: tuple[float, float] = RATE,
    side: Side = Side.BOTH,
    population: int | None = None,
) -> Array:
    """Evidence against a mean after each episode: stop and reject once it reaches 1 / alpha.

    The smallest p-value so far is one over the largest evidence so far. What was seen may
    decide when to stop, not which episode comes next: they come in random order, or each is
    drawn anew. The order has no influence on the last value without a population.

    Args:
        values: Outcomes or paired differences, in the order in which they came.
        null: The mean under the hypothesis, between the bounds; 0 for paired differences.
        bounds: `RATE` or `PAIRED`, or of any other bounded score.
        side: Against means on both sides, or only above or below.
        population: Number of episodes of the whole benchmark, if they are drawn from it
            without repeating one; the mean is then that of the whole.

    Returns:
        float64, shape (num_episodes,).

    Raises:
        ValueError: If there is no value, a value or the null is not within the bounds, or
            there are more values than the population has.

    Source: Waudby-Smith and Ramdas (2024), JRSS B 86:1-27: capital process (section 3),
    hedged (section 4) and without replacement (section 5), with bets averaged over a grid of
    stakes. Written anew from the paper; error rate simulated in tests/stats/test_sequential.py.
    """
    x = _scaled(values, bounds, population)
    means = (np.array([null]) - bounds[0]) / (bounds[1] - bounds[0])
    if not 0 < means[0] < 1:
        raise ValueError(f"null: got {null}, expected a number between the bounds {bounds}")
    fair = _fair_means(x, means, population)
    gamblers = np.zeros((*_stakes(side).shape, 1))
    log_wealth, _ = _play(gamblers, x, fair, _stakes(side))
    return np.asarray(np.exp(log_wealth[0]))


def confidence_sequence(
    values: Sequence[float],
    *,
    bounds: tuple[float, float] = RATE,
    alpha: float = 0.05,
    step: float = 0.001,
    population: int | None = None,
) -> ConfidenceSequence:
    """Interval of the mean after each episode, valid at all of them together.

    Holds every mean that `e_values` has not yet rejected. Wider than an interval for a number
    of episodes fixed in advance: the price of looking. Assumptions as there.

    Args:
        step: Width of the grid of means; limits are rounded outwards to it.

    Raises:
        ValueError: As `e_values`, or alpha or the step is not between 0 and 1.

    Source: Waudby-Smith and Ramdas (2024), as `e_values`.
    """
    if not (0 < alpha < 1 and 0 < step < 1):
        raise ValueError(f"got alpha {alpha} and step {step}, expected them between 0 and 1")
    x, width = _scaled(values, bounds, population), bounds[1] - bounds[0]
    # Half a step away from 0 and 1, where nothing could be bet.
    grid = (np.arange(round(width / step)) + 0.5) / round(width / step)
    rejected_at = _rejection_times(x, grid, log(1 / alpha), population)
    low, high = np.full(len(x), bounds[0]), np.full(len(x), bounds[1])
    for index in range(len(x)):
        kept = np.flatnonzero(rejected_at > index)
        if not len(kept):  # the mean lies between two points of the grid
            low[index:], high[index:] = low[index - 1], high[index - 1]
            break
        # The neighbours of what was kept were rejected; the limit may be anywhere between.
        below, above = kept[0] - 1, kept[-1] + 1
        low[index] = bounds[0] + width * (grid[below] if below >= 0 else 0.0)
        high[index] = bounds[0] + width * (grid[above] if above < len(grid) else 1.0)
    if population:  # what is left can at worst all fail, at best all succeed
        left = np.arange(population - 1, population - len(x) - 1, -1)
        sure = x.cumsum(), x.cumsum() + left
        low = np.maximum(low, bounds[0] + width * sure[0] / population)
        high = np.minimum(high, bounds[0] + width * sure[1] / population)
    return ConfidenceSequence(low, high)


class SoFar(NamedTuple):
    """What paired differences say of their mean when one looks.

    Attributes:
        p: Two-sided, of no difference; the smallest so far.
    """

    estimate: float
    low: float
    high: float
    p: float


def paired_so_far(differences: Sequence[float], *, alpha: float = 0.05) -> SoFar:
    """The mean of paired differences, with limits and p that hold at all looks together.

    The estimate is the mean of what was seen; where one stops because it is large, it is too
    large on average.

    Args:
        differences: First minus second, -1 to 1, in an order drawn by lot.

    Raises:
        ValueError: As `e_values`.
    """
    strongest = float(e_values(differences, 0.0, bounds=PAIRED).max())
    interval = confidence_sequence(differences, bounds=PAIRED, alpha=alpha)
    return SoFar(
        estimate=float(np.mean(differences)),
        low=float(interval.low[-1]),
        high=float(interval.high[-1]),
        p=min(1.0, 1 / strongest) if strongest else 1.0,
    )


def _rejection_times(
    x: Array, grid: Array, log_limit: float, population: int | None
) -> NDArray[np.int64]:
    """Index of the first episode at which each mean is rejected; the number of episodes if none."""
    times = np.full(len(grid), len(x))
    stakes, alive = _stakes(Side.BOTH), np.arange(len(grid))
    gamblers = np.zeros((*stakes.shape, len(grid)))
    fair = _fair_means(x, grid, population) if population else None
    for start in range(0, len(x), BLOCK):
        block = x[start : start + BLOCK]
        means = grid[alive, None].repeat(len(block), 1)
        if fair is not None:
            means = fair[alive, start : start + BLOCK]
        log_wealth, gamblers = _play(gamblers, block, means, stakes)
        beyond = log_wealth >= log_limit
        found = beyond.any(axis=1)
        times[alive[found]] = start + beyond[found].argmax(axis=1)
        alive, gamblers = alive[~found], gamblers[..., ~found]
    return times


def _play(gamblers: Array, x: Array, fair: Array, stakes: Array) -> tuple[Array, Array]:
    """Lets every gambler bet on each episode.

    Args:
        gamblers: Log wealth before, shape (num_sides, num_stakes, num_means).
        x: Values in 0 to 1, shape (num_episodes,).
        fair: Mean of the next value under each hypothesis, shape (num_means, num_episodes).
        stakes: Signed, shape (num_sides, num_stakes): positive bet on values above the mean.

    Returns:
        Log of the mean wealth, shape (num_means, num_episodes), and the gamblers afterwards.
    """
    possible = (fair > -1e-12) & (fair < 1 + 1e-12)
    mean = np.clip(fair, 1e-9, 1 - 1e-9)
    up, down = (x - mean) / mean, (mean - x) / (1 - mean)
    share = np.abs(stakes)[..., None, None]
    growth = np.log1p(share * np.where(stakes[..., None, None] > 0, up, down))
    log_wealth = gamblers[..., None] + growth.cumsum(axis=-1)
    total = logsumexp(log_wealth, axis=(0, 1)) - log(stakes.size)
    return np.where(possible, total, np.inf), log_wealth[..., -1]


def _stakes(side: Side) -> Array:
    signs = {Side.BOTH: (1, -1), Side.ABOVE: (1,), Side.BELOW: (-1,)}[side]
    return np.array([sign * STAKES for sign in signs])


def _fair_means(x: Array, means: Array, population: int | None) -> Array:
    """Mean of the next value under each hypothesis, shape (num_means, num_episodes).

    Without replacement it is that of what is left; outside 0 to 1 if nothing can be.
    """
    if population is None:
        return means[:, None].repeat(len(x), 1)
    seen = np.concatenate([[0.0], x.cumsum()[:-1]])
    return np.asarray((population * means[:, None] - seen) / (population - np.arange(len(x))))


def _scaled(values: Sequence[float], bounds: tuple[float, float], population: int | None) -> Array:
    """Values mapped from the bounds to 0 to 1."""
    if not bounds[0] < bounds[1]:
        raise ValueError(f"bounds: got {bounds}, expected the lower one first")
    if not len(values):
        raise ValueError("values: got none, expected at least one")
    if population is not None and len(values) > population:
        raise ValueError(f"values: got {len(values)}, expected at most {population}")
    x = (np.asarray(values, dtype=np.float64) - bounds[0]) / (bounds[1] - bounds[0])
    if not ((x >= 0) & (x <= 1)).all():
        raise ValueError(f"values: got one outside, expected all within the bounds {bounds}")
    return x
