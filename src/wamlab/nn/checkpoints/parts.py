"""The frozen parts of a model folder: VAE and text encoder, with the settings that they need.

Apart from `folder`, since it needs diffusers and transformers, which take seconds to import.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from torch import nn
from transformers import UMT5Config, UMT5EncoderModel

from wamlab.core.errors import ConfigError
from wamlab.nn.checkpoints.checkpoint import Checkpoint, Format, open_checkpoint
from wamlab.nn.checkpoints.fit import check_fits
from wamlab.nn.checkpoints.folder import CONFIG_NAME, Part
from wamlab.nn.checkpoints.umt5 import TRANSFORMERS_KEY
from wamlab.nn.folders import read_json
from wamlab.nn.text import load_tokenizer
from wamlab.nn.video_vae import WAN22_CONFIG

VAE_FOLDER = "vae"
TEXT_FOLDER = "text"
ENCODER, TOKENIZER = "text_encoder", "tokenizer"
"""Inside TEXT_FOLDER, as `TextEncoder.load` looks for them."""
MAX_DISTANCE = 128  # of relative positions; no weight shows it (specification, section 3)
EMBEDDING = "encoder.embed_tokens.weight"  # transformers' second name for shared.weight


def vae_part(path: Path) -> Part:
    """Wan 2.2's VAE: its own file, or a folder or file of diffusers'.

    Raises:
        ConfigError: If it is something else, or does not fit its configuration.
    """
    folder = path / VAE_FOLDER if (path / VAE_FOLDER).is_dir() else path
    weights = _opened(folder, Format.WAN_VAE, Format.DIFFUSERS_VAE)
    config = _config_beside(weights, "the VAE's configuration")
    if config is None:
        config = {"_class_name": AutoencoderKLWan.__name__, **WAN22_CONFIG}
    with torch.device("meta"):
        model: nn.Module = AutoencoderKLWan.from_config(config)
    _check(weights, model)
    return Part(VAE_FOLDER, weights, _text(config), {})


def text_part(path: Path) -> Part:
    """UMT5's encoder and its tokenizer: Wan's own file, or a folder in diffusers' layout.

    The tokenizer is looked for in `tokenizer/`, as diffusers keeps it, and in `google/umt5-xxl/`,
    as Wan does, inside or beside the path.

    Raises:
        ConfigError: If it is something else, does not fit its configuration, or has no tokenizer.
    """
    folder = path / ENCODER if (path / ENCODER).is_dir() else path
    weights = _opened(folder, Format.WAN_TEXT, Format.TRANSFORMERS_TEXT)
    config = _config_beside(weights, "the text encoder's configuration") or _umt5_config(weights)
    with torch.device("meta"):
        _check(weights, UMT5EncoderModel(UMT5Config.from_dict(config)))
    tokenizer = _tokenizer_near(weights.files.paths[0].parent)
    load_tokenizer(tokenizer)
    files = sorted(file for file in tokenizer.iterdir() if file.suffix in (".json", ".model"))
    return Part(
        f"{TEXT_FOLDER}/{ENCODER}", weights, _text(config), {f"{TEXT_FOLDER}/{TOKENIZER}": files}
    )


def _opened(path: Path, *formats: Format) -> Checkpoint:
    weights = open_checkpoint(path)
    if weights.format not in formats:
        raise ConfigError(f"{path}: looks like {weights.format.words}, expected {formats[0].words}")
    return weights


def _config_beside(weights: Checkpoint, what: str) -> dict[str, object] | None:
    """The configuration that lies with weights of diffusers or transformers; Wan's have none."""
    path = weights.files.paths[0].parent / CONFIG_NAME
    is_wans_own = weights.format in (Format.WAN_VAE, Format.WAN_TEXT)
    return None if is_wans_own or not path.is_file() else read_json(path, what)


def _umt5_config(weights: Checkpoint) -> dict[str, object]:
    """The settings of a UMT5 encoder, read off its shapes."""
    shapes = weights.shapes
    vocab_size, d_model = shapes.get("shared.weight") or shapes[EMBEDDING]
    num_buckets, num_heads = shapes[TRANSFORMERS_KEY]
    attention_width, _ = shapes["encoder.block.0.layer.0.SelfAttention.q.weight"]
    d_ff, _ = shapes["encoder.block.0.layer.1.DenseReluDense.wi_0.weight"]
    num_layers = sum(name.endswith("relative_attention_bias.weight") for name in shapes)
    return {
        "architectures": [UMT5EncoderModel.__name__],
        "model_type": UMT5Config.model_type,
        "vocab_size": vocab_size,
        "d_model": d_model,
        "d_kv": attention_width // num_heads,
        "d_ff": d_ff,
        "num_heads": num_heads,
        "num_layers": num_layers,
        "relative_attention_num_buckets": num_buckets,
        "relative_attention_max_distance": MAX_DISTANCE,
        "feed_forward_proj": "gated-gelu",
        "is_encoder_decoder": False,
    }


def _check(weights: Checkpoint, model: nn.Module) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    held = [name for name in ("shared.weight", EMBEDDING) if name in weights.names]
    if held and EMBEDDING in shapes:  # one table under two names: either will do
        shapes = {n: s for n, s in shapes.items() if n not in ("shared.weight", EMBEDDING)} | {
            name: shapes["shared.weight"] for name in held
        }
    check_fits(weights, shapes)


def _tokenizer_near(folder: Path) -> Path:
    places = [
        place / below
        for place in (folder, folder.parent)
        for below in (TOKENIZER, "google/umt5-xxl", ".")
    ]
    for place in places:
        if (place / "tokenizer.json").is_file():
            return place
    raise ConfigError(
        f"{folder}: no tokenizer.json; looked in {', '.join(map(str, places))}. Put that of "
        "google/umt5-xxl into one of them"
    )


def _text(config: Mapping[str, object]) -> str:
    return json.dumps(config, indent=1) + "\n"
