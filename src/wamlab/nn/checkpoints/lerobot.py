"""Names in LeRobot's port of Fast-WAM, which has had two ways to number the blocks.

Source: LeRobot's port and ZibinDong/fastwam_libero_uncond_2cam224, specification section 8.
"""

from __future__ import annotations

import re
from collections.abc import Collection

PREFIXES = ("model.mot.", "model.proprio_encoder.")
LAYER_FIRST = re.compile(r"model\.mot\.layers\.(\d+)\.blocks\.(video|action)\.(.+)")
EXPERT_FIRST = re.compile(r"model\.mot\.mixtures\.((?:video|action)\..+)")
OUR_BLOCK = re.compile(r"(video|action)\.blocks\.(\d+)\.(.+)")


def recognises(names: Collection[str]) -> bool:
    return any(name.startswith(PREFIXES) for name in names)


def our_name(name: str) -> str:
    """The name in our modules; the name itself if it is none of Fast-WAM's."""
    if match := LAYER_FIRST.fullmatch(name):
        layer, expert, rest = match.groups()
        return f"{expert}.blocks.{layer}.{rest}"
    if match := EXPERT_FIRST.fullmatch(name):
        return match[1]
    if name.startswith("model.proprio_encoder."):
        return name.removeprefix("model.")
    return name


def their_name(name: str) -> str:
    """The newer of the two names for a tensor of ours."""
    if match := OUR_BLOCK.fullmatch(name):
        expert, layer, rest = match.groups()
        return f"model.mot.layers.{layer}.blocks.{expert}.{rest}"
    if name.startswith(("video.", "action.")):
        return f"model.mot.mixtures.{name}"
    return f"model.{name}"
