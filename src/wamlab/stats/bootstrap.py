"""Intervals that treat the task, not the episode, as the unit of resampling."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

MIN_TASKS = 3
"""Fewest tasks of a suite; with 2, a nominal 95 % interval was found to cover 85 %."""
MIN_FREEDOM = 4
"""Fewest degrees of freedom, tasks minus suites; with 3 tasks of one suite it covers 81 %."""

Suites = Mapping[str, Mapping[str, Sequence[float]]]
"""Suite -> task -> one value for each episode: 0 or 1, or a paired difference -1, 0, 1."""


class Clustered(NamedTuple):
    """A mean over suites with its interval, as fractions of 1.

    Attributes:
        stderr: Standard error of the estimate under resampling of tasks.
        num_tasks: How many tasks were resampled.
    """

    estimate: float
    low: float
    high: float
    stderr: float
    num_tasks: int

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def named_generator(name: str) -> np.random.Generator:
    """The random stream of that name; the same on every machine."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:16]))


def mean_of_suites(suites: Suites) -> float:
    """Each suite's mean over its episodes, averaged with equal weight.

    Raises:
        ValueError: If there is no suite, or one has no episode.
    """
    means = []
    for suite, tasks in suites.items():
        values = [value for task in tasks.values() for value in task]
        if not values:
            raise ValueError(f"suite {suite!r}: got no episodes, expected at least one")
        means.append(sum(values) / len(values))
    if not means:
        raise ValueError("suites: got none, expected at least one")
    return sum(means) / len(means)


def clustered_bootstrap(
    suites: Suites,
    rng: np.random.Generator,
    *,
    num_resamples: int = 10_000,
    confidence: float = 0.95,
) -> Clustered | None:
    """Interval for new tasks that are like these, by resampling tasks within each suite.

    Suites are strata: their mean is taken with equal weight. Each resample draws one task
    fewer than a suite has, which makes the variance unbiased, and the percentiles are those
    of Student's t with (tasks - suites) degrees of freedom. Simulated with 10 tasks of 50
    episodes (2026-11): covers 94 % at 80 % success, and 88 % (one suite) or 93 % (four
    suites) at 97 %, where the plain percentile interval covers 84 and 91 %.

    Args:
        suites: Suite -> task -> values of its episodes.
        rng: Where the resamples come from; pass a fresh one for equal results.
        num_resamples: Bootstrap resamples.
        confidence: Two-sided.

    Returns:
        None if it cannot be estimated: a suite has fewer than 3 tasks, there are fewer than
        4 degrees of freedom, or all tasks of each suite have the same rate.

    Raises:
        ValueError: If there is no suite, or one has no episode.

    Source: Rao and Wu (1988), JASA 83:231-241 (n - 1 draws in a stratum); Hesterberg
    (2015), The American Statistician 69:371-386 (expanded percentiles).
    """
    estimate = mean_of_suites(suites)
    tables = [_sums_and_counts(tasks) for tasks in suites.values()]
    freedom = sum(len(counts) - 1 for _, counts in tables)
    if freedom < MIN_FREEDOM or any(len(counts) < MIN_TASKS for _, counts in tables):
        return None
    resampled = np.zeros(num_resamples)
    for sums, counts in tables:
        num_tasks = len(counts)
        draws = rng.multinomial(num_tasks - 1, np.full(num_tasks, 1 / num_tasks), num_resamples)
        resampled += (draws @ sums) / (draws @ counts)
    resampled /= len(tables)
    stderr = float(resampled.std())
    # Rounding of sums leaves 1e-17 where every task has the same rate.
    if stderr < 1e-9:
        return None
    tail = float(norm.cdf(t.ppf((1 - confidence) / 2, freedom)))
    low, high = np.quantile(resampled, [tail, 1 - tail])
    num_tasks = sum(len(counts) for _, counts in tables)
    return Clustered(estimate, float(low), float(high), stderr, num_tasks)


def _sums_and_counts(
    tasks: Mapping[str, Sequence[float]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of values and number of episodes of each task that has any, shape (num_tasks,)."""
    filled = [values for _, values in sorted(tasks.items()) if len(values)]
    sums = np.array([float(sum(values)) for values in filled])
    return sums, np.array([float(len(values)) for values in filled])
