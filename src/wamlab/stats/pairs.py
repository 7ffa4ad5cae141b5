"""Two policies on the same episodes: what the pairs say about their difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from typing import NamedTuple

from scipy.optimize import brentq
from scipy.stats import binomtest, fisher_exact, norm

from wamlab.stats.rates import Z_95, Difference


class Pairs(NamedTuple):
    """How often two policies succeeded on the same episodes.

    Attributes:
        only_first: Episodes in which only the first policy succeeded.
        only_second: Episodes in which only the second one did.
    """

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def num_pairs(self) -> int:
        return sum(self)

    @property
    def num_discordant(self) -> int:
        return self.only_first + self.only_second


def count_pairs(outcomes: Iterable[tuple[bool, bool]]) -> Pairs:
    """Counts (first succeeded, second succeeded) for each shared episode."""
    table = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for outcome in outcomes:
        table[outcome] += 1
    return Pairs(*table.values())


def mcnemar_exact(pairs: Pairs) -> float:
    """Two-sided exact p-value of equal success on the same episodes.

    Only discordant pairs speak; without one there is no evidence and p is 1.

    Source: McNemar (1947), Psychometrika 12:153-157, with the binomial distribution; checked
    against statsmodels 0.15 `mcnemar(table, exact=True)`.
    """
    if pairs.num_discordant == 0:
        return 1.0
    return float(binomtest(pairs.only_first, pairs.num_discordant, 0.5).pvalue)


def fisher(successes: Sequence[int], failures: Sequence[int]) -> float:
    """Two-sided exact p-value of equal success on episodes that are not paired.

    Args:
        successes: Of the two policies.
        failures: Of the two policies.
    """
    return float(fisher_exact([list(successes), list(failures)]).pvalue)


def paired_difference(pairs: Pairs, *, z: float = Z_95) -> Difference:
    """Score interval of the success rate of the first policy minus the second.

    Holds its coverage for few pairs and where hardly any pair is discordant. Assumes
    independent pairs; for several episodes of one task use `clustered_bootstrap`.

    Raises:
        ValueError: If there are no pairs.

    Source: Tango (1998), Statistics in Medicine 17:891-908; checked against a
    numerical search over the constrained likelihood (tests/stats/test_pairs.py).
    """
    if pairs.num_pairs < 1:
        raise ValueError("pairs: got none, expected at least one")
    estimate = (pairs.only_first - pairs.only_second) / pairs.num_pairs

    def above(difference: float) -> float:
        return paired_score(pairs, difference) - z

    def below(difference: float) -> float:
        return paired_score(pairs, difference) + z

    low = _root(above, -1.0, estimate)
    high = _root(below, estimate, 1.0)
    return Difference(estimate, low, high)


def detectable_difference(
    num_pairs: int, discordance: float, *, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Smallest difference that McNemar's test finds with that power, as a fraction of 1.

    Args:
        discordance: Share of pairs in which exactly one policy succeeds; a difference cannot
            exceed it, so where it is smaller the difference itself is taken.

    Returns:
        1.0 if no difference can be found at that number of pairs.

    Raises:
        ValueError: If there are no pairs, or discordance, power or alpha is no fraction.

    Source: Connor (1987), Biometrics 43:207-211, solved for the difference.
    """
    if num_pairs < 1 or not 0 <= discordance <= 1:
        raise ValueError(f"got {num_pairs} pairs with a discordance of {discordance}")
    if not (0 < alpha < 1 and 0 < power < 1):
        raise ValueError(f"got power {power} and alpha {alpha}, expected fractions of 1")
    z_alpha, z_power = float(norm.ppf(1 - alpha / 2)), float(norm.ppf(power))

    def excess(difference: float) -> float:
        share = max(discordance, difference)
        needed = z_alpha * sqrt(share) + z_power * sqrt(share - difference**2)
        return difference * sqrt(num_pairs) - needed

    # At zero both sides vanish if no pair is discordant, so start beside it.
    return _root(excess, 1e-9, 1.0) if excess(1.0) > 0 else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusts p-values for the number of questions asked together.

    Source: Holm (1979), Scandinavian Journal of Statistics 6:65-70; checked against
    statsmodels 0.15 `multipletests(method="holm")`.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = worst
    return adjusted


def paired_score(pairs: Pairs, difference: float) -> float:
    """Standard normal statistic of the hypothesis of that difference; falls with it.

    Source: Tango (1998), Statistics in Medicine 17:891-908, eq. 3.
    """
    n, b, c = pairs.num_pairs, pairs.only_first, pairs.only_second
    distance = b - c - n * difference
    # Likelihood of the second policy winning alone, under the hypothesis: root of a quadratic.
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1 - difference)
    root = sqrt(max(0.0, linear * linear - 8 * n * constant))
    share = (root - linear) / (4 * n)
    variance = n * (2 * share + difference * (1 - difference))
    if variance <= 0:
        return 0.0 if distance == 0 else float("inf") if distance > 0 else float("-inf")
    return distance / sqrt(variance)


def _root(function: Callable[[float], float], start: float, end: float) -> float:
    """Where a monotone function changes its sign; the nearer end if it does not."""
    at_start, at_end = function(start), function(end)
    if at_start == 0 or at_start * at_end > 0:
        return start if abs(at_start) <= abs(at_end) else end
    if at_end == 0:
        return end
    # Infinite values, at the ends of the range of a score, only matter by their sign.
    return float(brentq(lambda x: max(-1e9, min(1e9, function(x))), start, end, xtol=1e-10))
