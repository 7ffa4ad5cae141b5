"""A run as one small file: every outcome and all that decides it, without films and signals.

A bundle is a zip archive that any program can open:

- `README.txt`: what the columns mean.
- `manifest.json`: format, version, SHA-256 of the other files.
- `run.json`: settings, fingerprint, digests, machines, as in the run folder.
- `episodes.csv`: one row for each episode.
- `plan_ms.csv`, `forward_ms.csv`: times of the plans of each episode, three significant digits.
- `labels.jsonl`: labels of failures, all that were ever given; absent if there are none.

The archive's comment holds the SHA-256 of all bytes before it, so that no byte can change
unnoticed. Equal runs give equal bytes.
"""

from __future__ import annotations

import csv
import io
import json
import typing
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from hashlib import sha256
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

from wamlab.core.config import Json, decode, field_types, from_json, to_json
from wamlab.core.episodes import EpisodeKey, EpisodeRecord
from wamlab.core.errors import ConfigError, StoreError, unknown_name
from wamlab.records.files import write_whole
from wamlab.records.labels import LABELS_FILE, Label, encode_labels, parse_labels
from wamlab.records.store import RUN_FILE, LoadedRun, RunInfo

SUFFIX = ".wamlab.zip"
FORMAT, VERSION = "wamlab bundle", 1
TRACE_CHARS = 16
"""64 bits tell two episodes apart; a full hash would be half of the file."""
COMMENT = b"wamlab bundle, sha256 of all before: "
COMMENT_BYTES = len(COMMENT) + 64
EPISODES, MANIFEST, README = "episodes.csv", "manifest.json", "README.txt"
TIMES = ("plan_ms", "forward_ms")
"""Fields of a record with a number for each plan; each has a file of its own."""
MAX_BYTES = 4_000_000_000
"""Unpacked, about ten million episodes; a small archive could unpack to anything."""
LEFT_OUT = frozenset({"key", *TIMES, "queued_ms", "video", "imagined", "spent", "schema_version"})
"""Fields of a record that have no column: named otherwise, in a file of their own, or absent."""

EXPLANATION = """\
A bundle of wamlab: one run of one policy on one benchmark, without films and signals.

  manifest.json  format, version and SHA-256 of the other files
  run.json       the run: settings, what decided the results (fingerprint), digests, machines
  episodes.csv   one row for each episode
  plan_ms.csv, forward_ms.csv    one line for each episode, same order: milliseconds of each
                 plan and of the policy's own share of it, 3 digits; empty: not measured
  labels.jsonl   one line for each label of a failure, as in the run folder: of one labeller's
                 for one episode the newest counts; absent if nobody labelled

episodes.csv
  benchmark .. severity  which episode; init below 0: the initial state is not known
  policy     digest of configuration and weights
  stop       succeeded; step_limit, terminated, invalid_plan, failed are failures;
             policy_error, simulator_error say nothing about the policy and enter no rate
  num_steps  control steps until it stopped; empty: not known
  settled    whether the goal still held after the policy let go; empty: not asked
  trace      first 16 digits of a SHA-256 over all simulator states
  wall_s     seconds, resetting included

Tables and comparisons:  pip install 'wamlab[report]'; wamlab report THIS_FILE
"""


def write_bundle(run: LoadedRun, path: Path) -> int:
    """Writes a bundle of a run and returns its size in bytes.

    Raises:
        ConfigError: If the run has no episode, or the file cannot be written.
    """
    content = encode_bundle(run)
    try:
        write_whole(path, content)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error.strerror}); name another file with --out"
        ) from error
    return len(content)


def encode_bundle(run: LoadedRun) -> bytes:
    """The bytes of a bundle; equal for equal runs, in whatever order they were recorded.

    Raises:
        ConfigError: If the run has no episode.
    """
    if not run.records:
        raise ConfigError(f"{run.folder}: has no episode yet, expected at least one to bundle")
    records = sorted(run.records, key=lambda record: record.key)
    files = {
        README: EXPLANATION.encode(),
        RUN_FILE: _json_bytes(to_json(run.info)),
        EPISODES: _csv_bytes([_columns(), *map(_cells, records)]),
        **{f"{name}.csv": _times(records, name) for name in TIMES},
    }
    if run.labels:
        # Of equal times the later line counts, and sorting keeps the order of these.
        labels = sorted(run.labels, key=lambda one: (one.key, one.labeller, one.moment))
        files[LABELS_FILE] = encode_labels(labels)
    manifest: dict[str, Json] = {
        "format": FORMAT,
        "version": VERSION,
        "name": run.info.name,
        "num_episodes": len(records),
        "sha256": {name: sha256(content).hexdigest() for name, content in files.items()},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in {MANIFEST: _json_bytes(manifest), **files}.items():
            # A date would make equal runs differ.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
        archive.comment = b" " * COMMENT_BYTES  # its length is part of what is hashed
    before = buffer.getvalue()[:-COMMENT_BYTES]
    return before + COMMENT + sha256(before).hexdigest().encode()


def load_bundle(path: Path) -> LoadedRun:
    """Reads a bundle.

    Raises:
        StoreError: If it is no bundle, of another version, cut off or altered.
    """
    files = _files(path, path.read_bytes())
    manifest = json.loads(files[MANIFEST])
    if manifest.get("version") != VERSION:
        raise StoreError(
            f"{path}: is a bundle of version {manifest.get('version')!r}, expected {VERSION}; "
            "read it with the version of wamlab that wrote it"
        )
    try:
        info = from_json(RunInfo, json.loads(files[RUN_FILE]))
        records = tuple(_records(files))
        labels = _labels(files, path, records)
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path}: {error}; expected the file that wamlab bundle wrote") from error
    return LoadedRun(folder=path, info=info, records=records, labels=labels)


def _labels(
    files: Mapping[str, bytes], path: Path, records: Iterable[EpisodeRecord]
) -> tuple[Label, ...]:
    return parse_labels(files.get(LABELS_FILE, b""), path / LABELS_FILE, records)


def records_digest(records: Iterable[EpisodeRecord]) -> str:
    """Names the outcomes of some episodes by their content: 12 hexadecimal digits."""
    ordered = sorted(records, key=lambda record: record.key)
    return sha256(_csv_bytes(map(_cells, ordered))).hexdigest()[:12]


def _files(path: Path, content: bytes) -> Mapping[str, bytes]:
    """Name -> content of each file in the archive, after checking that no byte has changed."""
    before, comment = content[:-COMMENT_BYTES], content[-COMMENT_BYTES:]
    if not content.startswith(b"PK"):
        raise StoreError(f"{path}: is no bundle, expected a file that wamlab bundle wrote")
    if not comment.startswith(COMMENT):
        raise StoreError(
            f"{path}: ends without the checksum of a bundle: it is cut off, was packed again, or "
            "is another zip archive; get it again from where it came from"
        )
    if comment.removeprefix(COMMENT).decode("ascii", "replace") != sha256(before).hexdigest():
        raise StoreError(
            f"{path}: does not have the checksum that it names: it was altered after it was "
            "written; get it again from where it came from"
        )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        num_bytes = sum(entry.file_size for entry in archive.infolist())
        if num_bytes > MAX_BYTES:
            raise StoreError(
                f"{path}: unpacks to {num_bytes / 1e9:.1f} GB, expected less than "
                f"{MAX_BYTES / 1e9:.0f} GB; it is not what wamlab bundle writes"
            )
        return {name: archive.read(name) for name in archive.namelist()}


def _columns() -> list[str]:
    """Names of the columns of episodes.csv: those of the key, then those of the record."""
    return [*field_types(EpisodeKey), *(n for n in field_types(EpisodeRecord) if n not in LEFT_OUT)]


def _cells(record: EpisodeRecord) -> list[str]:
    # Attribute by attribute: to_json takes five times as long, and a study has many episodes.
    trace = record.trace and record.trace[:TRACE_CHARS]
    short = {"trace": trace, "wall_s": round(record.wall_s, 3)}
    key = [_text(getattr(record.key, name)) for name in field_types(EpisodeKey)]
    names = (name for name in field_types(EpisodeRecord) if name not in LEFT_OUT)
    return key + [_text(short.get(name, getattr(record, name))) for name in names]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return str(value)
    return json.dumps(value, default=to_json, separators=(",", ":"))


def _records(files: Mapping[str, bytes]) -> Iterator[EpisodeRecord]:
    """The rows of all tables, in their order; checked cell by cell, since from_json is slow."""
    header, *rows = csv.reader(io.StringIO(files[EPISODES].decode(), newline=""))
    types = {**field_types(EpisodeKey), **field_types(EpisodeRecord)}
    for name in header:
        if name not in types or name in LEFT_OUT:
            raise unknown_name("column", name, _columns())
    read = [_reader(types[name]) for name in header]
    num_key = len(field_types(EpisodeKey))
    times = [files[f"{name}.csv"].decode().splitlines() for name in TIMES]
    for row, *lines in zip(rows, *times, strict=True):
        cells = [(n, r(text)) for n, r, text in zip(header, read, row, strict=True)]
        key = EpisodeKey(**dict(cells[:num_key]))
        cells += [(n, tuple(map(float, s.split()))) for n, s in zip(TIMES, lines, strict=True)]
        yield EpisodeRecord(key=key, **dict(cells[num_key:]))


def _reader(hint: Any) -> Callable[[str], Any]:  # noqa: ANN401 - an annotation, and its value
    """Makes of a cell the value that its column's annotation promises."""
    kinds = typing.get_args(hint) if isinstance(hint, UnionType) else (hint,)
    kind = next(kind for kind in kinds if kind is not NoneType)
    if kind is bool:
        convert: Callable[[str], Any] = {"true": True, "false": False}.__getitem__
    elif kind in (int, float, str) or (isinstance(kind, type) and issubclass(kind, Enum)):
        convert = kind
    else:
        convert = lambda text: decode(json.loads(text), kind, "")  # noqa: E731 - one of three
    if NoneType in kinds:
        return lambda text: convert(text) if text else None
    return convert


def _times(records: Iterable[EpisodeRecord], name: str) -> bytes:
    """One line for each episode, with the times of its plans."""
    lines = (
        " ".join(f"{float(f'{number:.3g}'):g}" for number in getattr(record, name))
        for record in records
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode()


def _json_bytes(data: Mapping[str, Json]) -> bytes:
    return json.dumps(data, indent=1, sort_keys=True, allow_nan=False).encode() + b"\n"
