"""Measures that are averages over tasks: factorial effects, gaps, and trends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from wamlab.core.episodes import EpisodeKey
from wamlab.core.hypotheses import (
    FactorEffect,
    FactorialEffect,
    GapDifference,
    Hypothesis,
    ScoreTrend,
)
from wamlab.report.contrasts import POWER_FACTOR
from wamlab.report.entries import Entry
from wamlab.report.estimates import succeeded
from wamlab.report.measured import Measured, Unit
from wamlab.report.selection import Missing, cluster_of, needed, selected, shared
from wamlab.report.texts import say
from wamlab.stats.correlation import rank_correlation
from wamlab.stats.factorial import Effect, factorial_rates
from wamlab.stats.trends import clustered_trend
from wamlab.stats.verdicts import leading_cause

Rows = Mapping[str, Entry]
LEVELS = {"first": (0, 1, 0, 1), "second": (0, 0, 1, 1)}
"""Of the arms in the order of `FactorEffect.arms`."""
EFFECTS = {
    FactorialEffect.FIRST: "first",
    FactorialEffect.SECOND: "second",
    FactorialEffect.INTERACTION: "first x second",
}


def measured_effect(
    rows: Rows, hypothesis: Hypothesis, measure: FactorEffect, confidence: float
) -> Measured | Missing:
    """One effect of the design; the interval is Student's t over tasks."""
    cells: list[tuple[str, int, bool]] = []
    by_seed, num_unpaired = [], 0
    name = EFFECTS[measure.effect]
    for names in zip(*measure.arms, strict=True):
        entries = [rows[row] for row in names]
        keys = shared(entries, measure.scope)
        num_unpaired += sum(len(selected(one, measure.scope)) - len(keys) for one in entries)
        of_seed = [
            (cluster_of(entry.finished[key]), arm, succeeded(entry.finished[key]))
            for arm, entry in enumerate(entries)
            for key in keys
        ]
        found = _effects(of_seed, confidence)
        if found is None:
            return Missing(say("claim_few_tasks", names=", ".join(names)), needed(hypothesis))
        by_seed.append(found[name].estimate)
        cells += of_seed
    effects = _effects(cells, confidence)
    if effects is None:
        return Missing(say("claim_few_tasks", names=", ".join(hypothesis.rows)), needed(hypothesis))
    effect = effects[name]
    mains = {key: effects[key] for key in LEVELS}
    return Measured(
        estimate=effect.estimate,
        low=effect.low,
        high=effect.high,
        p=effect.p_value,
        num_pairs=len(cells) // len(measure.arms),
        by_seed=tuple(by_seed),
        detectable=POWER_FACTOR * effect.stderr,
        is_leading=None if name not in mains else leading_cause(mains) == name,
        apart=None if name not in mains else _apart(effects, name),
        num_unpaired=num_unpaired,
    )


def _apart(effects: Mapping[str, Effect], name: str) -> tuple[float, float]:
    """A main effect at the lower and at the upper level of the other factor."""
    half = effects[EFFECTS[FactorialEffect.INTERACTION]].estimate / 2
    return effects[name].estimate - half, effects[name].estimate + half


def _effects(cells: Sequence[tuple[str, int, bool]], confidence: float) -> dict[str, Effect] | None:
    """Effects over (task, arm, success) of each episode."""
    counts: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for task, arm, success in cells:
        counts[task, arm][0] += success
        counts[task, arm][1] += 1
    if not counts:
        return None
    tasks = {task: index for index, task in enumerate(sorted({task for task, _ in counts}))}
    return factorial_rates(
        [successes for successes, _ in counts.values()],
        [episodes for _, episodes in counts.values()],
        {name: [levels[arm] for _, arm in counts] for name, levels in LEVELS.items()},
        [tasks[task] for task, _ in counts],
        confidence=confidence,
    )


def measured_gap(
    rows: Rows, hypothesis: Hypothesis, measure: GapDifference, confidence: float
) -> Measured | Missing:
    """How much more is gained on one scope than on the other, within the same tasks."""
    values: list[float] = []
    levels: list[float] = []
    clusters: list[str] = []
    by_seed = []
    for first, second in zip(measure.first, measure.second, strict=True):
        means = []
        for level, scope in enumerate((measure.less_on, measure.scope)):
            keys = shared((rows[first], rows[second]), scope)
            if not keys:
                return Missing(
                    say("claim_no_pairs", first=first, second=second), needed(hypothesis)
                )
            found = [_gain(rows[first], rows[second], key) for key in keys]
            means.append(float(np.mean(found)))
            values += found
            levels += [float(level)] * len(keys)
            clusters += [cluster_of(rows[first].finished[key]) for key in keys]
        by_seed.append(means[1] - means[0])
    numbers = {cluster: index for index, cluster in enumerate(sorted(set(clusters)))}
    trend = clustered_trend(values, levels, [numbers[c] for c in clusters], confidence=confidence)
    if trend is None:
        return Missing(say("claim_few_tasks", names=", ".join(hypothesis.rows)), needed(hypothesis))
    # The statistic is the slope over its standard error, also where the slope is nearly zero.
    stderr = trend.slope / trend.statistic if trend.statistic else None
    return Measured(
        estimate=trend.slope,
        low=trend.low,
        high=trend.high,
        p=trend.p_value,
        num_pairs=len(values),
        by_seed=tuple(by_seed),
        detectable=None if stderr is None else POWER_FACTOR * stderr,
    )


def _gain(first: Entry, second: Entry, key: EpisodeKey) -> float:
    return float(succeeded(first.finished[key])) - float(succeeded(second.finished[key]))


def measured_trend(
    rows: Rows, hypothesis: Hypothesis, measure: ScoreTrend, confidence: float
) -> Measured | Missing:
    """Minus the rank correlation of the tasks' success with their score."""
    by_task: dict[str, list[bool]] = defaultdict(list)
    by_seed = []
    for name in measure.arm:
        of_seed: dict[str, list[bool]] = defaultdict(list)
        for key, record in selected(rows[name], measure.scope).items():
            of_seed[key.task].append(succeeded(record))
        if unscored := sorted(of_seed.keys() - measure.scores.keys()):
            why = say("claim_no_score", tasks=", ".join(unscored))
            return Missing(why, say("claim_needs_scores"))
        found = rank_correlation(*_columns(of_seed, measure), confidence=confidence)
        if found is None:
            return Missing(say("claim_few_tasks", names=name), needed(hypothesis))
        by_seed.append(-found.estimate)
        for task, outcomes in of_seed.items():
            by_task[task] += outcomes
    pooled = rank_correlation(*_columns(by_task, measure), confidence=confidence)
    if pooled is None:
        return Missing(say("claim_few_tasks", names=", ".join(measure.arm)), needed(hypothesis))
    return Measured(
        estimate=-pooled.estimate,
        low=-pooled.high,
        high=-pooled.low,
        p=pooled.p_value,
        num_pairs=sum(map(len, by_task.values())),
        by_seed=tuple(by_seed),
        unit=Unit.CORRELATION,
    )


def _columns(
    by_task: Mapping[str, Sequence[bool]], measure: ScoreTrend
) -> tuple[list[float], list[float]]:
    tasks = sorted(by_task)
    rates = [sum(by_task[task]) / len(by_task[task]) for task in tasks]
    return [measure.scores[task] for task in tasks], rates
