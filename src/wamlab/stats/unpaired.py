"""Two policies on different episodes: what their counts say about the difference."""

from __future__ import annotations

from collections.abc import Callable
from math import acos, copysign, cos, inf, pi, sqrt
from typing import NamedTuple

from scipy.optimize import brentq
from scipy.stats import boschloo_exact, norm

from wamlab.stats.rates import Difference

MAX_BOSCHLOO = 1000
"""Most episodes of both arms together; scipy takes 7 s for 1,000 and 43 s for 2,000."""


class Counts(NamedTuple):
    """Successes of one policy; nothing is known of which episodes they were."""

    successes: int
    episodes: int

    @property
    def rate(self) -> float:
        return self.successes / self.episodes

    @property
    def failures(self) -> int:
        return self.episodes - self.successes


def boschloo(first: Counts, second: Counts) -> float:
    """Two-sided exact p-value of equal rates; finds more than Fisher's test, is as careful.

    Assumes independent episodes and numbers of episodes that were fixed in advance.

    Raises:
        ValueError: If a count is impossible, or both have more than 1,000 episodes together;
            for those the interval of `score_difference` is as good.

    Source: Boschloo (1970), Statistica Neerlandica 24:1-35, by scipy `boschloo_exact`.
    """
    check_counts(first, second)
    total = first.episodes + second.episodes
    if total > MAX_BOSCHLOO:
        raise ValueError(
            f"episodes: got {total}, expected at most {MAX_BOSCHLOO}; use score_difference"
        )
    if first.successes + second.successes in (0, total):
        return 1.0  # scipy divides by zero where no outcome differs
    table = [[first.successes, second.successes], [first.failures, second.failures]]
    return float(min(1.0, boschloo_exact(table).pvalue))


def score_difference(first: Counts, second: Counts, *, confidence: float = 0.95) -> Difference:
    """Score interval of the rate of the first policy minus the second.

    Belongs to the tests of `equivalence_unpaired`: the interval of confidence 1 - 2 alpha lies
    within the margin exactly if that test rejects at alpha. Assumes independent episodes.

    Raises:
        ValueError: If a count is impossible, or the confidence is not between 0 and 1.

    Source: Miettinen and Nurminen (1985), Statistics in Medicine 4:213-226, without their
    factor n/(n-1), which is Mee (1984), Biometrics 40:1175-1176; checked against values that
    Newcombe published in 1998. Not by statsmodels 0.15: its `method="score"` raises at 100 of
    100 twice, and misses the constrained maximum (found 2026-11: 3 of 20 and 5 of 40 at a
    difference of 0.1 give 0.204 and 0.104 where a search gives 0.208 and 0.108).
    """
    check_counts(first, second)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: got {confidence}, expected a number between 0 and 1")
    z = float(norm.ppf((1 + confidence) / 2))
    estimate = first.rate - second.rate

    def above(difference: float) -> float:
        return score(first, second, difference) - z

    def below(difference: float) -> float:
        return score(first, second, difference) + z

    return Difference(estimate, _root(above, -1.0, estimate), _root(below, estimate, 1.0))


def score(first: Counts, second: Counts, difference: float) -> float:
    """Standard normal statistic of the hypothesis that the rates differ by that much.

    Source: Farrington and Manning (1990), Statistics in Medicine 9:1447-1454, method 3.
    """
    p1, p2 = constrained_rates(first, second, difference)
    variance = p1 * (1 - p1) / first.episodes + p2 * (1 - p2) / second.episodes
    distance = first.rate - second.rate - difference
    if variance < 1e-15:
        return 0.0 if abs(distance) < 1e-12 else copysign(inf, distance)
    return distance / sqrt(variance)


def constrained_rates(first: Counts, second: Counts, difference: float) -> tuple[float, float]:
    """The likeliest pair of rates whose difference is the given one.

    Source: Farrington and Manning (1990), appendix: a cubic, solved by its cosine formula.
    """
    ratio = second.episodes / first.episodes
    p1, p2 = first.rate, second.rate
    a = 1 + ratio
    b = -(1 + ratio + p1 + ratio * p2 + difference * (ratio + 2))
    c = difference**2 + difference * (2 * p1 + ratio + 1) + p1 + ratio * p2
    d = -p1 * difference * (1 + difference)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a * a) + d / (2 * a)
    u = copysign(sqrt(max(0.0, (b / (3 * a)) ** 2 - c / (3 * a))), v)
    angle = (pi + acos(max(-1.0, min(1.0, v / u**3)) if u else 0.0)) / 3
    found = 2 * u * cos(angle) - b / (3 * a)
    # Rounding leaves 1e-16 outside, whose variance would be negative.
    found = max(0.0, difference, min(1.0, 1 + difference, found))
    return found, max(0.0, min(1.0, found - difference))


def check_counts(*counts: Counts) -> None:
    """Raises ValueError for a count that cannot be."""
    for successes, episodes in counts:
        if episodes < 1 or not 0 <= successes <= episodes:
            raise ValueError(f"got {successes} successes in {episodes} episodes")


def _root(function: Callable[[float], float], start: float, end: float) -> float:
    """Where a falling function changes its sign; the outer end if it does not."""
    at_start, at_end = function(start), function(end)
    if at_start <= 0:
        return start
    if at_end >= 0:
        return end
    return float(brentq(lambda x: max(-1e9, min(1e9, function(x))), start, end, xtol=1e-10))
