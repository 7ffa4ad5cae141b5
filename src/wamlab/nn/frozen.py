"""Loads what stands frozen in front of a model, whichever class its folder is for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from wamlab.nn.folders import read_json
from wamlab.nn.nano_text import NanoTextEncoder, is_nano_text
from wamlab.nn.nano_vae import CLASS, NanoVae
from wamlab.nn.text import TextEncoder
from wamlab.nn.video_vae import VideoVae


def load_vae(folder: Path, dtype: torch.dtype, *, decoder: bool = True) -> VideoVae | NanoVae:
    """The VAE of a folder: Wan's, as diffusers writes it, or a nano one.

    Args:
        dtype: Of the weights in memory.
        decoder: Without it nothing can be decoded.

    Raises:
        ConfigError: A file is missing, or a weight is missing, unknown or of another shape.
    """
    if is_nano_vae(folder):
        return NanoVae.load(folder, dtype, decoder=decoder)
    return VideoVae.load(folder, dtype, decoder=decoder)


def load_text(folder: Path, dtype: torch.dtype) -> TextEncoder | NanoTextEncoder:
    """The text encoder of a folder: UMT5 with its tokenizer, or the one without weights.

    Raises:
        ConfigError: A file is missing or does not fit.
    """
    if is_nano_text(folder):
        return NanoTextEncoder.load(folder, dtype)
    return TextEncoder.load(folder, dtype)


def is_nano_vae(folder: Path) -> bool:
    """Whether a folder holds a nano VAE.

    Raises:
        ConfigError: It has no configuration.
    """
    config = read_json(folder / "config.json", "the VAE's configuration")
    return config.get("_class_name") == CLASS


def nano_identity(folder: Path) -> str:
    """Names a nano VAE or text encoder by all of its bytes: 16 hexadecimal digits."""
    known = hashlib.sha256()
    for path in sorted(folder.glob("config.json")) + sorted(folder.glob("*.safetensors")):
        known.update(path.name.encode() + path.read_bytes())
    return known.hexdigest()[:16]
