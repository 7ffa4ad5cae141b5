"""Tests that two success rates are as good as equal: no difference beyond a margin."""

from __future__ import annotations

from typing import NamedTuple

from scipy.stats import norm

from wamlab.stats.pairs import Pairs, paired_difference, paired_score
from wamlab.stats.rates import Difference
from wamlab.stats.unpaired import Counts, score, score_difference


class Equivalence(NamedTuple):
    """Two one-sided tests at a margin.

    Attributes:
        interval: Of confidence 1 - 2 alpha, 90 % for alpha = 5 %; it lies within the margin
            exactly if the rates are equivalent.
        p_not_lower: One-sided, of the first rate being lower by the margin or more.
        p_not_higher: One-sided, of the first rate being higher by the margin or more.
        margin: As a fraction of 1.
        alpha: Level of each of the two tests, and by that of the whole.
    """

    interval: Difference
    p_not_lower: float
    p_not_higher: float
    margin: float
    alpha: float

    @property
    def p_value(self) -> float:
        return max(self.p_not_lower, self.p_not_higher)

    @property
    def equivalent(self) -> bool:
        return self.p_value < self.alpha

    @property
    def not_lower(self) -> bool:
        """Whether the first rate is non-inferior: not lower by the margin or more."""
        return self.p_not_lower < self.alpha


def equivalence_paired(pairs: Pairs, margin: float, *, alpha: float = 0.05) -> Equivalence:
    """Tests whether two policies on the same episodes differ by less than the margin.

    Assumes independent pairs. For several episodes of one task compare the margin with
    `clustered_bootstrap(..., confidence=1 - 2 * alpha)`.

    Args:
        margin: A fraction of 1, fixed before the run.

    Raises:
        ValueError: If there are no pairs, or margin or alpha make no sense.

    Source: Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15:657-680 (two
    one-sided tests) with the statistic of Tango (1998), Statistics in Medicine 17:891-908.
    """
    z = _quantile(margin, alpha)
    interval = paired_difference(pairs, z=z)
    return Equivalence(
        interval,
        float(norm.sf(paired_score(pairs, -margin))),
        float(norm.cdf(paired_score(pairs, margin))),
        margin,
        alpha,
    )


def equivalence_unpaired(
    first: Counts, second: Counts, margin: float, *, alpha: float = 0.05
) -> Equivalence:
    """Tests whether two policies on different episodes differ by less than the margin.

    Assumes independent episodes.

    Args:
        margin: A fraction of 1, fixed before the run.

    Raises:
        ValueError: If a count is impossible, or margin or alpha make no sense.

    Source: Schuirmann (1987) as above, with the statistic of Farrington and Manning (1990),
    Statistics in Medicine 9:1447-1454. Not by statsmodels: see `score_difference`.
    """
    _quantile(margin, alpha)
    interval = score_difference(first, second, confidence=1 - 2 * alpha)
    return Equivalence(
        interval,
        float(norm.sf(score(first, second, -margin))),
        float(norm.cdf(score(first, second, margin))),
        margin,
        alpha,
    )


def _quantile(margin: float, alpha: float) -> float:
    if not 0 < margin < 1:
        raise ValueError(f"margin: got {margin}, expected a fraction between 0 and 1")
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha: got {alpha}, expected a number between 0 and 0.5")
    return float(norm.ppf(1 - alpha))
