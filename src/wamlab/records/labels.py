"""Labels of failed episodes, `labels.jsonl` in a run folder: appended, never overwritten."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from wamlab.core.config import to_json
from wamlab.core.episodes import EpisodeKey, EpisodeRecord, Outcome
from wamlab.core.errors import ConfigError, StoreError
from wamlab.core.failures import FailureMode
from wamlab.records.lines import decode_line

LABELS_FILE = "labels.jsonl"
LABEL_VERSION = 1
"""Version of `Label` on disk. Raise it when a field changes meaning."""


class Reviewer(StrEnum):
    """Who or what gave a label; only people's labels fill categories and count for claims."""

    PERSON = "person"
    RULE = "rule"  # a classifier of written rules
    AI = "ai"  # a learned model that looked at the episode


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Why one episode failed, as one labeller saw it; one line of labels.jsonl.

    Attributes:
        key: The failed episode.
        labeller: A name, the same in all labels of one person or rule.
        time: Date and time, ISO 8601 with the time zone.
        note: What was seen, in the labeller's words.
    """

    key: EpisodeKey
    labeller: str
    time: str
    mode: FailureMode
    note: str = ""
    reviewer: Reviewer = Reviewer.PERSON
    schema_version: int = LABEL_VERSION

    def __post_init__(self) -> None:
        if not self.labeller.strip() or self.labeller != self.labeller.strip():
            raise ConfigError(f"labeller: got {self.labeller!r}, expected a name, e.g. 'anna'")
        try:
            zone = datetime.fromisoformat(self.time).tzinfo
        except ValueError:
            zone = None
        if zone is None:
            raise ConfigError(
                f"time: got {self.time!r}, expected ISO 8601 with a time zone, e.g. "
                "'2026-11-26T09:30:00+00:00'"
            )

    @property
    def moment(self) -> datetime:
        """`time` as a number line has it."""
        return datetime.fromisoformat(self.time)


def newest(labels: Iterable[Label]) -> dict[tuple[EpisodeKey, str], Label]:
    """Episode and labeller -> the label that counts: the latest; of equal times the last given."""
    chosen: dict[tuple[EpisodeKey, str], Label] = {}
    for label in labels:
        place = label.key, label.labeller
        if place not in chosen or label.moment >= chosen[place].moment:
            chosen[place] = label
    return chosen


def check_label(label: Label, records: Mapping[EpisodeKey, EpisodeRecord]) -> None:
    """Refuses a label for what did not fail.

    Raises:
        ConfigError: If the episode is not among the records, succeeded, or is an error.
    """
    record = records.get(label.key)
    if record is None:
        raise ConfigError(
            f"episode {label.key}: is not in this run, expected one that failed in it"
        )
    if record.outcome is Outcome.SUCCESS:
        raise ConfigError(
            f"episode {label.key}: succeeded, expected a failure; only these have labels"
        )
    if record.outcome is Outcome.ERROR:
        raise ConfigError(
            f"episode {label.key}: ended in an error ({record.stop}), which says nothing about the "
            "policy; expected a failure"
        )


def encode_labels(labels: Iterable[Label]) -> bytes:
    """Lines of labels.jsonl."""
    lines = (json.dumps(to_json(label), ensure_ascii=False, allow_nan=False) for label in labels)
    return "".join(f"{line}\n" for line in lines).encode()


def decode_label(line: bytes) -> Label:
    """The label that `encode_labels` wrote; a field that this version does not know is left out.

    Raises:
        StoreError: If the line is of another schema version.
        ValueError: If it is no label; an unknown mode is named with the allowed ones.
    """
    return decode_line(line, Label, LABEL_VERSION)


def parse_labels(
    content: bytes,
    path: Path,
    records: Iterable[EpisodeRecord],
    problems: list[str] | None = None,
) -> tuple[Label, ...]:
    """All labels of a file, in its order, older ones of the same labeller included.

    Args:
        path: Its name in messages.
        records: Those of the run, which labels must fit.
        problems: Where lines that cannot be used are named; None to refuse the first.

    Raises:
        StoreError: At the first line that is no label of a failure of the run, with its number.
    """
    by_key = {record.key: record for record in records}
    labels = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            label = decode_label(line)
            check_label(label, by_key)
        except (StoreError, ValueError) as error:
            if problems is None:
                raise StoreError(
                    f"{path}, line {number}: {error}; mend or remove that line"
                ) from error
            problems.append(f"{path.name}, line {number}: {error}")
        else:
            labels.append(label)
    return tuple(labels)


def append_labels(
    folder: Path, labels: Sequence[Label], records: Iterable[EpisodeRecord]
) -> tuple[Label, ...]:
    """Adds labels to a run folder, all or none; they are on disk when it returns.

    A label that says what its labeller's newest one already says is left out. Several people may
    label one run at the same time.

    Args:
        records: Those of the run.

    Returns:
        The labels that were new.

    Raises:
        ConfigError: If a label is for what did not fail, or the folder cannot be written.
        StoreError: If a line that is there cannot be read, or the disk is full.
    """
    known = list(records)
    by_key = {record.key: record for record in known}
    for label in labels:
        check_label(label, by_key)
    path = folder / LABELS_FILE
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}); label a run folder that is yours"
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX)  # goes with the file
        there = path.read_bytes()
        added = _unsaid(parse_labels(there, path, known), labels)
        # A line that somebody's editor left without its end stays a line of its own.
        joint = b"\n" if there and not there.endswith(b"\n") else b""
        _write(file, path, joint + encode_labels(added) if added else b"", len(there))
    finally:
        os.close(file)
    return added


def _unsaid(there: Sequence[Label], labels: Sequence[Label]) -> tuple[Label, ...]:
    """Labels that change something, in their order."""
    said = newest(there)
    added = []
    for label in labels:
        place = label.key, label.labeller
        known = said.get(place)
        if known is not None and _content(known) == _content(label):
            continue
        added.append(label)
        said[place] = label if known is None else newest([known, label])[place]
    return tuple(added)


def _content(label: Label) -> tuple[str, ...]:
    return label.mode, label.note, label.reviewer


def _write(file: int, path: Path, content: bytes, size: int) -> None:
    """Appends whole lines or nothing."""
    try:
        if os.write(file, content) < len(content):
            raise OSError(28, "No space left on device")
        os.fsync(file)
    except OSError as error:
        os.ftruncate(file, size)
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}); no label of this call was kept. Free "
            "space and run the same command again"
        ) from error
