"""How far two labellers agree on the same episodes beyond what chance would give."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Coefficient = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From tables of shares, shape (..., k, k), to the coefficient of each; nan if undefined."""


class Agreement(NamedTuple):
    """A coefficient of agreement with its interval: 1 is full agreement, 0 is chance.

    Attributes:
        observed: Share of episodes with the same label, of which the coefficient is made.
        num_undefined: Resamples without a coefficient, since all labels were the same; the
            interval is that of the others.
    """

    estimate: float
    low: float
    high: float
    observed: float
    num_episodes: int
    num_undefined: int


def cohen_kappa(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    num_resamples: int = 10_000,
    confidence: float = 0.95,
) -> Agreement | None:
    """Cohen's kappa with a bootstrap interval over episodes.

    Chance is that of two labellers with their own habits. It is low where one label
    dominates, however well they agree; `gwet_ac1` is not. Assumes independent episodes.

    Args:
        first: Labels of one labeller, one for each episode.
        second: Labels of the other for the same episodes.

    Returns:
        None if both gave one and the same label throughout: chance explains everything.

    Raises:
        ValueError: If there are no labels, not equally many, or the number of resamples or
            the confidence makes no sense.

    Source: Cohen (1960), Educational and Psychological Measurement 20:37-46; checked against
    statsmodels 0.15 `cohens_kappa`.
    """
    return _bootstrapped(first, second, rng, _kappa, num_resamples, confidence)


def gwet_ac1(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    rng: np.random.Generator,
    *,
    num_labels: int | None = None,
    num_resamples: int = 10_000,
    confidence: float = 0.95,
) -> Agreement | None:
    """Gwet's AC1 with a bootstrap interval over episodes.

    Chance is that of the episodes that are hard to label, so that it does not collapse where
    one label dominates, as failures of one mode do.

    Args:
        first: Labels of one labeller, one for each episode.
        second: Labels of the other for the same episodes.
        num_labels: How many labels they could choose from; None counts those that were used.

    Returns:
        None if there is a single label to choose from.

    Raises:
        ValueError: As `cohen_kappa`, or more labels were used than could be chosen.

    Source: Gwet (2008), British J. Mathematical and Statistical Psychology 61:29-48, eq. 4;
    checked against his example of 2002 (118, 5, 2 and 0 episodes: AC1 = 0.941, kappa = -0.023).
    """
    _check(first, second, num_resamples, confidence)
    num_used = len(set(first) | set(second))
    num_choices = num_used if num_labels is None else num_labels
    if num_choices < num_used:
        raise ValueError(f"labels: got {num_used} different ones, expected at most {num_choices}")
    if num_choices < 2:
        return None

    def ac1(shares: NDArray[np.float64]) -> NDArray[np.float64]:
        share = (shares.sum(-1) + shares.sum(-2)) / 2
        chance = (share * (1 - share)).sum(-1) / (num_choices - 1)
        return _beyond(_observed(shares), chance)

    return _bootstrapped(first, second, rng, ac1, num_resamples, confidence)


def _bootstrapped(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    rng: np.random.Generator,
    coefficient: Coefficient,
    num_resamples: int,
    confidence: float,
) -> Agreement | None:
    """Draws tables, which is the same as drawing episodes and faster."""
    _check(first, second, num_resamples, confidence)
    labels = {label: i for i, label in enumerate(dict.fromkeys([*first, *second]))}
    table = np.zeros((len(labels), len(labels)))
    for one, other in zip(first, second, strict=True):
        table[labels[one], labels[other]] += 1
    num_episodes = len(first)
    shares = table / num_episodes
    estimate = float(coefficient(shares))
    if np.isnan(estimate):
        return None
    draws = rng.multinomial(num_episodes, shares.ravel(), size=num_resamples)
    resampled = coefficient(draws.reshape(num_resamples, *table.shape) / num_episodes)
    num_undefined = int(np.isnan(resampled).sum())
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail])
    observed = float(_observed(shares))
    return Agreement(estimate, float(low), float(high), observed, num_episodes, num_undefined)


def _kappa(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    chance = (shares.sum(-1) * shares.sum(-2)).sum(-1)
    return _beyond(_observed(shares), chance)


def _observed(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.trace(shares, axis1=-2, axis2=-1))


def _beyond(observed: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    room = np.where(1 - chance > 1e-12, 1 - chance, np.nan)
    return np.asarray((observed - chance) / room)


def _check(
    first: Sequence[Hashable], second: Sequence[Hashable], num_resamples: int, confidence: float
) -> None:
    if len(first) != len(second) or not len(first):
        raise ValueError(
            f"labels: got {len(first)} and {len(second)}, expected equally many, at least one"
        )
    if num_resamples < 1 or not 0 < confidence < 1:
        raise ValueError(
            f"got {num_resamples} resamples and a confidence of {confidence}, "
            "expected at least 1 and a number between 0 and 1"
        )
