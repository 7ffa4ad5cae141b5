"""What separates two rows: on the episodes that both finished, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from wamlab.report.entries import Entry
from wamlab.report.estimates import STREAM, succeeded
from wamlab.report.layout import stratum
from wamlab.report.study import Study
from wamlab.stats.bootstrap import Clustered, clustered_bootstrap, named_generator
from wamlab.stats.pairs import (
    Pairs,
    count_pairs,
    detectable_difference,
    fisher,
    holm,
    mcnemar_exact,
    paired_difference,
)
from wamlab.stats.rates import Difference, mean_difference, newcombe, wilson

ALPHA = 0.05
POWER_FACTOR = 1.96 + 0.84  # normal quantiles of a two-sided 5 % test found in 80 % of studies


class Verdict(StrEnum):
    HIGHER = "higher"
    LOWER = "lower"
    UNRESOLVED = "unresolved"
    UNPAIRED = "unpaired"  # two protocols: the difference is not one between policies


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """First minus second, over some suites with equal weight.

    Attributes:
        pairs: Counts of the episodes that both finished; None if unpaired.
        num_unpaired: Episodes that only one of the two finished; they enter nothing.
        difference: For new episodes of these tasks.
        clustered: For new tasks like these; None if it cannot be estimated.
        p: Exact McNemar, or Fisher if unpaired.
        p_adjusted: The same after Holm, for all questions that were asked together.
    """

    first: str
    second: str
    suites: tuple[str, ...]
    pairs: Pairs | None
    num_unpaired: int
    difference: Difference
    clustered: Clustered | None
    p: float
    p_adjusted: float

    @property
    def estimate(self) -> float:
        return self.difference.estimate

    @property
    def interval(self) -> Difference:
        """The wider of the two: with ten tasks, chance can make the clustered one narrow."""
        if self.clustered is None:
            return self.difference
        over_tasks = Difference(self.estimate, self.clustered.low, self.clustered.high)
        return max(self.difference, over_tasks, key=lambda one: one.high - one.low)

    @property
    def detectable(self) -> float | None:
        """The larger of two smallest differences that 80 % of such studies would find.

        For new episodes of these tasks by McNemar's test, and for new tasks like these by their
        spread; None if unpaired.
        """
        if self.pairs is None:
            return None
        share = self.pairs.num_discordant / self.pairs.num_pairs
        of_episodes = detectable_difference(self.pairs.num_pairs, share)
        of_tasks = 0.0 if self.clustered is None else POWER_FACTOR * self.clustered.stderr
        return max(of_episodes, of_tasks)

    @property
    def is_resolved(self) -> bool:
        """Both must agree: the test on these episodes, the interval over tasks."""
        significant = self.p_adjusted < ALPHA and self.difference.excludes_zero
        return self.pairs is not None and significant and self.interval.excludes_zero

    @property
    def verdict(self) -> Verdict:
        if self.pairs is None:
            return Verdict.UNPAIRED
        if not self.is_resolved:
            return Verdict.UNRESOLVED
        return Verdict.HIGHER if self.estimate > 0 else Verdict.LOWER


def contrast(study: Study, first: Entry, second: Entry, suites: Sequence[str]) -> Contrast | None:
    """Compares two rows, or returns None if a suite has no episode that could be compared."""
    if study.is_mixed:
        return _unpaired(first, second, suites)
    return _paired(first, second, suites)


def against_reference(study: Study, suites: Sequence[str]) -> dict[str, Contrast]:
    """Row -> its contrast to the reference; p-values are adjusted for their number."""
    found = [contrast(study, entry, study.reference, suites) for entry in study.others]
    return {one.first: one for one in adjusted([one for one in found if one is not None])}


def by_suite(study: Study) -> dict[tuple[str, str], Contrast]:
    """Row and suite -> its contrast to the reference; one family of questions."""
    found = [
        contrast(study, entry, study.reference, (suite,))
        for entry in study.others
        for suite in study.suites
    ]
    family = adjusted([one for one in found if one is not None])
    return {(one.first, one.suites[0]): one for one in family}


def adjusted(family: Sequence[Contrast]) -> list[Contrast]:
    """The contrasts with p-values adjusted for having been asked together."""
    p_values = holm([one.p for one in family])
    return [replace(one, p_adjusted=p) for one, p in zip(family, p_values, strict=True)]


def _paired(first: Entry, second: Entry, suites: Sequence[str]) -> Contrast | None:
    shared = first.finished.keys() & second.finished.keys()
    wanted = set(suites)
    values: dict[str, dict[str, list[float]]] = {suite: {} for suite in suites}
    outcomes: dict[str, list[tuple[bool, bool]]] = {suite: [] for suite in suites}
    for key in sorted(shared):
        suite = stratum(key)
        if suite in wanted:
            outcome = (succeeded(first.finished[key]), succeeded(second.finished[key]))
            outcomes[suite].append(outcome)
            values[suite].setdefault(key.task, []).append(float(outcome[0]) - float(outcome[1]))
    if not all(outcomes.values()):
        return None
    pairs = count_pairs(outcome for suite in suites for outcome in outcomes[suite])
    alone = [
        key for key in first.finished.keys() ^ second.finished.keys() if stratum(key) in wanted
    ]
    p = mcnemar_exact(pairs)
    return Contrast(
        first=first.name,
        second=second.name,
        suites=tuple(suites),
        pairs=pairs,
        num_unpaired=len(alone),
        difference=mean_difference(
            [paired_difference(count_pairs(outcomes[suite])) for suite in suites]
        ),
        clustered=clustered_bootstrap(values, named_generator(STREAM)),
        p=p,
        p_adjusted=p,
    )


def _unpaired(first: Entry, second: Entry, suites: Sequence[str]) -> Contrast | None:
    if not all(entry.suite(suite) for entry in (first, second) for suite in suites):
        return None
    differences, successes, failures = [], [0, 0], [0, 0]
    for suite in suites:
        rates = []
        for side, entry in enumerate((first, second)):
            records = entry.suite(suite)
            num_successes = sum(map(succeeded, records))
            rates.append(wilson(num_successes, len(records)))
            successes[side] += num_successes
            failures[side] += len(records) - num_successes
        differences.append(newcombe(*rates))
    p = fisher(successes, failures)
    return Contrast(
        first=first.name,
        second=second.name,
        suites=tuple(suites),
        pairs=None,
        num_unpaired=sum(successes) + sum(failures),
        difference=mean_difference(differences),
        clustered=None,
        p=p,
        p_adjusted=p,
    )
