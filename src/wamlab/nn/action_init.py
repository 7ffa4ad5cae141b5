"""Where an action expert's first weights come from: the video expert's, made narrower.

Source: Fast-WAM (arXiv 2603.16666; code at commit 45d8e14), specification section 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from wamlab.core.errors import ConfigError

STAYS_RANDOM = ("action_encoder.", "head.")
"""Prefixes of the action expert's weights that the video expert has nothing for."""


def from_video(name: str) -> bool:
    """Whether an action expert's weight is taken from the video expert's of the same name.

    Args:
        name: Without the prefix `action.`.
    """
    return not name.startswith(STAYS_RANDOM)


def action_from_video(
    video: Mapping[str, Tensor], shapes: Mapping[str, Sequence[int]]
) -> Iterator[tuple[str, Tensor]]:
    """Weights of an action expert, interpolated one by one from a video expert of equal depth.

    Args:
        video: The video expert's weights, names without the prefix `video.`.
        shapes: Of the action expert's weights, names without the prefix `action.`.

    Returns:
        Names and weights, float32 where one was resized. Names for which `from_video` is false
        are left out.

    Raises:
        ConfigError: If the video expert has no weight of that name.
    """
    wanted = {name: tuple(shape) for name, shape in shapes.items() if from_video(name)}
    missing = sorted(set(wanted) - set(video))
    if missing:
        raise ConfigError(
            f"video expert: has no {missing[0]} (nor {len(missing) - 1} others), which the action "
            "expert starts from; expected experts with the same number of layers"
        )
    return ((name, resized(video[name], shape)) for name, shape in wanted.items())


def resized(weight: Tensor, shape: Sequence[int]) -> Tensor:
    """A weight stretched or squeezed to a shape, one axis after the other, in float32.

    A matrix whose last axis shrinks from n to m inputs is multiplied by sqrt(n / m), so that the
    variance of what it computes is kept. A weight of that shape already is copied as it is.
    """
    if tuple(weight.shape) == tuple(shape):
        return weight.clone()
    if weight.ndim != len(shape):
        raise ValueError(f"shape: got {tuple(shape)}, expected {weight.ndim} axes as in the source")
    out = weight.to(torch.float32)
    for axis, size in enumerate(shape):
        out = _stretched(out, axis, size)
    if len(shape) >= 2 and shape[-1] != weight.shape[-1]:
        out = out * math.sqrt(weight.shape[-1] / shape[-1])
    return out.contiguous()


def _stretched(weight: Tensor, axis: int, size: int) -> Tensor:
    """Linear interpolation along one axis; the first and the last entry stay where they are."""
    if weight.shape[axis] == size:
        return weight
    last = weight.movedim(axis, -1)
    rows = last.reshape(1, -1, last.shape[-1])
    stretched = functional.interpolate(rows, size=size, mode="linear", align_corners=True)
    return stretched.reshape(*last.shape[:-1], size).movedim(-1, axis)
