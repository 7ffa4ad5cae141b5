"""The values that cross every boundary of the lab: what a policy sees and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

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


FORWARD = "forward"
"""Name in `ActionChunk.spans_ms` of the whole call of the policy, for all of its batch; the engine
measures it where the policy runs."""

QUEUED = "queued"
"""Name in `ActionChunk.spans_ms` of what a request waited until the policy was idle; the engine
measures it where requests are gathered."""


class CameraBox(NamedTuple):
    """Where one camera's image stands on a canvas of several, in pixels."""

    camera: str
    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionChunk:
    """The actions a policy plans from one observation.

    Attributes:
        actions: float32, shape (horizon, action_dim), laid out as `BenchmarkSpec.action`.
            Row 0 is executed first.
        imagined: Frames the world model expects to see, uint8, shape
            (num_frames, height, width, 3), or None if the policy decodes no video. The first
            is the observed frame; all cameras stand on one canvas.
        imagined_every: Control steps between two imagined frames: of a plan made at control
            step s, frame j shows what is expected at step s + j * imagined_every.
        imagined_layout: Where each camera stands on the canvas.
        spans_ms: Name of a part of the forward pass -> milliseconds spent in it.
    """

    actions: NDArray[np.float32]
    imagined: NDArray[np.uint8] | None = None
    imagined_every: int = 0
    imagined_layout: tuple[CameraBox, ...] = ()
    spans_ms: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.actions.ndim != 2:
            raise ContractError(
                f"actions: got shape {list(self.actions.shape)}, expected [horizon, action_dim]"
            )
        if not np.isfinite(self.actions).all():
            raise ContractError("actions: got NaN or infinity; the policy diverged")
        if self.imagined is not None:
            self._check_imagined(self.imagined)

    @property
    def horizon(self) -> int:
        return len(self.actions)

    def _check_imagined(self, frames: NDArray[np.uint8]) -> None:
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or not len(frames):
            raise ContractError(
                f"imagined: got {frames.dtype}{list(frames.shape)}, "
                "expected uint8[num_frames, height, width, 3]; convert in the policy"
            )
        if self.imagined_every < 1:
            raise ContractError(
                f"imagined_every: got {self.imagined_every}, expected at least 1 control step "
                "between two imagined frames"
            )
        if not self.imagined_layout:
            raise ContractError(
                "imagined_layout: got no box, expected one for each camera on the canvas"
            )
        height, width = frames.shape[1:3]
        for box in self.imagined_layout:
            fits_down = 0 <= box.top < box.top + box.height <= height
            fits_across = 0 <= box.left < box.left + box.width <= width
            if not (fits_down and fits_across):
                raise ContractError(
                    f"imagined_layout: got {tuple(box)}, expected a box (camera, top, left, "
                    f"height, width) inside the canvas of {height} x {width} pixels"
                )
