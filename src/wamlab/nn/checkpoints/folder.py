"""Model folders: weights, card and statistics, complete or absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from wamlab.core.errors import ConfigError, StoreError
from wamlab.nn.card import WamCard
from wamlab.nn.checkpoints import lerobot, upstream
from wamlab.nn.checkpoints.checkpoint import Checkpoint, statistics_places
from wamlab.nn.checkpoints.files import Entry
from wamlab.nn.checkpoints.fit import check_fits
from wamlab.nn.checkpoints.history import known_history
from wamlab.nn.checkpoints.manifest import (
    STATISTICS_NAME,
    VERSION,
    WEIGHTS_NAME,
    History,
    Manifest,
    Origin,
    Progress,
    write_manifest,
)
from wamlab.nn.checkpoints.sizes import expected_shapes
from wamlab.nn.checkpoints.writing import converted_dtype, write_safetensors
from wamlab.nn.statistics import read_statistics

CONFIG_NAME = "config.json"


class Part(NamedTuple):
    """A VAE or text encoder to be written into a model folder.

    Attributes:
        folder: Below the model folder, e.g. `vae`.
        config: Contents of its `config.json`.
        copies: Folder below the model folder -> small files copied there as they are.
    """

    folder: str
    weights: Checkpoint
    config: str
    copies: Mapping[str, Sequence[Path]]


class Target(StrEnum):
    """Layouts that can be written."""

    FOLDER = "folder"  # wamlab's own
    UPSTREAM = "upstream"  # one file for Fast-WAM's own code, with its statistics beside it
    LEROBOT = "lerobot"  # a folder with the weights under LeRobot's names, without its config.json


def convert(
    checkpoint: Checkpoint,
    out: Path,
    card: WamCard,
    *,
    statistics: Path | None = None,
    dtype: torch.dtype | None = None,
    parts: Sequence[Part] = (),
    target: Target = Target.FOLDER,
    progress: Progress | None = None,
) -> None:
    """Writes a checkpoint in another layout, whole or not at all.

    Args:
        statistics: `dataset_stats.json`; the one that lies with the checkpoint if not given.
        dtype: Of the numbers to write; as stored if not given.
        parts: VAE and text encoder to put into wamlab's own folder; see `nn.checkpoints.parts`.

    Raises:
        ConfigError: If `out` exists, a tensor does not fit the card, or statistics are missing.
        StoreError: If the disk is full or cannot be written.
    """
    check_fits(checkpoint, expected_shapes(card.sizes, is_vla=card.is_vla))
    statistics = statistics or _statistics_beside(checkpoint)
    read_statistics(statistics, card)  # tells now what would stop the first plan
    if card.is_vla and target is not Target.FOLDER:
        raise ConfigError(f"{target}: has no place for a VLA; only wamlab's own folder holds it")
    if parts and target is not Target.FOLDER:
        raise ConfigError(f"{parts[0].folder}: only wamlab's own folder holds it, not {target}")
    with _complete_or_absent(out) as beside:
        if target is Target.UPSTREAM:
            upstream.write(beside, _converted(checkpoint, dtype))
            _write_beside(out, statistics)
            return
        beside.mkdir()
        shutil.copyfile(statistics, beside / STATISTICS_NAME)
        if target is Target.LEROBOT:
            names = {name: lerobot.their_name(name) for name in checkpoint.names}
            _write(checkpoint, beside, dtype, progress, names)
            return
        digest = _write(checkpoint, beside, dtype, progress)
        history = known_history(checkpoint)
        write_manifest(beside, _manifest(card, digest, _origin(checkpoint, dtype), history))
        for part in parts:
            _write_part(part, beside, dtype, progress)


def save_folder(
    out: Path,
    tensors: Mapping[str, Tensor],
    card: WamCard,
    statistics: Path,
    history: History | None = None,
) -> None:
    """Writes a model that stands in memory, e.g. `module.state_dict()`, as a folder.

    Raises:
        ConfigError: If `out` exists or the statistics do not fit the card.
    """
    read_statistics(statistics, card)  # tells now what would stop the first plan
    entries = {name: Entry(tuple(t.shape), t.dtype) for name, t in tensors.items()}
    with _complete_or_absent(out) as beside:
        beside.mkdir()
        digest = write_safetensors(beside / WEIGHTS_NAME, entries, tensors.items())
        shutil.copyfile(statistics, beside / STATISTICS_NAME)
        write_manifest(beside, _manifest(card, digest, None, history))


def _statistics_beside(checkpoint: Checkpoint) -> Path:
    if checkpoint.statistics_path is None:
        places = statistics_places(checkpoint.files.paths[0])
        raise ConfigError(
            f"{checkpoint.path}: statistics are missing, without which actions have no unit; "
            f"looked for {', '.join(map(str, places))}. Give dataset_stats.json with --statistics"
        )
    return checkpoint.statistics_path


@contextmanager
def _complete_or_absent(out: Path) -> Iterator[Path]:
    """A path beside `out` to write to, moved there at the end and removed after an error."""
    if out.exists():
        raise ConfigError(f"{out}: exists, and is not overwritten; choose another name")
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        beside.replace(out)
    except OSError as error:
        raise StoreError(
            f"{out}: cannot be written ({error.strerror}); nothing was left behind"
        ) from error
    finally:
        if beside.is_dir():
            shutil.rmtree(beside)
        elif beside.exists():
            beside.unlink()


def _write(
    checkpoint: Checkpoint,
    folder: Path,
    dtype: torch.dtype | None,
    progress: Progress | None,
    names: Mapping[str, str] | None = None,
) -> str:
    """Writes `model.safetensors`; `names` maps our names to those to write."""
    named = {name: name for name in checkpoint.names} if names is None else names
    entries = {
        named[name]: Entry(entry.shape, converted_dtype(entry.dtype, dtype))
        for name, entry in checkpoint.entries.items()
    }
    tensors = ((named[name], tensor) for name, tensor in checkpoint.stream(checkpoint.names))
    return write_safetensors(folder / WEIGHTS_NAME, entries, tensors, progress)


def _converted(checkpoint: Checkpoint, dtype: torch.dtype | None) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in checkpoint.stream(checkpoint.names):
        yield name, tensor.to(converted_dtype(tensor.dtype, dtype))


def _write_beside(out: Path, statistics: Path) -> None:
    """Copies statistics to where upstream keeps them, unless they lie there already."""
    place = out.with_name(f"{out.stem}_{STATISTICS_NAME}")
    content = statistics.read_bytes()
    if place.exists() and place.read_bytes() != content:
        raise ConfigError(f"{place}: exists with other content; choose another name than {out}")
    place.write_bytes(content)


def _write_part(
    part: Part, model: Path, dtype: torch.dtype | None, progress: Progress | None
) -> None:
    folder = model / part.folder
    folder.mkdir(parents=True)
    _write(part.weights, folder, dtype, progress)
    (folder / CONFIG_NAME).write_text(part.config)
    for name, paths in part.copies.items():
        (model / name).mkdir(parents=True, exist_ok=True)
        for path in paths:
            shutil.copyfile(path, model / name / path.name)


def _manifest(
    card: WamCard, digest: str, origin: Origin | None, history: History | None
) -> Manifest:
    return Manifest(
        version=VERSION,
        written_by=f"wamlab {version('wamlab')}",
        weights_sha256=digest,
        card=card,
        origin=origin,
        history=history,
    )


def _origin(checkpoint: Checkpoint, dtype: torch.dtype | None) -> Origin:
    done = [f"{len(checkpoint.renamed)} tensors renamed"]
    if checkpoint.dropped:
        done.append(f"dropped {', '.join(checkpoint.dropped)}")
    done.append("numbers as stored" if dtype is None else f"numbers as {dtype}")
    return Origin(
        file=checkpoint.path.name,
        num_bytes=checkpoint.num_bytes,
        identity=checkpoint.identity,
        format=checkpoint.format,
        converted="; ".join(done),
    )
