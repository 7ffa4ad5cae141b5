"""Changes a loaded LIBERO task in place: where the camera stands, where the arm starts."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Pose(NamedTuple):
    """A camera as a model file states it: position (x, y, z), quaternion (w, x, y, z)."""

    pos: tuple[float, ...]
    quat: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a disturbed task has that the loaded one has not.

    Attributes:
        instruction: The task in words.
        camera: Where agentview stands; None leaves it.
        start_q: The arm's joint angles at reset, rad, shape (7,): they become the posture that
            the controller's null space pulls to. None leaves the robot's own.
        init_q: Joint angles that replace those of every initial state, rad, shape (7,).
    """

    instruction: str
    camera: Pose | None = None
    start_q: NDArray[np.float64] | None = None
    init_q: NDArray[np.float64] | None = None


class Editor:
    """Applies edits to one loaded environment; what an edit leaves out is as loaded."""

    def __init__(self, env: Any, inits: NDArray[np.float64]) -> None:  # noqa: ANN401
        self._model = env.sim.model._model
        self._robot = env.robots[0]
        self._camera = self._model.camera("agentview").id
        self._arm = 1 + np.asarray(self._robot._ref_joint_pos_indexes)  # after the time
        self._inits = inits
        self._loaded_q = np.array(self._robot.init_qpos)
        self.agentview = loaded_camera(self._model, self._camera)

    def apply(self, edit: Edit) -> NDArray[np.float64]:
        """Changes model and robot.

        Returns:
            The initial states, shape (num_inits, 1 + nq + nv).
        """
        pos, quat = edit.camera or self.agentview
        self._model.cam_pos[self._camera] = pos
        self._model.cam_quat[self._camera] = unit(quat)
        self._robot.init_qpos = self._loaded_q if edit.start_q is None else edit.start_q
        if edit.init_q is None:
            return self._inits
        inits = self._inits.copy()
        inits[:, self._arm] = edit.init_q
        return inits


def unit(quat: tuple[float, ...]) -> NDArray[np.float64]:
    """The unit quaternion that loading a model file makes of this one, to the last bit.

    `mju_normalize4` multiplies by the inverse of the length and differs by 1e-16.
    """
    w, x, y, z = quat
    return np.array(quat) / sqrt(w * w + x * x + y * y + z * z)


def loaded_camera(model: Any, camera: int) -> Pose:  # noqa: ANN401
    """Where a camera stands."""
    return Pose(tuple(model.cam_pos[camera].tolist()), tuple(model.cam_quat[camera].tolist()))
