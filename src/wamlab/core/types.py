"""The values that cross every boundary of the lab: what a policy sees and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wamlab.core.errors import ContractError
from wamlab.core.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the robot senses at one control step.

    Attributes:
        images: Camera name -> RGB image, uint8, shape (height, width, 3), upright
            (simulator flips are undone in the benchmark adapter, nowhere else). Only the
            cameras that were asked for (`Sense`).
        state: Proprioception, float32, shape (state_dim,). Layout: `BenchmarkSpec.state`.
        instruction: The task in words, exactly as the policy will read it.
        step: Control steps since reset; 0 for the first observation.
        scene: Full simulator state, only for policies with `needs_scene`.
    """

    images: Mapping[str, NDArray[np.uint8]]
    state: NDArray[np.float32]
    instruction: str
    step: int
    scene: Scene | None = None

    def __post_init__(self) -> None:
        for camera, image in self.images.items():
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
                raise ContractError(
                    f"camera {camera!r}: got {image.dtype}{list(image.shape)}, "
                    "expected uint8[height, width, 3]; convert in the benchmark adapter"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionChunk:
    """The actions a policy plans from one observation.

    Attributes:
        actions: float32, shape (horizon, action_dim), laid out as `BenchmarkSpec.action`.
            Row 0 is executed first.
        imagined: Frames the world model expects to see, uint8, shape
            (num_frames, height, width, 3), or None if the policy decodes no video.
        spans_ms: Name of a part of the forward pass -> milliseconds spent in it.
    """

    actions: NDArray[np.float32]
    imagined: NDArray[np.uint8] | None = None
    spans_ms: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.actions.ndim != 2:
            raise ContractError(
                f"actions: got shape {list(self.actions.shape)}, expected [horizon, action_dim]"
            )
        if not np.isfinite(self.actions).all():
            raise ContractError("actions: got NaN or infinity; the policy diverged")

    @property
    def horizon(self) -> int:
        return len(self.actions)
