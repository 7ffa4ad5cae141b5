"""Adjusts p-values for the number of questions that were asked."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.stats import false_discovery_control

from wamlab.stats.pairs import holm

__all__ = ["benjamini_hochberg", "holm"]


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted so that of those below q at most a share q is false, on average.

    For searching, e.g. which of 70 tasks differ; conclusions use `holm`, which bounds the
    chance of a single false one. Assumes independent or positively dependent tests.

    Raises:
        ValueError: If a p-value is not between 0 and 1.

    Source: Benjamini and Hochberg (1995), JRSS B 57:289-300, by scipy
    `false_discovery_control`.
    """
    for p_value in p_values:
        if not 0 <= p_value <= 1:
            raise ValueError(f"p-values: got {p_value}, expected numbers from 0 to 1")
    if not p_values:
        return []
    return [float(adjusted) for adjusted in false_discovery_control(p_values, method="bh")]
