"""Draws what a camera sees, with robosuite's own OpenGL context."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NAME_IN_MODEL = {"agentview": "agentview", "wrist": "robot0_eye_in_hand"}


class Cameras:
    """Renders RGB images of the current kinematic state; never changes the simulation."""

    def __init__(self, env: Any, *, size_px: int, rotated: bool) -> None:  # noqa: ANN401
        self._sim = env.sim
        self._size_px = size_px
        self._rotated = rotated

    def render(self, camera: str, size_px: int | None = None) -> NDArray[np.uint8]:
        """One image, uint8, shape (size_px, size_px, 3), in the protocol's view."""
        size = size_px or self._size_px
        raw: NDArray[np.uint8] = self._sim.render(
            camera_name=NAME_IN_MODEL[camera], width=size, height=size, depth=False
        )
        # OpenGL's first row is the bottom one. The true view turns rows round; the protocol's
        # view turns columns round as well.
        view = raw[::-1, ::-1] if self._rotated else raw[::-1]
        return np.ascontiguousarray(view)
