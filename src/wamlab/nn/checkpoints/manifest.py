"""What stands in `wam.json`: a model's card and where its weights came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wamlab.core.config import from_json, to_json
from wamlab.core.errors import ConfigError
from wamlab.nn.card import WamCard

FILE_NAME = "wam.json"
WEIGHTS_NAME = "model.safetensors"
STATISTICS_NAME = "dataset_stats.json"
VERSION = 1
"""Of the folder's layout. Raise it when a file or a field changes meaning."""
CHUNK_BYTES = 1 << 24

Progress = Callable[[int, int], None]
"""Told how many bytes are done, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where weights came from.

    Attributes:
        file: Name of the file or folder, without the folders above it.
        num_bytes: Of all its files.
        identity: `Checkpoint.identity` of it.
        format: Which of the known layouts it had.
        converted: What was done to it, in words.
    """

    file: str
    num_bytes: int
    identity: str
    format: str
    converted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What weights were trained to predict; frames that were only looked at do not count.

    Attributes:
        robot_actions: Of demonstrations.
        robot_video: The frames of demonstrations.
        web_video: Frames of anything else, as Wan2.2 was.
    """

    robot_actions: bool = False
    robot_video: bool = False
    web_video: bool = False

    def __or__(self, other: Learned) -> Learned:
        return Learned(
            robot_actions=self.robot_actions or other.robot_actions,
            robot_video=self.robot_video or other.robot_video,
            web_video=self.web_video or other.web_video,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What weights learned, the data of their last training apart from what came before.

    Attributes:
        pretraining: On other data, before.
        training: On the data whose statistics lie in the folder.
    """

    pretraining: Learned
    training: Learned


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything of a model folder but numbers.

    Attributes:
        version: Of the folder's layout.
        written_by: Program and version.
        weights_sha256: Of `model.safetensors`, 64 hexadecimal digits.
        origin: None for weights that were trained here.
        history: None if it is not known.
    """

    version: int
    written_by: str
    weights_sha256: str
    card: WamCard
    origin: Origin | None = None
    history: History | None = None


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a model folder.

    Raises:
        ConfigError: If it is not JSON, of another version, or a value is of the wrong type.
    """
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as JSON ({error})") from error
    version = content.get("version") if isinstance(content, dict) else None
    if version != VERSION:
        raise ConfigError(
            f"{path}: got version {version!r}, expected {VERSION}; convert the model again with "
            "this version of wamlab"
        )
    try:
        return from_json(Manifest, content)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    text = json.dumps(to_json(manifest), indent=1)
    (folder / FILE_NAME).write_text(text + "\n")


def check_digest(folder: Path, progress: Progress | None = None) -> None:
    """Reads all weights of a model folder and compares them with the digest in its manifest.

    Raises:
        ConfigError: If a byte differs.
    """
    if not (folder / FILE_NAME).is_file():
        raise ConfigError(f"{folder}: has no {FILE_NAME}, which holds the digest to compare with")
    path, expected = folder / WEIGHTS_NAME, read_manifest(folder).weights_sha256
    total, done, digest = path.stat().st_size, 0, hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            if progress:
                progress(done, total)
    if digest.hexdigest() != expected:
        raise ConfigError(
            f"{path}: SHA-256 is {digest.hexdigest()}, expected {expected} as in {FILE_NAME}; the "
            "weights were changed or damaged since they were written: convert them again"
        )
