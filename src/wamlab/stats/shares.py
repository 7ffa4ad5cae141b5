"""Of what kinds two policies' failures are: shares of categories, compared."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import norm, random_table, t

from wamlab.stats.bootstrap import MIN_FREEDOM
from wamlab.stats.rates import Difference, newcombe, wilson

Counts = NDArray[np.int64]


class ShareDifferences(NamedTuple):
    """Share of each category among the failures of the first, minus that among the second's.

    Attributes:
        of: One for each category, as fractions of 1.
        covers_tasks: Whether the intervals also hold for new tasks like these.
    """

    of: tuple[Difference, ...]
    covers_tasks: bool


def share_differences(
    first: Counts, second: Counts, *, confidence: float = 0.95
) -> ShareDifferences:
    """Intervals of the differences of all shares, each of that confidence alone.

    The wider end of two: Newcombe's, which takes failures as independent, and a linearised one
    over tasks, which also knows that both policies failed on the same tasks and that failures
    of one task are alike. With fewer than 5 tasks there is only the first.

    Args:
        first: Failures by task and category, shape (num_tasks, num_categories).
        second: The same of the other policy, the same tasks and categories.

    Raises:
        ValueError: If shapes differ, or one of the two has no failure.

    Source: Newcombe (1998), Statistics in Medicine 17:873-890, method 10; Woodruff (1971), JASA
    66:411-414, for the ratio of two sums over clusters.
    """
    if first.shape != second.shape or first.ndim != 2 or not first.sum() or not second.sum():
        raise ValueError(
            f"failures: got shapes {first.shape} and {second.shape}, expected the same tasks and "
            "categories, at least one failure in each"
        )
    z = float(norm.ppf((1 + confidence) / 2))
    totals = int(first.sum()), int(second.sum())
    num_tasks = len(first)
    influence = _influence(first) - _influence(second)
    covers_tasks = num_tasks - 1 >= MIN_FREEDOM
    reach = float(t.ppf((1 + confidence) / 2, num_tasks - 1)) if covers_tasks else 0.0
    found = []
    for index in range(first.shape[1]):
        ours, theirs = int(first[:, index].sum()), int(second[:, index].sum())
        fixed = newcombe(wilson(ours, totals[0], z=z), wilson(theirs, totals[1], z=z))
        squares = float((influence[:, index] ** 2).sum())
        half = reach * sqrt(squares * num_tasks / (num_tasks - 1)) if covers_tasks else 0.0
        low = max(-1.0, min(fixed.low, fixed.estimate - half))
        high = min(1.0, max(fixed.high, fixed.estimate + half))
        found.append(Difference(fixed.estimate, low, high))
    return ShareDifferences(tuple(found), covers_tasks)


def _influence(counts: Counts) -> NDArray[np.float64]:
    """How much each task moves each share, shape (num_tasks, num_categories)."""
    total = counts.sum()
    shares = counts.sum(axis=0) / total
    return np.asarray((counts - counts.sum(axis=1, keepdims=True) * shares) / total)


def freeman_halton(
    table: Sequence[Sequence[int]], rng: np.random.Generator, *, num_draws: int = 20_000
) -> float:
    """P-value of all rows having the same composition; Fisher's exact test of any size.

    Draws tables with the margins of the one found, so the p-value is valid with any number of
    draws and near the exact one with many (0.05 to about 0.003 with 20,000). Assumes independent
    failures.

    Args:
        table: One row for each policy, one column for each category. Empty ones say nothing.

    Raises:
        ValueError: If rows differ in length or a count is negative.

    Source: Freeman and Halton (1951), Biometrika 38:141-149; drawn by scipy `random_table`
    (Patefield 1981); one is added to both counts as Phipson and Smyth (2010) ask.
    """
    counts = np.array(table, dtype=np.int64)
    if counts.ndim != 2 or (counts < 0).any():
        raise ValueError(f"table: got shape {counts.shape}, expected rows of counts")
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if min(counts.shape) < 2:
        return 1.0
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    drawn = random_table(rows, columns).rvs(size=num_draws, random_state=rng)
    # Margins are the same in all tables, so their part of the probability is too.
    weight = gammaln(np.asarray(drawn) + 1).sum(axis=(-2, -1))
    found = gammaln(counts + 1).sum()
    num_rarer = int((weight >= found - 1e-7).sum())
    return (1 + num_rarer) / (1 + num_draws)
