"""Reads a model's folder as diffusers and transformers lay it out: JSON beside safetensors."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from wamlab.core.errors import ConfigError


def read_json(path: Path, what: str) -> dict[str, object]:
    """The object in a JSON file.

    Args:
        what: Named in the message when there is none, e.g. "the VAE's configuration".

    Raises:
        ConfigError: The file is missing, or holds no JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"no {path} ({what}): {error.strerror}; check the folder") from None
    except ValueError as error:
        raise ConfigError(f"{path} ({what}) is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{path} ({what}): got a {type(value).__name__}, expected an object")
    return value


def read_tensors(
    folder: Path, dtype: torch.dtype, *, without: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """All tensors of a folder's *.safetensors, on the CPU; shards are joined.

    Args:
        dtype: What they are cast to.
        without: Beginnings of names that stay on disk.

    Raises:
        ConfigError: There is no such file, one cannot be read, or two hold the same name (a
            folder with the same weights twice, e.g. in fp32 and bf16).
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ConfigError(f"no *.safetensors in {folder}; check the folder")
    tensors: dict[str, Tensor] = {}
    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118 - the handle is no mapping
                    if name.startswith(without):
                        continue
                    if name in tensors:
                        raise ConfigError(
                            f"{folder}: {name!r} is in {file.name} and in a file before it; "
                            "keep one set of weights in the folder"
                        )
                    tensors[name] = opened.get_tensor(name).to(dtype)
        except (OSError, SafetensorError) as error:
            raise ConfigError(f"{file} cannot be read: {error}; download it again") from None
    return tensors


def fill(module: nn.Module, weights: dict[str, Tensor], what: str) -> None:
    """Puts a folder's tensors into a module, strictly.

    Args:
        what: Whose they are, for the message, e.g. "VAE weights in DIR".

    Raises:
        ConfigError: A weight is missing, unknown or of another shape.
    """
    try:
        module.load_state_dict(weights, strict=True, assign=True)
    except RuntimeError as error:
        raise ConfigError(f"{what} do not fit its config.json: {error}") from None
