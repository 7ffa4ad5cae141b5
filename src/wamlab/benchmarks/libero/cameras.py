"""Draws what a camera sees, with robosuite's own OpenGL context.

On a CPU, drawing is nine tenths of the work and its cost follows the number of triangles (250
to 400 thousand a frame), not of pixels. So geoms that cannot reach a pixel are left out: their
bounding sphere lies outside the camera's frustum, and so does its mirror image as seen through
every reflecting surface in view. A mirror outside the frustum is left out too, which saves
MuJoCo's second pass over the whole scene. Images stay equal pixel by pixel
(tests/benchmarks/test_exactness.py).
"""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

NAME_IN_MODEL = {"agentview": "agentview", "wrist": "robot0_eye_in_hand"}
HIDDEN_GROUP = 5  # a geom group that nothing in LIBERO uses; geom groups do not enter physics
MARGIN_M = 0.005  # far above the rounding of float32 rendering
MIRROR_TYPES = (mujoco.mjtGeom.mjGEOM_PLANE, mujoco.mjtGeom.mjGEOM_BOX)  # all that reflect


class Cameras:
    """Renders RGB images of the current kinematic state; never changes the simulation."""

    def __init__(
        self,
        env: Any,  # noqa: ANN401 - robosuite is untyped
        *,
        size_px: int,
        rotated: bool,
        culls: bool = True,
    ) -> None:
        self._model, self._data = env.sim.model._model, env.sim.data._data
        self._context = env.sim._render_context_offscreen
        self._size_px = size_px
        self._rotated = rotated
        self._culls = culls
        if (self._model.geom_group == HIDDEN_GROUP).any():
            raise RuntimeError(f"expected no geom in group {HIDDEN_GROUP}")
        self._context.vopt.geomgroup[HIDDEN_GROUP] = 0
        self._ids = {name: self._model.camera(NAME_IN_MODEL[name]).id for name in NAME_IN_MODEL}
        drawn = np.asarray(self._context.vopt.geomgroup, bool)[self._model.geom_group]
        self._mirrors = [geom for geom in _mirrors(self._model) if drawn[geom]]

    def render(self, camera: str, size_px: int | None = None) -> NDArray[np.uint8]:
        """One image, uint8, shape (size_px, size_px, 3), in the protocol's view."""
        size = size_px or self._size_px
        self._context.gl_ctx.make_current()  # another environment of this process may have drawn
        groups = self._model.geom_group
        kept = groups.copy()
        if self._culls:
            groups[~self._can_be_seen(self._ids[camera])] = HIDDEN_GROUP
        try:
            self._context.render(size, size, camera_id=self._ids[camera])
        finally:
            groups[:] = kept
        raw: NDArray[np.uint8] = self._context.read_pixels(size, size)
        # OpenGL's first row is the bottom one. The true view turns rows round; the protocol's
        # view turns columns round as well.
        view = raw[::-1, ::-1] if self._rotated else raw[::-1]
        return np.ascontiguousarray(view)

    def _can_be_seen(self, camera: int) -> NDArray[np.bool_]:
        """Which geoms may contribute to a pixel, shape (num_geoms,); square images."""
        data, radius = self._data, self._model.geom_rbound
        eye = data.cam_xpos[camera]
        axes = data.cam_xmat[camera].reshape(3, 3)
        half_angle = np.deg2rad(self._model.cam_fovy[camera]) / 2
        centers = data.geom_xpos
        unbounded = radius == 0  # planes
        seen = unbounded | _in_frustum((centers - eye) @ axes, radius, half_angle)
        for mirror in self._mirrors:
            if not seen[mirror]:
                continue
            normal = data.geom_xmat[mirror].reshape(3, 3)[:, 2]
            if self._model.geom_type[mirror] == mujoco.mjtGeom.mjGEOM_BOX:
                height = self._model.geom_size[mirror][2]
            else:
                height = 0.0
            distance = (centers - centers[mirror]) @ normal - height
            images = centers - 2 * distance[:, None] * normal
            seen = seen | _in_cone(images - eye, radius, centers[mirror] - eye, radius[mirror])
        return np.asarray(seen)


def _mirrors(model: Any) -> list[int]:  # noqa: ANN401
    """Geoms whose material reflects, of the kinds that MuJoCo draws reflections in."""
    material = model.geom_matid
    reflects = (material >= 0) & (model.mat_reflectance[material] > 0)
    return [int(geom) for geom in np.flatnonzero(reflects & np.isin(model.geom_type, MIRROR_TYPES))]


def _in_frustum(
    centers: NDArray[np.float64], radius: NDArray[np.float64], half_angle: float
) -> NDArray[np.bool_]:
    """Whether spheres reach into a square viewing pyramid.

    Args:
        centers: In the camera's frame (x right, y up, looking along -z), m, shape (n, 3).
        radius: Bounding radius of each, m, shape (n,).
        half_angle: Half of the vertical field of view, rad.
    """
    reach = radius + MARGIN_M
    depth = -centers[:, 2]
    sin, cos = np.sin(half_angle), np.cos(half_angle)
    # Signed distance to each of the four side planes, positive outside.
    sideways = np.abs(centers[:, :2]) * cos - depth[:, None] * sin
    return np.asarray((sideways < reach[:, None]).all(axis=1) & (depth > -reach))


def _in_cone(
    centers: NDArray[np.float64],
    radius: NDArray[np.float64],
    target: NDArray[np.float64],
    target_radius: float,
) -> NDArray[np.bool_]:
    """Whether spheres, seen from the origin, overlap the disc that the target sphere covers.

    Args:
        centers: Relative to the eye, m, shape (n, 3).
        radius: Bounding radius of each, m, shape (n,).
        target: Centre of the mirror's bounding sphere relative to the eye, m, shape (3,).
        target_radius: Its radius, m; 0 for an unbounded plane, which covers everything.
    """
    distance = np.linalg.norm(centers, axis=1)
    reach = radius + MARGIN_M
    far = float(np.linalg.norm(target))
    if target_radius == 0 or far <= target_radius + MARGIN_M:
        return np.ones(len(centers), bool)
    spread = np.arcsin((target_radius + MARGIN_M) / far)
    own = np.arcsin(np.clip(reach / np.maximum(distance, 1e-9), 0, 1))
    angle = np.arccos(np.clip(centers @ target / np.maximum(distance * far, 1e-9), -1, 1))
    return np.asarray((angle <= spread + own) | (distance <= reach))
