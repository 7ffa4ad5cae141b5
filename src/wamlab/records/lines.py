"""Lines of `episodes.jsonl` as records: each or none, or all that can be read.

With msgspec (extra [report]) a line is decoded 10 times as fast as by `core.config`; what comes
out is the same. What msgspec does not take goes to `core.config`, which has the words for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from wamlab.core.config import from_json, to_json
from wamlab.core.episodes import SCHEMA_VERSION, EpisodeRecord
from wamlab.core.errors import StoreError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MAX_PROBLEMS = 20
"""Lines that are named one by one; the others are counted."""

Decode = Callable[[bytes], EpisodeRecord]
T = TypeVar("T", bound="DataclassInstance")


def encode_record(record: EpisodeRecord) -> bytes:
    """One line of episodes.jsonl."""
    return json.dumps(to_json(record), separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode_record(line: bytes) -> EpisodeRecord:
    """The record that `encode_record` wrote.

    A field that this version does not know is left out: one that changes what others mean comes
    with another schema version.

    Raises:
        StoreError: If the line is of another schema version.
        ValueError: If it is no record.
    """
    record = _quickly(line)
    return decode_line(line, EpisodeRecord, SCHEMA_VERSION) if record is None else record


def parse_records(whole: bytes, path: Path) -> list[EpisodeRecord]:
    """The records of whole lines.

    Raises:
        StoreError: At the first line that cannot be read, with its number.
    """
    return [record for _, record in _numbered(whole.splitlines(), path, None)]


def readable_records(whole: bytes, path: Path) -> tuple[list[EpisodeRecord], tuple[str, ...]]:
    """The records of all lines that can be read, and what is wrong with the others."""
    problems: list[str] = []
    records = [record for _, record in _numbered(whole.splitlines(), path, problems)]
    return records, shortened(problems)


def shortened(problems: list[str]) -> tuple[str, ...]:
    """The first problems, and the number of the others."""
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    return (*problems[:MAX_PROBLEMS], f"and {len(problems) - MAX_PROBLEMS} more lines")


def split_lines(content: bytes) -> tuple[bytes, bytes]:
    """Whole lines, and what is left of a torn one."""
    end = content.rfind(b"\n") + 1
    return content[:end], content[end:]


def _numbered(
    lines: Iterable[bytes], path: Path, problems: list[str] | None
) -> Iterator[tuple[int, EpisodeRecord]]:
    """Number and record of each line; a bad one ends it, or is added to the problems."""
    for number, line in enumerate(lines, start=1):
        try:
            yield number, decode_record(line)
        except (StoreError, ValueError) as error:
            if problems is None:
                raise StoreError(f"{path}, line {number}: {error}") from error
            problems.append(f"{path.name}, line {number}: {error}")


def _quickly(line: bytes) -> EpisodeRecord | None:
    """The record, or None if msgspec is absent or does not take the line."""
    decode = _decoder()
    return None if decode is None else decode(line)


@cache
def _decoder() -> Callable[[bytes], EpisodeRecord | None] | None:
    try:
        import msgspec  # of the extra [report]; the core reads without it
    except ModuleNotFoundError:
        return None
    decoder = msgspec.json.Decoder(EpisodeRecord)

    def decode(line: bytes) -> EpisodeRecord | None:
        try:
            record = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return record if record.schema_version == SCHEMA_VERSION else None

    return decode


def decode_line(line: bytes, kind: type[T], version: int) -> T:
    """The value of a line that says its schema version; fields that are unknown are left out.

    Raises:
        StoreError: If the line is of another schema version.
        ValueError: If it is no such value.
    """
    data = json.loads(line)
    found = data.get("schema_version") if isinstance(data, dict) else None
    if found != version:
        raise StoreError(
            f"schema_version: got {found!r}, expected {version}; "
            "read it with the version of wamlab that wrote it"
        )
    known = {field.name for field in fields(kind)}
    return from_json(kind, {name: value for name, value in data.items() if name in known})
