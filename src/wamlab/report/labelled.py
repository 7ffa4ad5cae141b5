"""Failures of a row with their labels: which category counts, and how far labellers agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, cast

from wamlab.core.episodes import EpisodeRecord, Outcome
from wamlab.core.failures import Category
from wamlab.records.labels import Label, Reviewer, newest
from wamlab.report.entries import IN_ORDER, Entry
from wamlab.stats.agreement import Agreement, cohen_kappa, gwet_ac1
from wamlab.stats.bootstrap import named_generator

MIN_KAPPA = 0.6
"""Below, labels of failures say more about the labeller (specification of the report, C5)."""
STREAM = "report: labelled episodes resampled"
CACHE = "failures with labels"


class Failure(NamedTuple):
    """One failed episode.

    Attributes:
        labels: Labeller -> the label that counts, of people, rules and models alike.
    """

    record: EpisodeRecord
    labels: Mapping[str, Label]

    @property
    def people(self) -> dict[str, Category]:
        """Person -> category; only people's labels decide anything."""
        return {
            name: label.mode.category
            for name, label in self.labels.items()
            if label.reviewer is Reviewer.PERSON
        }

    @property
    def category(self) -> Category | None:
        """What all people who labelled it say; unclassified if they differ, None if nobody did."""
        said = set(self.people.values())
        if len(said) > 1:
            return Category.UNCLASSIFIED
        return said.pop() if said else None


class Pair(NamedTuple):
    """Two labellers of the same episodes.

    Attributes:
        kappa: None where both gave one and the same category throughout.
        ac1: Gwet's AC1 with all categories to choose from.
    """

    first: str
    second: str
    num_episodes: int
    kappa: Agreement | None
    ac1: Agreement
    observed: float


def failures_of(entry: Entry) -> list[Failure]:
    """Every failure of a row in the order of keys, labelled or not.

    A label holds for the episode as it was run: under shorter step limits (`--limits`) another
    episode ends there, which nobody has labelled.
    """
    if CACHE not in entry.known:
        entry.known[CACHE] = _failures(entry)
    return cast("list[Failure]", entry.known[CACHE])


def _failures(entry: Entry) -> list[Failure]:
    labels: dict[object, dict[str, Label]] = {}
    for run in entry.runs:
        as_run = {record.key: record for record in run.records} if run.labels else {}
        for (key, labeller), label in newest(run.labels).items():
            record = entry.finished.get(key)
            if record is not None and record == as_run.get(key):
                labels.setdefault(key, {})[labeller] = label
    return [
        Failure(entry.finished[key], labels.get(key, {}))
        for key in sorted(entry.finished, key=IN_ORDER)
        if entry.finished[key].outcome is Outcome.FAILURE
    ]


def counted(failures: Sequence[Failure]) -> Counter[Category]:
    """Category -> failures of it; those that no person labelled are left out."""
    return Counter(one.category for one in failures if one.category is not None)


def pairs_of(failures: Sequence[Failure], *, people_only: bool = True) -> list[Pair]:
    """All pairs of labellers who share an episode; most shared episodes first, then by name."""
    shared: dict[tuple[str, str], list[tuple[Category, Category]]] = {}
    for one in failures:
        said = one.people if people_only else {n: x.mode.category for n, x in one.labels.items()}
        for first, second in combinations(sorted(said), 2):
            shared.setdefault((first, second), []).append((said[first], said[second]))
    order = sorted(shared, key=lambda names: (-len(shared[names]), names))
    return [_pair(names, shared[names]) for names in order]


def _pair(names: tuple[str, str], said: Sequence[tuple[Category, Category]]) -> Pair:
    first, second = [one for one, _ in said], [other for _, other in said]
    kappa = cohen_kappa(first, second, named_generator(STREAM))
    ac1 = gwet_ac1(first, second, named_generator(STREAM), num_labels=len(Category))
    assert ac1 is not None  # there is more than one category to choose from
    return Pair(*names, len(said), kappa, ac1, ac1.observed)


def lowest_kappa(failures: Sequence[Failure]) -> float | None:
    """The agreement on failures that claims are made of: the lowest kappa of all whole pairs.

    None if no two people labelled every one of them, or a kappa is not defined.
    """
    whole = [pair for pair in pairs_of(failures) if pair.num_episodes == len(failures)]
    kappas = [pair.kappa for pair in whole]
    if not kappas or None in kappas:
        return None
    return min(kappa.estimate for kappa in kappas if kappa is not None)
