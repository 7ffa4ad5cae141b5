"""Where LIBERO-Plus puts the agentview camera.

Source: LIBERO-plus envs/problems/libero_*_manipulation.py, `_setup_camera` and the functions
`rotate_around_y`, `rotate_around_z`, `scale_distance_from_pivot`. The rounding to four decimals
after every step is theirs; it moves the camera by up to 0.05 mm even in tasks of other axes.
"""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from wamlab.benchmarks.libero.edits import Pose
from wamlab.benchmarks.libero_plus.variants import View

PIVOT = np.array([0.0, 0.0, 0.8])  # m; the height of a table
DIGITS = 4


def moved(pose: Pose, view: View) -> Pose:
    """The camera's pose in a disturbed view.

    Args:
        pose: Of the undisturbed camera.
    """
    if view.up_deg:
        pose = _turned(pose, _about_y(view.up_deg), about=PIVOT)
    pose = _turned(pose, _about_z(view.around_deg), about=np.zeros(3))
    if view.distance_percent != 100:
        away = np.array(pose.pos) - PIVOT
        pose = _rounded(PIVOT + away * (view.distance_percent / 100), np.array(pose.quat))
    if view.turn_deg:
        pose = Pose(pose.pos, _turned(pose, _about_z(view.turn_deg), about=PIVOT).quat)
    if view.tilt_deg:
        pose = Pose(pose.pos, _turned(pose, _about_y(view.tilt_deg), about=PIVOT).quat)
    return pose


def _about_y(degrees: int) -> NDArray[np.float64]:
    """A turn that lifts what lies on the x axis, as a quaternion, w first."""
    half = radians(-degrees) / 2
    return np.array([cos(half), 0.0, sin(half), 0.0])


def _about_z(degrees: int) -> NDArray[np.float64]:
    """A turn to the left, seen from above, as a quaternion, w first."""
    half = radians(degrees) / 2
    return np.array([cos(half), 0.0, 0.0, sin(half)])


def _turned(pose: Pose, turn: NDArray[np.float64], *, about: NDArray[np.float64]) -> Pose:
    w, axis = turn[0], turn[1:]
    arm = np.array(pose.pos) - about
    half = np.cross(axis, arm) + w * arm
    quat = np.array(pose.quat) / np.linalg.norm(pose.quat)
    new_w = w * quat[0] - axis @ quat[1:]
    new_axis = w * quat[1:] + quat[0] * axis + np.cross(axis, quat[1:])
    return _rounded(about + arm + 2 * np.cross(axis, half), np.array([new_w, *new_axis]))


def _rounded(pos: NDArray[np.float64], quat: NDArray[np.float64]) -> Pose:
    return Pose(
        tuple(round(value, DIGITS) for value in pos.tolist()),
        tuple(round(value, DIGITS) for value in quat.tolist()),
    )
