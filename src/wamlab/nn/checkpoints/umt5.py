"""Names of the UMT5 encoder: in Wan's own file and in transformers' UMT5EncoderModel.

Source: specification section 3; Wan's file is `models_t5_umt5-xxl-enc-bf16.pth`.
"""

from __future__ import annotations

import re
from collections.abc import Collection

WAN_KEY = "blocks.0.pos_embedding.embedding.weight"
TRANSFORMERS_KEY = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
BLOCK = re.compile(r"blocks\.(\d+)\.(.+)\.weight")
OUTSIDE_BLOCKS = {
    "token_embedding.weight": "shared.weight",
    "norm.weight": "encoder.final_layer_norm.weight",
}
INSIDE_BLOCKS = {
    "norm1": "0.layer_norm",
    "norm2": "1.layer_norm",
    "attn.q": "0.SelfAttention.q",
    "attn.k": "0.SelfAttention.k",
    "attn.v": "0.SelfAttention.v",
    "attn.o": "0.SelfAttention.o",
    "pos_embedding.embedding": "0.SelfAttention.relative_attention_bias",
    "ffn.gate.0": "1.DenseReluDense.wi_0",
    "ffn.fc1": "1.DenseReluDense.wi_1",
    "ffn.fc2": "1.DenseReluDense.wo",
}


def is_wan(names: Collection[str]) -> bool:
    return WAN_KEY in names


def is_transformers(names: Collection[str]) -> bool:
    return TRANSFORMERS_KEY in names


def from_wan(name: str) -> str:
    """The name in transformers' UMT5EncoderModel; the name itself if it is none of Wan's."""
    if name in OUTSIDE_BLOCKS:
        return OUTSIDE_BLOCKS[name]
    if (match := BLOCK.fullmatch(name)) and match[2] in INSIDE_BLOCKS:
        return f"encoder.block.{match[1]}.layer.{INSIDE_BLOCKS[match[2]]}.weight"
    return name
