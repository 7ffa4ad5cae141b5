"""Compact letter display: policies that share a letter were not found to differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import ascii_lowercase


def letter_display(num_policies: int, different: Iterable[tuple[int, int]]) -> list[str]:
    """Letters for each policy; two policies share one exactly if they were not found to differ.

    Sharing a letter says nothing about equality. Number the policies by falling success rate,
    so that "a" stands with the best.

    Args:
        num_policies: How many, named 0 to num_policies - 1.
        different: Pairs found to differ, by tests adjusted for their number (`holm`).

    Raises:
        ValueError: If a pair does not name two of the policies.

    Source: Piepho (2004), J. Computational and Graphical Statistics 13:456-466 (insert,
    absorb, sweep).
    """
    if num_policies < 0:
        raise ValueError(f"num_policies: got {num_policies}, expected 0 or more")
    groups = [frozenset(range(num_policies))] if num_policies else []
    pairs = [tuple(pair) for pair in different]
    for one, other in pairs:
        if one == other or not {one, other} <= set(range(num_policies)):
            raise ValueError(
                f"pair: got {(one, other)}, expected two different numbers below {num_policies}"
            )
        groups = _absorbed(_inserted(groups, one, other))
    groups = _swept(groups)
    groups.sort(key=lambda group: sorted(group))
    names = _names(len(groups))
    return [
        "".join(name for name, group in zip(names, groups, strict=True) if policy in group)
        for policy in range(num_policies)
    ]


def _inserted(groups: Sequence[frozenset[int]], one: int, other: int) -> list[frozenset[int]]:
    """Splits each group that holds both, so that none does."""
    split = []
    for group in groups:
        both = one in group and other in group
        split += [group - {one}, group - {other}] if both else [group]
    return split


def _absorbed(groups: Iterable[frozenset[int]]) -> list[frozenset[int]]:
    """Drops each group that lies within another."""
    unique = sorted(set(groups), key=lambda group: (-len(group), sorted(group)))
    kept: list[frozenset[int]] = []
    for group in unique:
        if not any(group <= larger for larger in kept):
            kept.append(group)
    return kept


def _swept(groups: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    """Drops each group whose every pair is in another group as well."""
    kept = list(groups)
    for group in sorted(groups, key=lambda group: (len(group), sorted(group))):
        rest = [other for other in kept if other != group]
        if all(any({a, b} <= other for other in rest) for a in group for b in group):
            kept = rest
    return kept


def _names(count: int) -> list[str]:
    """The alphabet, then a1 to z1, a2 and so on: "a1" cannot be read as two letters."""
    size = len(ascii_lowercase)
    return [
        ascii_lowercase[index % size] + (str(index // size) if index >= size else "")
        for index in range(count)
    ]
