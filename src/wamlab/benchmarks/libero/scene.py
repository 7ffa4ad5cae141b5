"""Reads the full state of a MuJoCo simulation into plain arrays, for scripted experts."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from wamlab.core.scene import Scene, SceneLayout

CYLINDER_ANGLES = np.arange(0, 2 * np.pi, np.pi / 12)


class SceneReader:
    """Fills `Scene` from one environment; the layout is built once."""

    def __init__(self, env: Any) -> None:  # noqa: ANN401 - robosuite is untyped
        self._model = env.sim.model._model
        self._data = env.sim.data._data
        model = self._model
        self._geoms = np.array(
            [
                geom
                for geom in range(model.ngeom)
                if model.geom_type[geom] != mujoco.mjtGeom.mjGEOM_PLANE
                and (model.geom_contype[geom] or model.geom_conaffinity[geom])
            ]
        )
        self._index = np.full(model.ngeom, -1)
        self._index[self._geoms] = np.arange(len(self._geoms))
        joint_type = model.jnt_type
        self._scalar = (joint_type == mujoco.mjtJoint.mjJNT_HINGE) | (
            joint_type == mujoco.mjtJoint.mjJNT_SLIDE
        )
        self.layout = self._read_layout(env)

    def read(self, *, with_layout: bool) -> Scene:
        """The scene after the last physics step; arrays are copies."""
        data, geoms = self._data, self._geoms
        contact = data.contact.geom[: data.ncon].reshape(-1, 2)
        pairs = self._index[contact] if len(contact) else np.zeros((0, 2), np.int64)
        joint_q = np.full(self._model.njnt, np.nan)
        joint_q[self._scalar] = data.qpos[self._model.jnt_qposadr[self._scalar]]
        return Scene(
            layout=self.layout if with_layout else None,
            body_pos=data.xpos.copy(),
            body_rot=data.xmat.reshape(-1, 3, 3).copy(),
            geom_pos=data.geom_xpos[geoms],
            geom_rot=data.geom_xmat[geoms].reshape(-1, 3, 3),
            site_pos=data.site_xpos.copy(),
            site_rot=data.site_xmat.reshape(-1, 3, 3).copy(),
            joint_anchor=data.xanchor.copy(),
            joint_q=joint_q,
            contacts=pairs[(pairs >= 0).all(axis=1)].astype(np.int64),
        )

    def _read_layout(self, env: Any) -> SceneLayout:  # noqa: ANN401
        model, geoms = self._model, self._geoms
        return SceneLayout(
            bodies=_names(model, mujoco.mjtObj.mjOBJ_BODY, model.nbody),
            parent=np.asarray(model.body_parentid, np.int64),
            joints=_names(model, mujoco.mjtObj.mjOBJ_JOINT, model.njnt),
            joint_body=np.asarray(model.jnt_bodyid, np.int64),
            sites=_names(model, mujoco.mjtObj.mjOBJ_SITE, model.nsite),
            geom_body=np.asarray(model.geom_bodyid[geoms], np.int64),
            geom_box=model.geom_aabb[geoms].copy(),
            geom_vertices=tuple(_vertices(model, geom) for geom in geoms),
            objects=dict(env.obj_body_id),
            goals=tuple(tuple(goal) for goal in env.parsed_problem["goal_state"]),
        )


def _names(model: Any, kind: mujoco.mjtObj, count: int) -> tuple[str, ...]:  # noqa: ANN401
    return tuple(mujoco.mj_id2name(model, kind, index) or "" for index in range(count))


def _vertices(model: Any, geom: int) -> NDArray[np.float64]:  # noqa: ANN401
    """Points that span the geom, in its own frame, m."""
    kind = model.geom_type[geom]
    if kind == mujoco.mjtGeom.mjGEOM_MESH:
        mesh = model.geom_dataid[geom]
        start = model.mesh_vertadr[mesh]
        vertices = model.mesh_vert[start : start + model.mesh_vertnum[mesh]]
        return np.asarray(vertices, np.float64)
    if kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        radius, half = model.geom_size[geom][:2]
        ring = radius * np.c_[np.cos(CYLINDER_ANGLES), np.sin(CYLINDER_ANGLES)]
        return np.vstack([np.c_[ring, np.full(len(ring), z)] for z in (-half, 0.0, half)])
    box = model.geom_aabb[geom]
    corners = np.array([[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)])
    return np.asarray(box[:3] + corners * box[3:], np.float64)
