"""Weights in 8 bits, by torchao (extra `quantised`). Not exact: docs/latency.md has what it costs.

Quantised are the products inside blocks: feed-forwards, what leaves self-attention, queries, keys
and values. First and last layers and embeddings are not, which are few and decide most; nor what
leaves cross-attention, whose weights `nn.cached` multiplies into the text's values.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import torch
from torch import nn

from wamlab.core.errors import ConfigError
from wamlab.nn.mixture import Mixture


class Quantisation(StrEnum):
    """What is computed in 8 bits."""

    NONE = "none"
    INT8_WEIGHTS = "int8_weights"  # stored so, multiplied in the policy's number format
    INT8 = "int8"  # activations too, scaled by their largest, row by row
    FLOAT8 = "float8"  # likewise as e4m3; needs a card of compute capability 8.9 or newer


def quantise(model: Mixture, how: Quantisation, device: torch.device) -> None:
    """Quantises a loaded model in place.

    Raises:
        ConfigError: If torchao is missing, or the device cannot multiply such numbers.
    """
    if how is Quantisation.FLOAT8 and not _has_float8(device):
        raise ConfigError(
            f"quantised: got float8 on {device}, expected a CUDA card of compute capability 8.9 or "
            "newer; int8_weights runs anywhere"
        )
    try:
        from torchao import quantization
    except ImportError:
        raise ConfigError(
            f"quantised: got {how}, which needs torchao: pip install 'wamlab[quantised]'"
        ) from None
    configs: dict[Quantisation, Any] = {
        Quantisation.INT8_WEIGHTS: quantization.Int8WeightOnlyConfig,
        Quantisation.INT8: quantization.Int8DynamicActivationInt8WeightConfig,
        Quantisation.FLOAT8: quantization.Float8DynamicActivationFloat8WeightConfig,
    }
    quantization.quantize_(model, configs[how](), filter_fn=is_quantised)


def is_quantised(module: nn.Module, name: str) -> bool:
    """Whether `quantise` changes the layer of that name."""
    inside = ".blocks." in name and not name.endswith("cross_attn.o")
    return inside and isinstance(module, nn.Linear)


def _has_float8(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 9)
