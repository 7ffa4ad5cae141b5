"""Names of the Wan 2.2 video transformer in its own files and in diffusers' files.

Wan's names are the ones that we keep; both stand here without the prefix `video.`.

Source: Wan2.2 and diffusers' WanTransformer3DModel, specification sections 1.2 and 1.4.
"""

from __future__ import annotations

import re
from collections.abc import Collection

WAN_KEY = "time_projection.1.weight"
DIFFUSERS_KEY = "condition_embedder.time_proj.weight"
BLOCK = re.compile(r"(blocks\.\d+\.)(.+)")
OUTSIDE_BLOCKS = {
    "condition_embedder.text_embedder.linear_1.": "text_embedding.0.",
    "condition_embedder.text_embedder.linear_2.": "text_embedding.2.",
    "condition_embedder.time_embedder.linear_1.": "time_embedding.0.",
    "condition_embedder.time_embedder.linear_2.": "time_embedding.2.",
    "condition_embedder.time_proj.": "time_projection.1.",
    "proj_out.": "head.head.",
    "scale_shift_table": "head.modulation",
}
INSIDE_BLOCKS = {
    "attn1.to_out.0.": "self_attn.o.",
    "attn1.to_": "self_attn.",
    "attn1.norm_": "self_attn.norm_",
    "attn2.to_out.0.": "cross_attn.o.",
    "attn2.to_": "cross_attn.",
    "attn2.norm_": "cross_attn.norm_",
    "norm2.": "norm3.",  # the norm before cross-attention, counted differently
    "ffn.net.0.proj.": "ffn.0.",
    "ffn.net.2.": "ffn.2.",
    "scale_shift_table": "modulation",
}


def is_wan(names: Collection[str]) -> bool:
    return WAN_KEY in names


def is_diffusers(names: Collection[str]) -> bool:
    return DIFFUSERS_KEY in names


def from_wan(name: str) -> str:
    return f"video.{name}"


def from_diffusers(name: str) -> str:
    """The name in our modules of a tensor of diffusers' WanTransformer3DModel."""
    if match := BLOCK.fullmatch(name):
        return f"video.{match[1]}{_replaced(match[2], INSIDE_BLOCKS)}"
    return f"video.{_replaced(name, OUTSIDE_BLOCKS)}"


def _replaced(name: str, starts: dict[str, str]) -> str:
    """The name with its beginning replaced; the first that fits counts."""
    for theirs, ours in starts.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name
