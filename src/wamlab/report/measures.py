"""Measures what a hypothesis is about, from the records of its rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from math import log, sqrt

import numpy as np
from scipy.stats import norm

from wamlab.core.hypotheses import (
    FactorEffect,
    FailureShares,
    GapDifference,
    Hypothesis,
    LatencyRatio,
    Reproduction,
    ScoreTrend,
    SequentialDifference,
    SuccessDifference,
)
from wamlab.report.contrasts import POWER_FACTOR
from wamlab.report.early import measured_early
from wamlab.report.entries import Entry
from wamlab.report.estimates import STREAM, succeeded
from wamlab.report.failure_measures import claimed, measured_shares
from wamlab.report.measured import Evidence, Measured, Unit
from wamlab.report.selection import (
    Missing,
    cluster_of,
    listed,
    needed,
    part_of,
    rows_of,
    selected,
    shared,
    shortfall,
)
from wamlab.report.study import Study
from wamlab.report.task_measures import measured_effect, measured_gap, measured_trend
from wamlab.report.texts import say
from wamlab.stats.bootstrap import clustered_bootstrap, named_generator
from wamlab.stats.pairs import count_pairs, detectable_difference, mcnemar_exact, paired_difference
from wamlab.stats.rates import Z_95, Difference, Rate, mean_difference, newcombe, wilson

Rows = Mapping[str, Entry]


def measured(
    study: Study, hypothesis: Hypothesis, evidence: Evidence, *, confidence: float = 0.95
) -> Measured | Missing:
    """The number of a hypothesis with an interval of that confidence, or what it lacks."""
    measure = hypothesis.measure
    if isinstance(measure, LatencyRatio):
        return _latency(hypothesis, measure, evidence, confidence)
    rows = rows_of(study, hypothesis)
    if isinstance(rows, Missing):
        return rows
    if isinstance(measure, SequentialDifference):
        return measured_early(rows, hypothesis, measure, confidence)
    scopes = [measure.scope, *([measure.less_on] if isinstance(measure, GapDifference) else [])]
    for scope in scopes:
        if (lacking := shortfall(rows, scope, hypothesis)) is not None:
            return lacking
    match measure:
        case SuccessDifference():
            return _difference(rows, hypothesis, measure, confidence)
        case FailureShares():
            return measured_shares(rows, hypothesis, measure, confidence)
        case FactorEffect():
            return measured_effect(rows, hypothesis, measure, confidence)
        case GapDifference():
            return measured_gap(rows, hypothesis, measure, confidence)
        case ScoreTrend():
            return measured_trend(rows, hypothesis, measure, confidence)
        case Reproduction():
            return _reproduction(rows, measure, confidence)


def _difference(
    rows: Rows,
    hypothesis: Hypothesis,
    measure: SuccessDifference,
    confidence: float,
) -> Measured | Missing:
    """Its interval holds for new episodes of these tasks and, where it can, for new tasks."""
    claim = claimed(rows, measure)
    if isinstance(claim, Missing):
        return claim
    outcomes: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    by_seed, num_unpaired = [], 0
    for first, second in zip(measure.first, measure.second, strict=True):
        ours, theirs = rows[first], rows[second]
        keys = shared((ours, theirs), measure.scope)
        asked = [selected(entry, measure.scope) for entry in (ours, theirs)]
        parts = {part_of(measure.scope, key) for key in asked[0]}
        if parts - {part_of(measure.scope, key) for key in keys}:
            return Missing(say("claim_no_pairs", first=first, second=second), needed(hypothesis))
        num_unpaired += len(asked[0]) + len(asked[1]) - 2 * len(keys)
        of_seed: dict[str, list[float]] = defaultdict(list)
        for key in keys:
            pair = (claim(first, ours.finished[key]), claim(second, theirs.finished[key]))
            part, value = part_of(measure.scope, key), float(pair[0]) - float(pair[1])
            outcomes[part].append(pair)
            of_seed[part].append(value)
            values[part][cluster_of(ours.finished[key])].append(value)
        by_seed.append(float(np.mean([np.mean(of_part) for of_part in of_seed.values()])))
    pairs = count_pairs(pair for of_part in outcomes.values() for pair in of_part)
    z = float(norm.ppf((1 + confidence) / 2))
    fixed = mean_difference([paired_difference(count_pairs(o), z=z) for o in outcomes.values()])
    spread = clustered_bootstrap(values, named_generator(STREAM), confidence=confidence)
    detectable = detectable_difference(pairs.num_pairs, pairs.num_discordant / pairs.num_pairs)
    low, high = fixed.low, fixed.high
    if spread is not None:
        low, high = min(low, spread.low), max(high, spread.high)
        detectable = max(detectable, POWER_FACTOR * spread.stderr)
    return Measured(
        estimate=fixed.estimate,
        low=low,
        high=high,
        p=mcnemar_exact(pairs),
        num_pairs=pairs.num_pairs,
        by_seed=tuple(by_seed),
        detectable=detectable,
        holds_for_new_tasks=spread is not None,
        num_unpaired=num_unpaired,
    )


def _reproduction(rows: Rows, measure: Reproduction, confidence: float) -> Measured:
    """Own minus published, as two unpaired rates; each part of the scope counts alike."""
    z = float(norm.ppf((1 + confidence) / 2))
    found: dict[str, list[bool]] = defaultdict(list)
    by_seed = []
    k = round(measure.published * measure.num_episodes)
    theirs = wilson(k, measure.num_episodes, z=z)
    # The printed rate, not k / n, is what was published; the interval is that of the counts.
    theirs = Rate(measure.published, theirs.low, theirs.high, theirs.num_episodes)
    for name in measure.arm:
        of_seed: dict[str, list[bool]] = defaultdict(list)
        for key, record in selected(rows[name], measure.scope).items():
            of_seed[part_of(measure.scope, key)].append(succeeded(record))
        for part, outcomes in of_seed.items():
            found[part] += outcomes
        by_seed.append(float(np.mean([np.mean(o) for o in of_seed.values()])) - theirs.estimate)
    rates = [wilson(sum(outcomes), len(outcomes), z=z) for outcomes in found.values()]
    own = mean_difference([Difference(*rate[:3]) for rate in rates])
    num_episodes = sum(rate.num_episodes for rate in rates)
    difference = newcombe(Rate(*own, num_episodes), theirs)
    return Measured(
        *difference, None, num_episodes, tuple(by_seed), holds_for_new_tasks=False,
        own=own.estimate,
    )  # fmt: skip


def _latency(
    hypothesis: Hypothesis, measure: LatencyRatio, evidence: Evidence, confidence: float
) -> Measured | Missing:
    """Log of the ratio of medians over its bound; limits combine those of both medians.

    Source: Zou and Donner (2008), Statistics in Medicine 27:1693-1702 (MOVER), on logs.
    """
    times = evidence.timings
    if lacking := [name for name in hypothesis.rows if name not in times]:
        return Missing(say("claim_no_latency", names=listed(lacking)), needed(hypothesis))
    machines = sorted({times[name].machine for name in hypothesis.rows})
    if len(machines) > 1:
        return Missing(say("claim_machines", names=listed(machines)), needed(hypothesis))
    by_seed, below, above = [], 0.0, 0.0
    for first, second in zip(measure.first, measure.second, strict=True):
        one, other = times[first], times[second]
        by_seed.append(log(one.median_ms / other.median_ms / measure.bound))
        below += log(one.median_ms / one.low_ms) ** 2 + log(other.high_ms / other.median_ms) ** 2
        above += log(one.high_ms / one.median_ms) ** 2 + log(other.median_ms / other.low_ms) ** 2
    # The limits of a timing are 95 %; another confidence widens them in proportion.
    widened = float(norm.ppf((1 + confidence) / 2)) / Z_95 / len(by_seed)
    estimate = float(np.mean(by_seed))
    low, high = estimate - widened * sqrt(below), estimate + widened * sqrt(above)
    if measure.is_upper:
        estimate, low, high = -estimate, -high, -low
        by_seed = [-one for one in by_seed]
    towards_zero = estimate - low if estimate > 0 else high - estimate
    stderr = towards_zero / float(norm.ppf((1 + confidence) / 2))
    return Measured(
        estimate=estimate,
        low=low,
        high=high,
        p=2 * float(norm.sf(abs(estimate) / stderr)) if stderr else float(estimate == 0),
        num_pairs=sum(times[name].num_calls for name in hypothesis.rows),
        by_seed=tuple(by_seed),
        holds_for_new_tasks=False,
        unit=Unit.RATIO,
    )
