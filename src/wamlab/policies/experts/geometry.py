"""Rotations of a two-finger gripper and the exact overlap test of oriented boxes.

The hand frame has its x axis along the opening direction of the fingers and its z axis out of
the fingers; rotations are matrices whose columns are these axes in the world frame.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vec: TypeAlias = NDArray[np.float64]

MIN_YAW = np.radians(-75)
UP = np.array([0.0, 0.0, 1.0])


class Boxes(NamedTuple):
    """Oriented boxes: centre (n, 3), axes as columns (n, 3, 3), half sizes (n, 3), in m."""

    centre: Vec
    axes: Vec
    half: Vec


def about(axis: ArrayLike, angle_rad: float) -> Vec:
    """Rotation by an angle about a unit axis, shape (3, 3)."""
    x, y, z = np.asarray(axis, float)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turned: Vec = np.eye(3) + np.sin(angle_rad) * cross + (1 - np.cos(angle_rad)) * cross @ cross
    return turned


def rotation_vector(rot: Vec) -> Vec:
    """Axis times angle of a rotation matrix, rad, shape (3,); angles near pi lose accuracy."""
    cosine = min(1.0, max(-1.0, (rot[0, 0] + rot[1, 1] + rot[2, 2] - 1) / 2))
    angle = np.arccos(cosine)
    if angle < 1e-6:
        return np.zeros(3)
    skew = np.array([rot[2, 1] - rot[1, 2], rot[0, 2] - rot[2, 0], rot[1, 0] - rot[0, 1]])
    return np.asarray(angle / (2 * np.sin(angle) + 1e-9) * skew)


def angle_between(first: Vec, second: Vec) -> float:
    """Angle of the rotation that leads from one orientation to the other, rad."""
    return float(np.linalg.norm(rotation_vector(second @ first.T)))


def downward(opening: ArrayLike) -> Vec:
    """A hand that points straight down and opens along a horizontal direction."""
    x, y = np.asarray(opening, float)[:2]
    u = np.array([x, y, 0.0]) / np.hypot(x, y)
    return np.asarray(np.c_[u, np.cross(-UP, u), -UP])


def tilted(opening: ArrayLike, outward: Vec, angle_rad: float) -> Vec:
    """A downward hand, tilted so that its finger tips point against `outward` (horizontal)."""
    axis = np.cross(UP, outward)
    return np.asarray(about(axis / np.linalg.norm(axis), angle_rad) @ downward(opening))


def yaw_of(opening: ArrayLike) -> float:
    """Turn of a downward hand from its starting orientation, rad, folded to [-75, 105) degrees.

    Zero means that the fingers open along the world's y axis; both signs of the opening
    direction are the same grasp. The range is not symmetric since the wrist starts at 45
    degrees: at -90 it is so near its limit that the hand stays 0.15 to 0.25 rad off.
    """
    x, y = np.asarray(opening, float)[:2]
    return float((np.arctan2(y, x) - np.pi / 2 - MIN_YAW) % np.pi + MIN_YAW)


def folded(opening: ArrayLike) -> Vec:
    """The one of the two opposite opening directions that the wrist reaches with less turn."""
    angle = yaw_of(opening) + np.pi / 2
    return np.array([np.cos(angle), np.sin(angle)])


def overlapping(first: Boxes, second: Boxes, margin: float) -> NDArray[np.bool_]:
    """Which boxes intersect which, exactly; shape (len(first), len(second)).

    Args:
        margin: Added to the half sizes of the second boxes, m. Point samples would miss the
            cabinets' walls, which are 2 to 4 mm thin.

    Source: separating axes of two boxes, Gottschalk, Lin, Manocha (1996), OBBTree.
    """
    half = second.half + margin
    offset = second.centre[None] - first.centre[:, None]
    radius = np.linalg.norm(first.half, axis=1)[:, None] + np.linalg.norm(half, axis=1)[None]
    hits = np.einsum("abi,abi->ab", offset, offset) < radius**2
    a, b = np.nonzero(hits)
    hits[a, b] = np.logical_not(
        _separated(offset[a, b], first.axes[a], second.axes[b], first.half[a], half[b])
    )
    return np.asarray(hits)


def _separated(
    offset: Vec, axes_a: Vec, axes_b: Vec, half_a: Vec, half_b: Vec
) -> NDArray[np.bool_]:
    """Whether one of 15 axes separates two boxes, for each of n pairs; shape (n,)."""
    turn = np.einsum("nij,nik->njk", axes_a, axes_b)
    size = np.abs(turn) + 1e-6  # parallel edges have no cross product: the margin covers them
    in_a = np.einsum("ni,nij->nj", offset, axes_a)
    in_b = np.einsum("ni,nij->nj", offset, axes_b)
    apart = (np.abs(in_a) > half_a + np.einsum("nij,nj->ni", size, half_b)).any(1)
    apart |= (np.abs(in_b) > half_b + np.einsum("ni,nij->nj", half_a, size)).any(1)
    for i in range(3):
        i1, i2 = (i + 1) % 3, (i + 2) % 3
        for j in range(3):
            j1, j2 = (j + 1) % 3, (j + 2) % 3
            reach_a = half_a[:, i1] * size[:, i2, j] + half_a[:, i2] * size[:, i1, j]
            reach_b = half_b[:, j1] * size[:, i, j2] + half_b[:, j2] * size[:, i, j1]
            distance = np.abs(in_a[:, i2] * turn[:, i1, j] - in_a[:, i1] * turn[:, i2, j])
            apart |= distance > reach_a + reach_b
    return np.asarray(apart)
