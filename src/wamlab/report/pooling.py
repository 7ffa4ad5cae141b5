"""Puts the runs of several labs together, and asks whether they measured the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, Outcome
from wamlab.core.errors import ConfigError
from wamlab.records.bundles import SUFFIX, records_digest
from wamlab.records.gathered import Gathered, How, Source
from wamlab.records.labels import Label
from wamlab.records.store import LoadedRun
from wamlab.report.entries import IN_ORDER, Entry
from wamlab.report.layout import cluster, stratum
from wamlab.report.limits import limit_differences
from wamlab.stats.heterogeneity import Heterogeneity, heterogeneity
from wamlab.stats.pairs import count_pairs, mcnemar_exact

Place = tuple[str, EpisodeKey]
"""A lab and the name of an episode there."""
MUST_AGREE = ("replan_every", "check_settled")
"""Settings beside policy and fingerprint that decide an outcome."""


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Episodes that two labs both finished.

    Attributes:
        num_episodes: How many; of each, the record of the lab named first counts.
        num_identical: Those whose simulator went through the same states, by their traces.
        disagreeing: Those that ended in success in one lab and in failure in the other.
        p_value: Exact McNemar test of equal success on them.
    """

    first: str
    second: str
    num_episodes: int
    num_identical: int
    disagreeing: tuple[EpisodeKey, ...]
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Several labs' runs of one policy under one protocol.

    Attributes:
        run: All episodes, each once; `EpisodeRecord.source` is the lab.
        labs: Lab -> its records.
        differences: What was allowed to differ, in words.
        overlaps: For each two labs that share an episode.
        test: Whether labs succeed equally often; None if they share no task that varies.
    """

    run: LoadedRun
    labs: Mapping[str, Sequence[EpisodeRecord]]
    differences: tuple[str, ...]
    overlaps: tuple[Overlap, ...]
    test: Heterogeneity | None

    @property
    def num_twice(self) -> int:
        """Records that another lab's record of the same episode stands for."""
        return sum(map(len, self.labs.values())) - len(self.run.records)


def pool(runs: Sequence[LoadedRun], out: Path, *, allow: Collection[str] = ()) -> Pool:
    """Pools runs of one policy under one protocol.

    Args:
        out: Where the pooled bundle will lie; its name in messages.
        allow: Entries of the fingerprint that may differ, e.g. "renderer".

    Raises:
        ConfigError: If policies or protocols differ (both are named), or a run is empty.
    """
    if len(runs) < 2:
        raise ConfigError(f"got {len(runs)} run, expected two or more to pool")
    for run in runs:
        if not run.records:
            raise ConfigError(f"{run.folder}: has no episode yet, expected at least one")
    differences = _differences(runs, allow)
    labs = _labs(runs)
    overlaps = tuple(
        found
        for one, other in combinations(labs, 2)
        if (found := _overlap(one, labs[one], other, labs[other])) is not None
    )
    places = _together(labs)
    records = sorted(places.values(), key=lambda record: IN_ORDER(record.key))
    before = [run.info.gathered for run in runs if run.info.gathered is not None]
    gathered = Gathered(
        how=How.POOLED,
        harness="wamlab",
        sources=tuple(
            Source(name=name, digest=records_digest(own), num_episodes=len(own))
            for name, own in labs.items()
        ),
        unknown=_distinct(name for one in before for name in one.unknown),
        assumed=_distinct(text for one in before for text in one.assumed),
        remarks=(
            *_distinct(remark for one in before for remark in one.remarks),
            *(_remark(one) for one in overlaps if one.disagreeing),
        ),
    )
    first = runs[0].info
    info = replace(
        first,
        fingerprint=_joined_fingerprint(runs),
        num_episodes=max(len(records), *(run.info.num_episodes for run in runs)),
        num_repeats=sum(record.repeats is not None for record in records),
        sessions=tuple(session for run in runs for session in run.info.sessions),
        gathered=gathered,
    )
    return Pool(
        run=LoadedRun(folder=out, info=info, records=tuple(records), labels=_labels(runs, places)),
        labs=labs,
        differences=tuple(differences),
        overlaps=overlaps,
        test=heterogeneity(_counts(labs)),
    )


def _differences(runs: Sequence[LoadedRun], allow: Collection[str]) -> list[str]:
    """Allowed differences in words.

    Raises:
        ConfigError: If there are others.
    """
    first = runs[0]
    allowed: list[str] = []
    refused: list[str] = []
    for run in runs[1:]:
        sides = f"{first.folder.name}: {{}}, {run.folder.name}: {{}}"
        pairs: list[tuple[str, object, object]] = [
            ("policy", first.info.policy, run.info.policy),
            *((n, first.info.config.get(n), run.info.config.get(n)) for n in MUST_AGREE),
        ]
        for name, ours, theirs in pairs:
            if ours != theirs:
                refused.append(f"{name}: {sides.format(ours, theirs)}")
        for name in sorted(first.info.fingerprint.keys() | run.info.fingerprint.keys()):
            ours, theirs = first.info.fingerprint.get(name), run.info.fingerprint.get(name)
            if ours != theirs:
                (allowed if name in allow else refused).append(
                    f"{name}: {sides.format(ours, theirs)}"
                )
        refused += limit_differences(_entry(first), _entry(run))
    if refused:
        raise ConfigError(
            "these runs are not one policy under one protocol, so there is no one rate to pool:\n  "
            + "\n  ".join(refused)
            + "\ncompare them with wamlab report, or name an entry of the fingerprint that may "
            "differ between labs with --allow, e.g. --allow renderer"
        )
    return allowed


def _entry(run: LoadedRun) -> Entry:
    records = {record.key: record for record in run.records}
    return Entry(name=run.folder.name, policy=run.info.policy, runs=(run,), records=records)


def _labs(runs: Sequence[LoadedRun]) -> dict[str, list[EpisodeRecord]]:
    """Lab -> its records; a bundle that was pooled before is taken apart again."""
    labs: dict[str, list[EpisodeRecord]] = {}
    for run in runs:
        parts: dict[str, list[EpisodeRecord]] = defaultdict(list)
        for record in run.records:
            name = _lab_of(run, record)
            parts[name].append(replace(record, source=name))
        twice = labs.keys() & parts.keys()
        if twice:
            raise ConfigError(
                f"{run.folder}: {min(twice)!r} is the name of another run or lab too; rename the "
                "file, since a pooled episode names its lab"
            )
        labs |= parts
    return labs


def _lab_of(run: LoadedRun, record: EpisodeRecord) -> str:
    """The lab that a record is of: the run's name, or what a pooled run says."""
    pooled = run.info.gathered is not None and run.info.gathered.how is How.POOLED
    own = run.folder.resolve().name.removesuffix(SUFFIX)
    return record.source if pooled and record.source else own


def _labels(runs: Sequence[LoadedRun], places: Mapping[Place, EpisodeRecord]) -> tuple[Label, ...]:
    """Labels of the records that count; another lab's attempt at an episode is another one."""
    found = []
    for run in runs:
        labs = {record.key: _lab_of(run, record) for record in run.records}
        for label in run.labels:
            record = places.get((labs[label.key], label.key))
            found += [] if record is None else [replace(label, key=record.key)]
    return tuple(found)


def _together(labs: Mapping[str, Sequence[EpisodeRecord]]) -> dict[Place, EpisodeRecord]:
    """Each episode once: the first lab's that finished it, in the order of the labs."""
    chosen: dict[EpisodeKey, tuple[Place, EpisodeRecord]] = {}
    num_unknown: dict[EpisodeKey, int] = defaultdict(int)
    for lab, records in labs.items():
        for record in records:
            key = record.key
            if not key.knows_init:
                # Unknown initial states of two labs are two episodes, whatever they are called.
                place = replace(key, init=-1)
                num_unknown[place] += 1
                key = replace(key, init=-num_unknown[place])
            known = chosen.get(key)
            if known is None or known[1].outcome is Outcome.ERROR:
                chosen[key] = (lab, record.key), replace(record, key=key)
    return dict(chosen.values())


def _overlap(
    first: str, ours: Iterable[EpisodeRecord], second: str, theirs: Iterable[EpisodeRecord]
) -> Overlap | None:
    one, other = _finished(ours), _finished(theirs)
    keys = sorted((key for key in one.keys() & other.keys() if key.knows_init), key=IN_ORDER)
    if not keys:
        return None
    ends = [tuple(side[key].outcome is Outcome.SUCCESS for side in (one, other)) for key in keys]
    return Overlap(
        first=first,
        second=second,
        num_episodes=len(keys),
        num_identical=sum(_same_trace(one[key], other[key]) for key in keys),
        disagreeing=tuple(key for key, (a, b) in zip(keys, ends, strict=True) if a != b),
        p_value=mcnemar_exact(count_pairs((a, b) for a, b in ends)),
    )


def _finished(records: Iterable[EpisodeRecord]) -> dict[EpisodeKey, EpisodeRecord]:
    """First passes only: a second one is another attempt at the same episode."""
    return {
        record.key: record
        for record in records
        if record.outcome is not Outcome.ERROR and record.repeats is None
    }


def _same_trace(one: EpisodeRecord, other: EpisodeRecord) -> bool:
    """Whether both went through the same states; a bundle keeps the beginning of a trace."""
    if one.trace is None or other.trace is None:
        return False
    num = min(len(one.trace), len(other.trace))
    return one.trace[:num] == other.trace[:num]


def _counts(labs: Mapping[str, Sequence[EpisodeRecord]]) -> dict[str, list[tuple[int, int]]]:
    """Task -> (successes, episodes) of each lab; what both ran counts for both."""
    table: dict[str, list[list[int]]] = defaultdict(lambda: [[0, 0] for _ in labs])
    for index, records in enumerate(labs.values()):
        for record in _finished(records).values():
            cell = table[f"{stratum(record.key)}/{cluster(record)}"][index]
            cell[0] += record.outcome is Outcome.SUCCESS
            cell[1] += 1
    return {task: [(k, n) for k, n in cells] for task, cells in table.items()}


def _joined_fingerprint(runs: Sequence[LoadedRun]) -> dict[str, str]:
    """Where labs were allowed to differ, what each had."""
    prints = [run.info.fingerprint for run in runs]
    names = _distinct(name for one in prints for name in one)
    return {
        name: "; ".join(_distinct(one.get(name, "not recorded") for one in prints))
        for name in names
    }


def _remark(one: Overlap) -> str:
    return (
        f"{one.first} and {one.second} disagree on {len(one.disagreeing)} of {one.num_episodes} "
        "episodes that both ran"
    )


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
