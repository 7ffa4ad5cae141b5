"""Intervals of a success rate by the beta distribution: exact ones, and Jeffreys'.

Apart from rates.py, which verbs that must start at once import: scipy takes half a second.
"""

from __future__ import annotations

from scipy.stats import beta

from wamlab.stats.rates import Rate


def clopper_pearson(successes: int, episodes: int, *, confidence: float = 0.95) -> Rate:
    """Exact interval of a success rate: never covers less than promised, so it is the widest.

    For "at least this rate" in a safety case; in tables `wilson` says more. Assumes independent
    episodes.

    Raises:
        ValueError: If there are no episodes, more successes than episodes, or the confidence
            is not between 0 and 1.

    Source: Clopper and Pearson (1934), Biometrika 26:404-413, by quantiles of the beta
    distribution; checked against scipy 1.17 `binomtest(k, n).proportion_ci(method="exact")`.
    """
    tail = _tail(successes, episodes, confidence)
    failures = episodes - successes
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, failures + 1))
    high = 1.0 if failures == 0 else float(beta.ppf(1 - tail, successes + 1, failures))
    return Rate(successes / episodes, low, high, episodes)


def jeffreys(successes: int, episodes: int, *, confidence: float = 0.95) -> Rate:
    """Equal-tailed interval of the Beta(1/2, 1/2) posterior; covers 95 % on average.

    Where nothing or everything succeeded the limit on that side is 0 or 1, without which it
    would miss the truth there. Assumes independent episodes.

    Raises:
        ValueError: As `clopper_pearson`.

    Source: Brown, Cai and DasGupta (2001), Statistical Science 16:101-133, section 3.1.2;
    checked against statsmodels 0.15 `proportion_confint(method="jeffreys")`.
    """
    tail = _tail(successes, episodes, confidence)
    shape = (successes + 0.5, episodes - successes + 0.5)
    low = 0.0 if successes == 0 else float(beta.ppf(tail, *shape))
    high = 1.0 if successes == episodes else float(beta.ppf(1 - tail, *shape))
    return Rate(successes / episodes, low, high, episodes)


def _tail(successes: int, episodes: int, confidence: float) -> float:
    """Probability left out on each side, of arguments that make sense."""
    if episodes < 1 or not 0 <= successes <= episodes:
        raise ValueError(f"got {successes} successes in {episodes} episodes")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: got {confidence}, expected a number between 0 and 1")
    return (1 - confidence) / 2
