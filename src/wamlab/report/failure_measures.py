"""Measures that need labels of failures: fewer of one kind, and of what kinds the others are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from wamlab.core.episodes import EpisodeRecord
from wamlab.core.failures import Category
from wamlab.core.hypotheses import FailureShares, Hypothesis, Scope, SuccessDifference
from wamlab.report.contrasts import POWER_FACTOR
from wamlab.report.entries import Entry
from wamlab.report.estimates import succeeded
from wamlab.report.labelled import MIN_KAPPA, Failure, failures_of, lowest_kappa
from wamlab.report.measured import Measured
from wamlab.report.selection import Missing, cluster_of, listed
from wamlab.report.texts import say
from wamlab.stats.bootstrap import named_generator
from wamlab.stats.pairs import fisher
from wamlab.stats.shares import freeman_halton, share_differences

STREAM = "report: tables of failures with the margins found"
CATEGORIES = tuple(Category)
Rows = Mapping[str, Entry]
Counts = NDArray[np.int64]


def claimed(
    rows: Rows, measure: SuccessDifference
) -> Callable[[str, EpisodeRecord], bool] | Missing:
    """What counts as a success of a row: not having failed, or not in that way."""
    mode = measure.failure_mode
    if mode is None:
        return lambda name, record: succeeded(record)
    labels = _whole_labels(rows, measure.scope)
    if isinstance(labels, Missing):
        return labels
    kinds = {name: {one.record.key: one.category for one in labels[name]} for name in rows}
    return lambda name, record: succeeded(record) or kinds[name].get(record.key) != mode


def measured_shares(
    rows: Rows, hypothesis: Hypothesis, measure: FailureShares, confidence: float
) -> Measured | Missing:
    """The difference of one share, or the largest of any; both arms' seeds are pooled."""
    labels = _whole_labels(rows, measure.scope)
    if isinstance(labels, Missing):
        return labels
    if lacking := [name for name in hypothesis.rows if not labels[name]]:
        needed = say("claim_needs_failures")
        return Missing(say("claim_no_failures", names=listed(lacking)), needed)
    first, second = (
        [one for name in arm for one in labels[name]] for arm in (measure.first, measure.second)
    )
    seeds = [(labels[a], labels[b]) for a, b in zip(measure.first, measure.second, strict=True)]
    if measure.share_of is None:
        return _largest(first, second, seeds, confidence)
    return _of_one(first, second, seeds, Category(measure.share_of), confidence)


def _whole_labels(rows: Rows, scope: Scope) -> dict[str, list[Failure]] | Missing:
    """Row -> its failures in the scope, if two people who agree labelled every one of all rows."""
    found = {
        name: [one for one in failures_of(entry) if one.record.key in scope]
        for name, entry in rows.items()
    }
    for name, failures in found.items():
        num_double = sum(len(one.people) >= 2 for one in failures)
        if num_double < len(failures):
            why = say("claim_no_labels", name=name, n=len(failures), double=num_double)
            return Missing(why, say("claim_needs_labels"))
    every = [one for failures in found.values() for one in failures]
    if not every:
        return found
    kappa = lowest_kappa(every)
    if kappa is None or kappa < MIN_KAPPA:
        shown = "?" if kappa is None else f"{kappa:.2f}"
        why = say("claim_low_kappa", found=shown, least=f"{MIN_KAPPA:g}")
        return Missing(why, say("claim_needs_labels"))
    return found


def _of_one(
    first: Sequence[Failure],
    second: Sequence[Failure],
    seeds: Sequence[tuple[Sequence[Failure], Sequence[Failure]]],
    kind: Category,
    confidence: float,
) -> Measured:
    """One share; significant only if the whole composition differs too (closed testing)."""
    ours, theirs = tables(first, second)
    index = CATEGORIES.index(kind)
    found = share_differences(ours, theirs, confidence=confidence)
    totals = [int(table.sum()) for table in (ours, theirs)]
    counts = [int(table[:, index].sum()) for table in (ours, theirs)]
    of_kind = fisher(counts, [n - k for n, k in zip(totals, counts, strict=True)])
    z = float(norm.ppf((1 + confidence) / 2))
    estimate, low, high = found.of[index]
    return Measured(
        estimate=estimate,
        low=low,
        high=high,
        p=max(of_kind, composition_p([first, second])),
        num_pairs=sum(totals),
        by_seed=tuple(_share(a, kind) - _share(b, kind) for a, b in seeds),
        detectable=POWER_FACTOR * (high - low) / (2 * z),
        holds_for_new_tasks=found.covers_tasks,
    )


def _largest(
    first: Sequence[Failure],
    second: Sequence[Failure],
    seeds: Sequence[tuple[Sequence[Failure], Sequence[Failure]]],
    confidence: float,
) -> Measured:
    """The largest difference of any share, without its sign.

    That all shares are within a margin needs every interval within it, each at the confidence
    asked for; that one is beyond needs an interval that allows for there being several.
    """
    ours, theirs = tables(first, second)
    within = share_differences(ours, theirs, confidence=confidence)
    beyond = share_differences(
        ours, theirs, confidence=1 - (1 - confidence) / len(CATEGORIES)
    )  # fmt: skip
    return Measured(
        estimate=max(abs(one.estimate) for one in within.of),
        low=max(max(one.low, -one.high, 0.0) for one in beyond.of),
        high=max(max(abs(one.low), abs(one.high)) for one in within.of),
        p=None,
        num_pairs=int(ours.sum() + theirs.sum()),
        by_seed=tuple(max(abs(_share(a, c) - _share(b, c)) for c in CATEGORIES) for a, b in seeds),
        holds_for_new_tasks=within.covers_tasks,
    )


def _share(failures: Sequence[Failure], kind: Category) -> float:
    return sum(one.category is kind for one in failures) / len(failures)


def tables(first: Sequence[Failure], second: Sequence[Failure]) -> tuple[Counts, Counts]:
    """Failures by task and category, int64, shape (num_tasks, num_categories), the same tasks."""
    tasks = sorted({cluster_of(one.record) for one in (*first, *second)})
    made = []
    for failures in (first, second):
        table = np.zeros((len(tasks), len(CATEGORIES)), dtype=np.int64)
        for one in failures:
            assert one.category is not None  # every failure was found to be labelled
            table[tasks.index(cluster_of(one.record)), CATEGORIES.index(one.category)] += 1
        made.append(table)
    return made[0], made[1]


def composition_p(rows: Sequence[Sequence[Failure]]) -> float:
    """P-value of all rows' failures being of the same kinds in the same shares."""
    counts = [[sum(one.category is kind for one in row) for kind in CATEGORIES] for row in rows]
    return freeman_halton(counts, named_generator(STREAM))
