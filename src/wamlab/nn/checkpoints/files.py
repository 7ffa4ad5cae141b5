"""Weight files opened without reading them: names, shapes and types now, bytes when asked for.

A file is memory-mapped, so a tensor that is not looked at costs nothing and one that is costs no
second copy. Nothing in a file is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from wamlab.core.errors import ConfigError

SHARD_NAME = re.compile(r"-\d{5}-of-(\d{5})\.safetensors$")
DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
"""Names of types in a safetensors header (its README, 'Format')."""


SAMPLE_BYTES = 64
NUM_SAMPLES = 8
WHOLE_BYTES = 4096
"""Tensors up to this size enter a fingerprint whole; the disk reads a page of it in any case."""


class Span(NamedTuple):
    """Where a tensor's bytes stand in a file, end exclusive."""

    start: int
    end: int


class Entry(NamedTuple):
    """What a file says of one tensor without its numbers."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def num_elements(self) -> int:
        return torch.Size(self.shape).numel()


class TensorFiles(Protocol):
    """Tensors of one or several files, under the names that stand there."""

    @property
    def paths(self) -> tuple[Path, ...]: ...
    @property
    def entries(self) -> Mapping[str, Entry]: ...
    @property
    def others(self) -> tuple[str, ...]:
        """Names of what is no tensor of a model: a step counter, an optimizer."""
        ...

    def read(self, name: str) -> Tensor:
        """A view of the mapped file: its bytes are read when they are first looked at."""
        ...

    def fingerprint(self) -> bytes:
        """Bytes that change when any tensor does noticeably, without reading all of it."""
        ...

    def release(self) -> None:
        """Lets go of what was read so far, so that the pages can be used for something else.

        Views handed out before stay valid.
        """
        ...


class SafetensorsFiles:
    """One `.safetensors` file, or the shards of one."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self.others: tuple[str, ...] = ()
        self.entries: dict[str, Entry] = {}
        self._path_of: dict[str, Path] = {}
        self._span_of: dict[str, Span] = {}
        self._open: dict[Path, object] = {}
        for path in self.paths:
            for name, (entry, span) in _safetensors_header(path).items():
                if name in self.entries:
                    raise ConfigError(
                        f"{path}: holds {name!r}, as {self._path_of[name].name} does; "
                        "expected each tensor once"
                    )
                self.entries[name], self._path_of[name] = entry, path
                self._span_of[name] = span

    def read(self, name: str) -> Tensor:
        path = self._path_of[name]
        if path not in self._open:
            self._open[path] = safe_open(path, framework="pt", device="cpu")
        tensor: Tensor = self._open[path].get_tensor(name)  # type: ignore[attr-defined]  # Rust
        return tensor

    def fingerprint(self) -> bytes:
        """A digest of every tensor's bytes: all up to 4096, else 8 samples of 64, first to last."""
        digest = hashlib.sha256()
        # Unbuffered reads, since a fault in a mapping reads ahead: it made this read all of the
        # released 12 GB, in 48 s (2026-11-24).
        with ExitStack() as stack:
            opened = {p: stack.enter_context(p.open("rb", buffering=0)) for p in self.paths}
            for name in sorted(self.entries):
                file, span = opened[self._path_of[name]], self._span_of[name]
                for start, size in _samples(span):
                    file.seek(start)
                    digest.update(file.read(size))
        return digest.digest()

    def release(self) -> None:
        self._open.clear()


class TorchFile:
    """A file written by `torch.save`: tensors by name, or one level of dictionaries of those."""

    def __init__(self, path: Path) -> None:
        self.paths = (path,)
        self._tensors, others = _flat(path)
        self.others = tuple(others)
        self.entries = {n: Entry(tuple(t.shape), t.dtype) for n, t in self._tensors.items()}

    def read(self, name: str) -> Tensor:
        if not self._tensors:
            self._tensors, _ = _flat(self.paths[0])
        return self._tensors[name]

    def fingerprint(self) -> bytes:
        """A digest of the CRC-32 that torch.save stores of every tensor's bytes."""
        digest = hashlib.sha256()
        with zipfile.ZipFile(self.paths[0]) as archive:
            for record in sorted(archive.infolist(), key=lambda record: record.filename):
                digest.update(f"{record.filename} {record.file_size} {record.CRC}\n".encode())
        return digest.digest()

    def release(self) -> None:
        self._tensors = {}


def open_files(path: Path) -> TensorFiles:
    """Opens a weight file, or an index of shards, by what it holds; names play no part.

    Raises:
        ConfigError: If it is absent, truncated, a pickle, or something else.
    """
    if path.name.endswith(".index.json"):
        return SafetensorsFiles(_shards(path))
    if (shard := SHARD_NAME.search(path.name)) and int(shard[1]) > 1:
        raise ConfigError(
            f"{path}: is one of {int(shard[1])} shards; open their folder {path.parent} instead"
        )
    head = _first_bytes(path)
    if head.startswith(b"PK"):
        return TorchFile(path)
    if len(head) > 8 and head[8:9] == b"{":
        return SafetensorsFiles([path])
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        raise ConfigError(
            f"{path}: is a bare pickle, which may run any program when it is opened, and is "
            "refused; expected safetensors, or a file that torch.save wrote since torch 1.6. "
            "Ask its author for one, or convert it yourself on a machine that you can lose"
        )
    raise ConfigError(
        f"{path}: starts with {head[:8]!r}; expected a safetensors file or one of torch.save. "
        "It may be truncated, or a text that stands for the file (Git LFS): download it again"
    )


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(9)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error


def _shards(index: Path) -> list[Path]:
    """The files that an index names, all of which must exist."""
    try:
        names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{index}: is no index of shards ({error!r}); expected weight_map"
        ) from error
    for name in names:
        if Path(name).name != name:  # an index could otherwise point anywhere on the disk
            raise ConfigError(f"{index}: names {name!r}, expected a file in the same folder")
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise ConfigError(
            f"{index}: {len(missing)} of {len(names)} shards are missing, first {missing[0]}; "
            "download them into the same folder"
        )
    return [index.parent / name for name in names]


def _samples(span: Span) -> list[tuple[int, int]]:
    """Places in the file and numbers of bytes to read there."""
    if span.end - span.start <= WHOLE_BYTES:
        return [(span.start, span.end - span.start)]
    last = span.end - SAMPLE_BYTES
    steps = NUM_SAMPLES - 1
    return [
        (span.start + (last - span.start) * step // steps, SAMPLE_BYTES)
        for step in range(NUM_SAMPLES)
    ]


def _safetensors_header(path: Path) -> dict[str, tuple[Entry, Span]]:
    """Names, shapes, types and places from the header, after the library has checked all of it."""
    try:
        with safe_open(path, framework="pt", device="cpu"):
            pass  # checks that names, offsets and the file's length agree
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
    except (SafetensorError, OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: is truncated or damaged ({error}); compare its size with the source and "
            "download it again"
        ) from error
    header.pop("__metadata__", None)
    unknown = {item["dtype"] for item in header.values()} - set(DTYPES)
    if unknown:
        raise ConfigError(
            f"{path}: holds numbers of type {sorted(unknown)[0]}, expected one of "
            f"{', '.join(DTYPES)}"
        )
    found = {}
    for name, item in header.items():
        start, end = (8 + size + offset for offset in item["data_offsets"])
        found[name] = Entry(tuple(item["shape"]), DTYPES[item["dtype"]]), Span(start, end)
    return found


def _flat(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """Mapped tensors by name, one level of dictionaries joined by a dot; and what else there is."""
    content = _unpickled(path)
    if not isinstance(content, Mapping):
        raise ConfigError(
            f"{path}: holds a {type(content).__name__}, expected a dictionary of tensors"
        )
    tensors: dict[str, Tensor] = {}
    others = []
    for key, value in content.items():
        if isinstance(value, Tensor):
            tensors[str(key)] = value
        elif isinstance(value, Mapping) and all(isinstance(t, Tensor) for t in value.values()):
            tensors |= {f"{key}.{name}": tensor for name, tensor in value.items()}
        else:
            others.append(str(key))
    return tensors, others


def _unpickled(path: Path) -> object:
    if not zipfile.is_zipfile(path):
        raise ConfigError(
            f"{path}: is truncated: it begins as torch.save writes and has no end; compare its "
            "size with the source and download it again"
        )
    try:
        return torch.load(path, weights_only=True, mmap=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        raise ConfigError(
            f"{path}: is refused, since opening it would run code that it brings along "
            f"({_asked_for(path)}); expected tensors, numbers and texts only. Ask its author for "
            "safetensors"
        ) from error
    except (RuntimeError, ValueError, EOFError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(
            f"{path}: is damaged ({reason}); compare its size with the source and download it again"
        ) from error


def _asked_for(path: Path) -> str:
    """The functions that a pickle inside an archive would import; reads it without running it."""
    names: list[str] = []
    with suppress(KeyError, StopIteration, OSError, ValueError, zipfile.BadZipFile):
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    return "it imports " + ", ".join(names[:3]) if names else "it holds objects of Python"
