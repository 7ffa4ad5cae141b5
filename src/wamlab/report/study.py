"""The runs of one report: which are one policy, and whether they may be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from wamlab.core.episodes import EpisodeRecord
from wamlab.core.errors import ConfigError, unknown_name
from wamlab.records.passes import first_pass
from wamlab.records.store import LoadedRun
from wamlab.report.entries import Entry, Place, merged
from wamlab.report.layout import AXES, STANDARD, stratum
from wamlab.report.limits import capped, limit_differences


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a report is about.

    Attributes:
        entries: Rows of the tables, in the order in which they were named.
        reference: The row that the others are compared with.
        suites: Columns of the tables; a standard one is there also if nobody measured it.
        average_of: The columns whose mean is the average.
        differences: Why the runs do not belong into one table; empty if they do.
        instructions: Column and task -> the task in words, where known.
        protocols: Name of a published protocol -> suite -> step limit.
        capped_to: The protocol whose step limits were applied to all records, if any.
        beside: The same report's studies on other benchmarks.
        colors: Row -> index of its colour, the same on every benchmark.
    """

    entries: tuple[Entry, ...]
    reference: Entry
    suites: tuple[str, ...]
    average_of: tuple[str, ...]
    differences: tuple[str, ...] = ()
    instructions: Mapping[Place, str] = field(default_factory=dict)
    protocols: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    capped_to: str | None = None
    beside: tuple[Study, ...] = ()
    colors: Mapping[str, int] = field(default_factory=dict)

    @property
    def everything(self) -> tuple[Study, ...]:
        """This one and those beside it."""
        return (self, *self.beside)

    def on(self, benchmark: str) -> Study | None:
        """The study on that benchmark, if it was measured."""
        return next((one for one in self.everything if one.benchmark == benchmark), None)

    def entry(self, name: str) -> Entry | None:
        """The row of that name."""
        return next((one for one in self.entries if one.name == name), None)

    @property
    def benchmark(self) -> str:
        return next(iter(self.reference.records)).benchmark

    @property
    def counted(self) -> tuple[str, ...]:
        """Suites of a row's one number: those of the average, or the only one that was run."""
        run = tuple(s for s in self.suites if any(entry.suite(s) for entry in self.entries))
        return run if len(run) == 1 else self.average_of

    @property
    def others(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry is not self.reference)

    @property
    def is_mixed(self) -> bool:
        return bool(self.differences)


def make_study(
    runs: Sequence[LoadedRun],
    *,
    reference: str | None = None,
    allow_mixed: bool = False,
    instructions: Mapping[Place, str] | None = None,
    protocols: Mapping[str, Mapping[str, int]] | None = None,
    capped_to: str | None = None,
) -> Study:
    """Makes one study of some runs; those of other benchmarks stand beside it.

    Runs of one policy that hold different episodes, e.g. one suite each, become one row.

    Args:
        reference: Name of the row to compare with; None for the first.
        allow_mixed: Put runs of different protocols into one table, flagged.
        protocols: Published step limits, for the table of shorter limits.
        capped_to: Apply the step limits of this protocol to every record first.

    Returns:
        The study on the first benchmark that disturbs no other one, if there is any.

    Raises:
        ConfigError: If the runs cannot be one study; the message says why.
    """
    by_benchmark = _by_benchmark(runs)
    order = sorted(by_benchmark, key=lambda name: name in AXES)
    rows = {name: tuple(_entries(by_benchmark[name])) for name in order}
    names = list(dict.fromkeys(entry.name for entries in rows.values() for entry in entries))
    if reference is not None and reference not in names:
        raise unknown_name("policy", reference, names, "--reference takes a run's name.")
    if capped_to is not None and capped_to not in (protocols or {}):
        raise unknown_name("protocol", capped_to, protocols or {}, "See --limits.")
    colors = {name: index for index, name in enumerate(names)}
    studies = []
    for entries in rows.values():
        if capped_to is not None:
            entries = tuple(_capped_entry(entry, capped_to, protocols or {}) for entry in entries)
        chosen = next((one for one in entries if one.name == reference), entries[0])
        suites, average_of = _columns(entries)
        studies.append(
            Study(
                entries=entries,
                reference=chosen,
                suites=suites,
                average_of=average_of,
                differences=_allowed_differences(entries, chosen, allow_mixed=allow_mixed),
                instructions=instructions or {},
                protocols=protocols or {},
                capped_to=capped_to,
                colors=colors,
            )
        )
    return replace(studies[0], beside=tuple(studies[1:]))


def _by_benchmark(runs: Sequence[LoadedRun]) -> dict[str, list[LoadedRun]]:
    """Benchmark -> the runs of it; a run that holds two is split.

    Twins that were run beside disturbed episodes stay with them: they are no evaluation of the
    undisturbed benchmark.
    """
    if not runs:
        raise ConfigError("no run was named, expected at least one run folder; see wamlab ls")
    found: dict[str, list[LoadedRun]] = {}
    for run in map(first_pass, runs):  # second passes belong into no rate
        if not run.records:
            raise ConfigError(
                f"{run.folder}: has no episode yet, expected at least one; run "
                f"wamlab eval {run.folder}"
            )
        parts: dict[str, list[EpisodeRecord]] = {}
        disturbed = next((r.key.benchmark for r in run.records if r.key.benchmark in AXES), None)
        for record in run.records:
            parts.setdefault(disturbed or record.key.benchmark, []).append(record)
        if len(parts) == 1:
            found.setdefault(next(iter(parts)), []).append(run)
            continue
        num_missing = max(0, run.info.num_episodes - len(run.records))
        for index, (benchmark, records) in enumerate(parts.items()):
            # Which episodes are missing is not recorded; they are listed once, with the first.
            asked = len(records) + (num_missing if index == 0 else 0)
            info = replace(run.info, num_episodes=asked)
            part = replace(run, info=info, records=tuple(records))
            found.setdefault(benchmark, []).append(part)
    return found


def _allowed_differences(
    entries: Sequence[Entry], reference: Entry, *, allow_mixed: bool
) -> tuple[str, ...]:
    found = protocol_differences(entries, reference)
    if found and not allow_mixed:
        raise ConfigError(
            "these runs were not made under one protocol, so a difference between them is not "
            "one between policies:\n  " + "\n  ".join(found) + "\nrun them under one, or "
            "put them into one table as unpaired with --allow-mixed"
        )
    return tuple(found)


def _capped_entry(entry: Entry, name: str, protocols: Mapping[str, Mapping[str, int]]) -> Entry:
    try:
        records = capped(entry.records.values(), protocols[name])
        twins = capped(entry.twins.values(), protocols[name])
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"--limits {name}: {entry.name} was not run that long ({error}); name a protocol "
            "with shorter limits"
        ) from error
    return replace(entry, records=records, twins=twins)


def _entries(runs: Sequence[LoadedRun]) -> list[Entry]:
    """One entry for each name, in the order of the runs."""
    by_name: dict[str, list[LoadedRun]] = {}
    for run in runs:
        by_name.setdefault(run.info.name, []).append(run)
    return [merged(name, same) for name, same in by_name.items()]


def _columns(entries: Sequence[Entry]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Suites to show, standard ones first, and those that the average is taken over."""
    seen = sorted({stratum(key) for entry in entries for key in entry.records})
    benchmark = next(iter(entries[0].records)).benchmark
    standard = tuple(STANDARD.get(benchmark, {})) or AXES.get(benchmark, ())
    if not set(standard) & set(seen):
        standard = ()
    extra = tuple(suite for suite in seen if suite not in standard)
    return standard + extra, standard or extra


def protocol_differences(entries: Sequence[Entry], reference: Entry) -> list[str]:
    """What decides the results beside the policy, and differs from the reference."""
    found = []
    ours = reference.runs[0].info.fingerprint
    for entry in entries:
        theirs = entry.runs[0].info.fingerprint
        found += [
            f"{name}: {ours.get(name)} in {reference.name}, {theirs.get(name)} in {entry.name}"
            for name in sorted(ours.keys() | theirs.keys())
            if ours.get(name) != theirs.get(name)
        ]
        found += limit_differences(reference, entry)
    return found
