"""Which episodes a hypothesis is about, and whether they are those that were planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

from wamlab.core.episodes import EpisodeKey, EpisodeRecord
from wamlab.core.hypotheses import Hypothesis, Scope, Weighting
from wamlab.report.entries import Entry
from wamlab.report.layout import benchmark_label, suite_label
from wamlab.report.study import Study
from wamlab.report.texts import Text, same, say

Records = Mapping[EpisodeKey, EpisodeRecord]


class Missing(NamedTuple):
    """Why a hypothesis is not tested.

    Attributes:
        why: What was found instead.
        needed: What would have to be run.
    """

    why: Text
    needed: Text


def rows_of(study: Study, hypothesis: Hypothesis) -> dict[str, Entry] | Missing:
    """The rows that a hypothesis names.

    Returns:
        What is missing if one is not in the report, two are one checkpoint, or the runs were
        not made under one protocol.
    """
    parts = _studies_of(study, hypothesis)
    found = {
        name: _together([entry for part in parts if (entry := part.entry(name)) is not None])
        for name in hypothesis.rows
        if parts and parts[0].entry(name) is not None
    }
    if absent := [name for name in hypothesis.rows if name not in found]:
        return Missing(say("claim_no_rows", names=listed(absent)), needed(hypothesis))
    if any(part.is_mixed for part in parts):
        return Missing(say("claim_mixed"), needed(hypothesis))
    for one, other in combinations(found.values(), 2):
        if one.policy == other.policy:
            why = say("claim_one_checkpoint", first=one.name, second=other.name, id=one.policy)
            return Missing(why, needed(hypothesis))
    return found


def _studies_of(study: Study, hypothesis: Hypothesis) -> list[Study]:
    """The parts of a study that it reads, that of its own scope first."""
    part = study_of(study, hypothesis)
    other = getattr(hypothesis.measure, "less_on", None)
    beside = study.on(other.benchmark) if isinstance(other, Scope) else None
    found = [part] if part is not None else []
    return found if beside is None or beside is part else [*found, beside]


def _together(entries: Sequence[Entry]) -> Entry:
    """One row's episodes on several benchmarks."""
    first, *others = entries
    if not others:
        return first
    return replace(first, records={k: r for entry in entries for k, r in entry.records.items()})


def study_of(study: Study, hypothesis: Hypothesis) -> Study | None:
    """The part of a study on the benchmark that a hypothesis is about."""
    scope = getattr(hypothesis.measure, "scope", None)
    return study.on(scope.benchmark) if isinstance(scope, Scope) else study


def selected(entry: Entry, scope: Scope) -> Records:
    """The finished episodes of a row that lie in a scope."""
    return {key: record for key, record in entry.finished.items() if key in scope}


def shortfall(rows: Mapping[str, Entry], scope: Scope, hypothesis: Hypothesis) -> Missing | None:
    """What a scope lacks: episodes of a row, or a whole suite or axis of it."""
    for name, entry in rows.items():
        records = selected(entry, scope)
        if len(records) < scope.num_episodes:
            why = say(
                "claim_few_episodes",
                name=name,
                found=f"{len(records):,}",
                planned=f"{scope.num_episodes:,}",
                scope=scope_words(scope),
            )
            return Missing(why, needed(hypothesis))
        for part, wanted in (("suite", scope.suites), ("axis", scope.axes)):
            if lacking := sorted(set(wanted) - {getattr(key, part) for key in records}):
                why = say("claim_no_part", name=name, parts=listed(lacking))
                return Missing(why, needed(hypothesis))
    return None


def part_of(scope: Scope, key: EpisodeKey) -> str:
    """What counts alike with others in the mean over a scope."""
    return {Weighting.SUITES: key.suite, Weighting.AXES: key.axis}.get(scope.weighting, "")


def cluster_of(record: EpisodeRecord) -> str:
    """The task that an episode belongs to: all disturbances of one task are one cluster."""
    task = record.key.task if record.twin is None else record.twin.task
    return f"{record.key.suite}/{task}"


def shared(entries: Sequence[Entry], scope: Scope) -> list[EpisodeKey]:
    """Episodes that all rows finished and that are known to start alike."""
    first, *others = (selected(entry, scope) for entry in entries)
    return [
        key for key in sorted(first) if key.knows_init and all(key in other for other in others)
    ]


def needed(hypothesis: Hypothesis) -> Text:
    """What would have to be run to test it, in words."""
    scopes = [getattr(hypothesis.measure, name, None) for name in ("scope", "less_on")]
    found = [scope for scope in scopes if isinstance(scope, Scope)]
    if not found:
        return say("claim_needs_latency", names=listed(hypothesis.rows))
    parts = [
        say("claim_episodes_each", scope=scope_words(scope), n=f"{scope.num_episodes:,}")
        for scope in found
    ]
    where = Text("; ".join(part.en for part in parts), "\uff1b".join(part.zh for part in parts))
    return say("claim_needs", names=listed(hypothesis.rows), where=where)


def scope_words(scope: Scope) -> Text:
    """A scope as a reader would call it."""
    labels = [suite_label(scope.benchmark, suite) for suite in scope.suites]
    benchmark = benchmark_label(scope.benchmark)
    words = say("scope_suites", benchmark=benchmark, suites=listed(labels))
    if scope.axes != ("none",):
        words = say("scope_axes", where=words, axes=listed(scope.axes))
    if scope.tasks:
        words = say("scope_tasks", where=words, tasks=listed(scope.tasks))
    return words


def listed(names: Sequence[str]) -> Text:
    """Names one after the other, as each language separates them."""
    if len(names) == 1:
        return same(names[0])
    return Text(", ".join(names), "\u3001".join(names))
