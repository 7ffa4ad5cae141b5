"""Names of the Wan 2.2 VAE: in its own file (`Wan2.2_VAE.pth`) and in diffusers' AutoencoderKLWan.

Source: specification section 2.
"""

from __future__ import annotations

import re
from collections.abc import Collection

WAN_KEY = "encoder.downsamples.0.downsamples.0.residual.0.gamma"
DIFFUSERS_KEY = "encoder.down_blocks.0.resnets.0.norm1.gamma"
STAGE = re.compile(r"(encoder|decoder)\.(?:down|up)samples\.(\d+)\.(?:down|up)samples\.(\d+)\.(.+)")
MIDDLE = re.compile(r"(encoder|decoder)\.middle\.([012])\.(.+)")
EDGE = re.compile(r"(encoder|decoder)\.(conv1|head\.0|head\.2)\.(.+)")
SIDE = {"encoder": "down", "decoder": "up"}
EDGES = {"conv1": "conv_in", "head.0": "norm_out", "head.2": "conv_out"}
BETWEEN = {"conv1.": "quant_conv.", "conv2.": "post_quant_conv."}
MIDDLE_PARTS = {"0": "resnets.0", "1": "attentions.0", "2": "resnets.1"}
RESIDUAL = {"residual.0.": "norm1.", "residual.2.": "conv1.", "residual.3.": "norm2.",
            "residual.6.": "conv2.", "shortcut.": "conv_shortcut."}  # fmt: skip
RESAMPLING = ("resample.", "time_conv.")


def is_wan(names: Collection[str]) -> bool:
    return WAN_KEY in names


def is_diffusers(names: Collection[str]) -> bool:
    return DIFFUSERS_KEY in names


def from_wan(name: str) -> str:
    """The name in diffusers' AutoencoderKLWan; the name itself if it is none of Wan's."""
    if match := STAGE.fullmatch(name):
        side, stage, part, rest = match.groups()
        way = SIDE[side]
        inside = f"{way}sampler" if rest.startswith(RESAMPLING) else f"resnets.{part}"
        return f"{side}.{way}_blocks.{stage}.{inside}.{_residual(rest)}"
    if match := MIDDLE.fullmatch(name):
        side, part, rest = match.groups()
        return f"{side}.mid_block.{MIDDLE_PARTS[part]}.{_residual(rest)}"
    if match := EDGE.fullmatch(name):
        side, part, rest = match.groups()
        return f"{side}.{EDGES[part]}.{rest}"
    for theirs, ours in BETWEEN.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name


def _residual(rest: str) -> str:
    for theirs, ours in RESIDUAL.items():
        if rest.startswith(theirs):
            return ours + rest.removeprefix(theirs)
    return rest
