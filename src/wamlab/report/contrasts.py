"""What separates two rows: on the episodes that both finished, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from wamlab.report.entries import Entry, Shared
from wamlab.report.estimates import STREAM, succeeded
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
        is_pooled: Each episode counts alike instead, whatever its suite.
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
    is_pooled: bool = False

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
        return unpaired_contrast(first, second, suites)
    return paired_contrast(first, second, suites)


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


def pooled_contrast(study: Study, first: Entry, second: Entry) -> Contrast | None:
    """Compares two rows over all columns together, each episode counting alike.

    None if nothing could be compared, or the protocols differ: see `contrast` for those.
    """
    if study.is_mixed:
        return None
    return paired_contrast(first, second, study.average_of, is_pooled=True)


def paired_contrast(
    first: Entry, second: Entry, suites: Sequence[str], *, is_pooled: bool = False
) -> Contrast | None:
    """Compares two rows on the episodes that both finished; None if a suite has none.

    Asked for many times by tables, figures and ranks, computed once.
    """
    what = (id(second), tuple(suites), is_pooled)
    if what not in first.known:
        # Beside the second row itself, so that no other can get its id.
        first.known[what] = (_compared(first, second, suites, is_pooled=is_pooled), second)
    found: Contrast | None = first.known[what][0]  # type: ignore[index]  # put there above
    return found


def _compared(
    first: Entry, second: Entry, suites: Sequence[str], *, is_pooled: bool
) -> Contrast | None:
    shared = _shared(first, second)
    columns = [shared[suite] for suite in suites if suite in shared]
    if len(columns) < len(suites) or not all(column.outcomes for column in columns):
        return None
    pairs = count_pairs(outcome for column in columns for outcome in column.outcomes)
    if is_pooled:
        values = {"": _together([column.differences for column in columns])}
        difference = paired_difference(pairs)
    else:
        values = {s: column.differences for s, column in zip(suites, columns, strict=True)}
        difference = mean_difference(
            [paired_difference(count_pairs(column.outcomes)) for column in columns]
        )
    p = mcnemar_exact(pairs)
    return Contrast(
        first=first.name,
        second=second.name,
        suites=tuple(suites),
        is_pooled=is_pooled,
        pairs=pairs,
        num_unpaired=sum(column.num_alone for column in columns),
        difference=difference,
        clustered=clustered_bootstrap(values, named_generator(STREAM)),
        p=p,
        p_adjusted=p,
    )


def _shared(first: Entry, second: Entry) -> dict[str, Shared]:
    if id(second) not in first.known:
        first.known[id(second)] = (first.shared(second), second)
    found: dict[str, Shared] = first.known[id(second)][0]  # type: ignore[index]  # put there above
    return found


def _together(columns: Sequence[Mapping[str, list[float]]]) -> dict[str, list[float]]:
    """Task -> its values in all columns."""
    found: dict[str, list[float]] = {}
    for column in columns:
        for task, values in column.items():
            found.setdefault(task, []).extend(values)
    return found


def unpaired_contrast(first: Entry, second: Entry, suites: Sequence[str]) -> Contrast | None:
    """Compares two rows whose episodes cannot be told apart; None if a suite has none."""
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
