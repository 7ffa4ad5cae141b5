"""Model folders: weights, card and statistics, complete or absent."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from wamlab.core.errors import ConfigError
from wamlab.nn.card import Normalisation, WamCard
from wamlab.nn.checkpoints import lerobot, upstream
from wamlab.nn.checkpoints.checkpoint import Checkpoint, Format, open_checkpoint, statistics_places
from wamlab.nn.checkpoints.files import Entry
from wamlab.nn.checkpoints.fit import check_fits
from wamlab.nn.checkpoints.manifest import (
    STATISTICS_NAME,
    VERSION,
    WEIGHTS_NAME,
    Manifest,
    Origin,
    Progress,
    write_manifest,
)
from wamlab.nn.checkpoints.sizes import expected_shapes
from wamlab.nn.checkpoints.writing import converted_dtype, write_safetensors

VAE_FOLDER = "vae"
TEXT_FOLDER = "text"
STATISTICS_KEY = "default"
"""Under which Fast-WAM keeps the statistics of LIBERO and RoboTwin (specification, section 8)."""
NEEDED = {
    Normalisation.MIN_MAX: ("global_min", "global_max"),
    Normalisation.MEAN_STD: ("global_mean", "global_std"),
}
BESIDE_WEIGHTS = ("config.json", "tokenizer.json", "tokenizer_config.json", "spiece.model",
                  "special_tokens_map.json")  # fmt: skip
"""Small files of a VAE or text encoder that are copied with its weights where they exist."""


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
    vae: Path | None = None,
    text: Path | None = None,
    target: Target = Target.FOLDER,
    progress: Progress | None = None,
) -> None:
    """Writes a checkpoint in another layout, whole or not at all.

    Args:
        statistics: `dataset_stats.json`; the one that lies with the checkpoint if not given.
        dtype: Of the numbers to write; as stored if not given.
        vae: Weights to put into the folder's `vae/`, in the names of diffusers.
        text: Weights to put into `text/`, in the names of transformers.

    Raises:
        ConfigError: If `out` exists, a tensor does not fit the card, or statistics are missing.
    """
    check_fits(checkpoint, expected_shapes(card.sizes))
    statistics = check_statistics(statistics or _statistics_beside(checkpoint), card)
    extras = {VAE_FOLDER: vae, TEXT_FOLDER: text}
    parts = {name: open_checkpoint(path) for name, path in extras.items() if path is not None}
    for name, part in parts.items():
        _check_part(name, part, target)
    with _complete_or_absent(out) as beside:
        if target is Target.UPSTREAM:
            upstream.write(beside, _converted(checkpoint, dtype))
            shutil.copyfile(statistics, out.with_name(f"{out.stem}_{STATISTICS_NAME}"))
            return
        beside.mkdir()
        shutil.copyfile(statistics, beside / STATISTICS_NAME)
        if target is Target.LEROBOT:
            names = {name: lerobot.their_name(name) for name in checkpoint.names}
            _write(checkpoint, beside, dtype, progress, names)
            return
        digest = _write(checkpoint, beside, dtype, progress)
        write_manifest(beside, _manifest(card, digest, _origin(checkpoint, dtype)))
        for name, part in parts.items():
            (beside / name).mkdir()
            _write(part, beside / name, dtype, progress)
            _copy_small_files(part, beside / name)


def save_folder(out: Path, tensors: Mapping[str, Tensor], card: WamCard, statistics: Path) -> None:
    """Writes a model that stands in memory, e.g. `module.state_dict()`, as a folder.

    Raises:
        ConfigError: If `out` exists or the statistics do not fit the card.
    """
    check_statistics(statistics, card)
    entries = {name: Entry(tuple(t.shape), t.dtype) for name, t in tensors.items()}
    with _complete_or_absent(out) as beside:
        beside.mkdir()
        digest = write_safetensors(beside / WEIGHTS_NAME, entries, tensors.items())
        shutil.copyfile(statistics, beside / STATISTICS_NAME)
        write_manifest(beside, _manifest(card, digest, None))


def check_statistics(path: Path, card: WamCard) -> Path:
    """The path itself, once the file has what the card's normalisation needs.

    Raises:
        ConfigError: Names the first key that is missing or of another length.
    """
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as JSON ({error})") from error
    for group, dim in (("action", card.sizes.action_dim), ("state", card.sizes.state_dim)):
        for name in NEEDED[card.normalisation] if dim else ():
            key = f"{group}.{STATISTICS_KEY}.{name}"
            value = content
            for step in (group, STATISTICS_KEY, name):
                value = value.get(step) if isinstance(value, dict) else None
            if not isinstance(value, list):
                raise ConfigError(
                    f"{path}: has no {key}, which {card.normalisation} normalisation needs; "
                    "expected the dataset_stats.json of the training run"
                )
            if len(value) != dim:
                raise ConfigError(
                    f"{path}: {key} has {len(value)} numbers, expected {dim}; it belongs to "
                    "another robot"
                )
    return path


def _statistics_beside(checkpoint: Checkpoint) -> Path:
    if checkpoint.statistics_path is None:
        places = statistics_places(checkpoint.files.paths[0])
        raise ConfigError(
            f"{checkpoint.path}: statistics are missing, without which actions have no unit; "
            f"looked for {', '.join(map(str, places))}. Give dataset_stats.json with --statistics"
        )
    return checkpoint.statistics_path


def _check_part(name: str, part: Checkpoint, target: Target) -> None:
    fitting = {
        VAE_FOLDER: (Format.WAN_VAE, Format.DIFFUSERS_VAE),
        TEXT_FOLDER: (Format.WAN_TEXT, Format.TRANSFORMERS_TEXT),
    }[name]
    if part.format not in fitting:
        raise ConfigError(
            f"{part.path}: looks like {part.format.words}, expected {fitting[0].words}"
        )
    if target is not Target.FOLDER:
        raise ConfigError(f"{name}: only wamlab's own folder holds one, got target {target}")


@contextmanager
def _complete_or_absent(out: Path) -> Iterator[Path]:
    """A path beside `out` to write to, moved there at the end and removed after an error."""
    if out.exists():
        raise ConfigError(f"{out}: exists, and is not overwritten; choose another name")
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        yield beside
        beside.replace(out)
    finally:
        if beside.is_dir():
            shutil.rmtree(beside)
        beside.unlink(missing_ok=True)


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


def _copy_small_files(part: Checkpoint, folder: Path) -> None:
    for name in BESIDE_WEIGHTS:
        if (found := part.files.paths[0].parent / name).is_file():
            shutil.copyfile(found, folder / name)


def _manifest(card: WamCard, digest: str, origin: Origin | None) -> Manifest:
    program = f"wamlab {version('wamlab')}"
    return Manifest(
        version=VERSION, written_by=program, weights_sha256=digest, card=card, origin=origin
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
