"""The run folder as it is read: what was asked for, and one record for each episode.

- `run.json`: settings, versions, machine; written whole.
- `episodes.jsonl`: one record a line; a line is on disk completely or not at all.
- `labels.jsonl`: why failures failed, as people and rules see it; see `records.labels`.
- `signals/`, `videos/`, `imagined/`, `logs/`: actions and states, films, films of what the
  policy imagined, what the processes printed.
- `lock`: held by the process that writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wamlab.core.config import from_json
from wamlab.core.episodes import SCHEMA_VERSION, EpisodeKey, EpisodeRecord, Outcome
from wamlab.core.errors import StoreError
from wamlab.core.health import Check
from wamlab.core.specs import PolicySpec
from wamlab.records.gathered import Gathered
from wamlab.records.labels import LABELS_FILE, Label, parse_labels
from wamlab.records.lines import decode_record as decode_record
from wamlab.records.lines import encode_record as encode_record
from wamlab.records.lines import parse_records, readable_records, shortened, split_lines
from wamlab.records.machine import Code, Machine

RUN_FILE, RECORDS_FILE, LOCK_FILE = "run.json", "episodes.jsonl", "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One start of the command on this run.

    Attributes:
        started: Date and time in UTC, ISO 8601.
        checks: What the doctor found at this start.
    """

    started: str
    argv: tuple[str, ...]
    workers: int
    code: Code
    machine: Machine
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """The content of run.json.

    Attributes:
        name: The policy's row in tables.
        recipe: What was named on the command line; empty for a call from Python.
        digest: Of the settings; a folder holds one run.
        policy: Digest of the policy's config and weights.
        config: The recipe's `Run` as JSON (`core.config.from_json(Run, config)`).
        spec: What the policy needs and gives; None if an imported file does not say.
        model: What the policy says of its model: "class" (VLA, WAM), "role", "weights" (names the
            weights by content), "origin" (of weights that were not trained here),
            "trained_here" (yes, no), "num_parameters", and of the data that it was pretrained on
            "robot_actions", "robot_video", "web_video" (yes, no), and what its training had
            beside actions and video, "supervision" (none, 3-D, 2-D, shuffled 3-D). Absent: not
            known.
        fingerprint: What else decides the results: versions, renderer, assets.
        num_episodes: Episodes asked for: of the benchmark, or of a sample of it, with their twins
            and second passes if these were asked for.
        num_repeats: How many of them are second passes (`EpisodeRecord.repeats`).
        sample: Share of the benchmark's episodes that was drawn, suites, axes and levels in
            proportion; 1 for all.
        control_hz: Control steps per simulated second; None if not known.
        sessions: Every start of the command, oldest first.
        skipped: What is missing -> names of the episodes that the benchmark has and that cannot
            run for want of it; they are not among `num_episodes`.
        gathered: Where the records come from, if not from these sessions.
    """

    name: str
    recipe: str
    digest: str
    policy: str
    config: Mapping[str, object]
    spec: PolicySpec | None
    fingerprint: Mapping[str, str]
    num_episodes: int
    control_hz: float | None
    sessions: tuple[Session, ...]
    gathered: Gathered | None = None
    model: Mapping[str, str] = field(default_factory=dict)
    num_repeats: int = 0
    sample: float = 1.0
    skipped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRun:
    """A run folder, or a bundle of one, as it was read.

    Attributes:
        folder: The folder, or the bundle's file.
        records: One for each episode that was tried, in the order of the file.
        problems: What is wrong with lines that were left out, with their numbers.
        second_pass: Repeats that `records.passes.first_pass` has set apart; else among `records`.
        labels: All labels of failures, older ones of the same labeller included.
    """

    folder: Path
    info: RunInfo
    records: tuple[EpisodeRecord, ...]
    problems: tuple[str, ...] = ()
    second_pass: tuple[EpisodeRecord, ...] = ()
    labels: tuple[Label, ...] = ()


def load_run(folder: Path, *, skips_bad_lines: bool = False) -> LoadedRun:
    """Reads a run folder, also while it is being written, or a bundle of one.

    Args:
        skips_bad_lines: Reads what can be read; `problems` says what could not.

    Raises:
        StoreError: If it is neither, a line cannot be read, a label is for what did not fail, or
            a bundle was altered.
    """
    if folder.is_file():
        from wamlab.records.bundles import load_bundle  # it is made of what is defined here

        return load_bundle(folder)
    info = read_info(folder)
    if info is None:
        raise StoreError(
            f"{folder}: has no {RUN_FILE}, expected a run folder or bundle; see wamlab ls"
        )
    path = folder / RECORDS_FILE
    whole, _ = split_lines(path.read_bytes() if path.exists() else b"")
    if skips_bad_lines:
        every, problems = readable_records(whole, path)
    else:
        every, problems = parse_records(whole, path), ()
    records = tuple(latest(every).values())
    found: list[str] | None = [] if skips_bad_lines else None
    labels = _labels(folder, records, found)
    return LoadedRun(
        folder=folder,
        info=info,
        records=records,
        problems=(*problems, *shortened(found or [])),
        labels=labels,
    )


def _labels(
    folder: Path, records: Iterable[EpisodeRecord], problems: list[str] | None
) -> tuple[Label, ...]:
    path = folder / LABELS_FILE
    return parse_labels(path.read_bytes(), path, records, problems) if path.exists() else ()


def latest(records: Iterable[EpisodeRecord]) -> dict[EpisodeKey, EpisodeRecord]:
    """The record that counts for each episode: its first finished one, else its last attempt."""
    chosen: dict[EpisodeKey, EpisodeRecord] = {}
    for record in records:
        known = chosen.get(record.key)
        if known is None or known.outcome is Outcome.ERROR:
            chosen[record.key] = record
    return chosen


def read_info(folder: Path) -> RunInfo | None:
    """The content of run.json, or None if there is none."""
    path = folder / RUN_FILE
    if not path.is_file():
        return None
    try:
        return from_json(RunInfo, json.loads(path.read_bytes()))
    except ValueError as error:
        raise StoreError(f"{path}: {error}; expected the file that wamlab eval wrote") from error
