"""Does success fall, or rise, from one difficulty level to the next?"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, t

MIN_TASKS = 5
"""Fewest tasks with two levels or more; below, the interval says little about new tasks."""


class Trend(NamedTuple):
    """Change of the success rate from one level to the next, as a fraction of 1.

    Attributes:
        statistic: Standard normal, or Student's t with (tasks - 1) degrees of freedom.
        p_value: Two-sided, of no trend.
    """

    slope: float
    low: float
    high: float
    statistic: float
    p_value: float


def cochran_armitage(
    successes: Sequence[int],
    episodes: Sequence[int],
    *,
    levels: Sequence[float] | None = None,
    confidence: float = 0.95,
) -> Trend | None:
    """Tests for a linear trend of success rates over ordered levels.

    Assumes independent episodes; where tasks are shared by levels use `clustered_trend`. A
    test of a line: it overlooks a rate that falls and then rises. The interval is that of a
    weighted line through the rates, the p-value that of the test of no trend.

    Args:
        successes: One count for each level.
        episodes: One count for each level.
        levels: Where the levels lie; 1, 2, 3, ... if None.

    Returns:
        None if all episodes succeeded or all failed: nothing varies.

    Raises:
        ValueError: If counts are impossible, or fewer than two levels have episodes.

    Source: Armitage (1955), Biometrics 11:375-386; checked against R's `prop.trend.test`
    (its manual's example: chi-squared 8.2249, p = 0.004132).
    """
    k, n, x = _level_arrays(successes, episodes, levels)
    total = n.sum()
    rate = k.sum() / total
    if rate in (0.0, 1.0):
        return None
    centred = x - (n * x).sum() / total
    spread = (n * centred**2).sum()
    slope = (centred * k).sum() / spread
    statistic = slope * sqrt(spread / (rate * (1 - rate)))
    # The variance under the trend found; that of no trend would belong to the test only.
    rates = k / n
    stderr = sqrt((centred**2 * n * rates * (1 - rates)).sum()) / spread
    half = float(norm.ppf((1 + confidence) / 2)) * stderr
    p_value = 2 * float(norm.sf(abs(statistic)))
    return Trend(float(slope), float(slope - half), float(slope + half), float(statistic), p_value)


def clustered_trend(
    values: Sequence[float],
    levels: Sequence[float],
    tasks: Sequence[int],
    *,
    confidence: float = 0.95,
) -> Trend | None:
    """Tests for a linear trend within tasks; holds for new tasks like these.

    Each task has its own rate, so that levels may hold different tasks, and its own trend,
    whose spread between tasks is what the interval comes from. Simulated with 10 tasks whose
    trends differ: see docs/statistics.md.

    Args:
        values: One for each episode: 0 or 1, or a paired difference -1, 0, 1.
        levels: One for each episode.
        tasks: Number of the task of each episode.

    Returns:
        None if fewer than 5 tasks have two levels or more, or their trends do not vary.

    Raises:
        ValueError: If the three are not equally long or empty, or a number is not finite.

    Source: least squares with an intercept for each task and a covariance by task, Liang and
    Zeger (1986), Biometrika 73:13-22; checked against statsmodels 0.15 OLS with
    `cov_type="cluster"`.
    """
    y, x, task = _episode_arrays(values, levels, tasks)
    count = np.bincount(task)
    x = x - (np.bincount(task, x) / count)[task]
    y = y - (np.bincount(task, y) / count)[task]
    spread, covariance = np.bincount(task, x * x), np.bincount(task, x * y)
    informed = spread > 1e-12
    num_tasks = int(informed.sum())
    if num_tasks < MIN_TASKS:
        return None
    slope = covariance[informed].sum() / spread[informed].sum()
    scores = covariance[informed] - slope * spread[informed]
    variance = (scores**2).sum() * num_tasks / (num_tasks - 1)
    stderr = sqrt(variance) / spread[informed].sum()
    if stderr < 1e-12:
        return None
    statistic = slope / stderr
    half = float(t.ppf((1 + confidence) / 2, num_tasks - 1)) * stderr
    p_value = 2 * float(t.sf(abs(statistic), num_tasks - 1))
    return Trend(float(slope), float(slope - half), float(slope + half), float(statistic), p_value)


FloatArray = np.ndarray[tuple[int], np.dtype[np.float64]]
IntArray = np.ndarray[tuple[int], np.dtype[np.int64]]


def _level_arrays(
    successes: Sequence[int], episodes: Sequence[int], levels: Sequence[float] | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Counts and places of the levels that have episodes."""
    x = range(1, len(episodes) + 1) if levels is None else levels
    if not len(successes) == len(episodes) == len(x):
        raise ValueError(
            f"levels: got {len(successes)} successes, {len(episodes)} episodes and {len(x)} "
            "levels, expected equally many"
        )
    for k, n in zip(successes, episodes, strict=True):
        if not 0 <= k <= n:
            raise ValueError(f"got {k} successes in {n} episodes")
    rows = [row for row in zip(successes, episodes, x, strict=True) if row[1]]
    if len({level for _, _, level in rows}) < 2:
        raise ValueError(f"levels: got {len(rows)} with episodes, expected at least 2")
    columns = np.array(rows, dtype=np.float64).T
    return columns[0], columns[1], columns[2]


def _episode_arrays(
    values: Sequence[float], levels: Sequence[float], tasks: Sequence[int]
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Values and levels, with tasks numbered without gaps."""
    if not len(values) == len(levels) == len(tasks) or not len(values):
        raise ValueError(
            f"episodes: got {len(values)} values, {len(levels)} levels and {len(tasks)} tasks, "
            "expected equally many, at least one"
        )
    y, x = np.asarray(values, dtype=np.float64), np.asarray(levels, dtype=np.float64)
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise ValueError("values and levels: got one that is not finite, expected numbers")
    task = np.unique(np.asarray(tasks), return_inverse=True)[1].astype(np.int64)
    return y, x, task
