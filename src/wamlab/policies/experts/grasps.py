"""Where to take hold of an object: candidates by its kind, scored by what they would hit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wamlab.policies.experts.geometry import (
    Boxes,
    Vec,
    about,
    downward,
    folded,
    overlapping,
    yaw_of,
)
from wamlab.policies.experts.view import View

RIMMED = ("bowl", "mug", "ramekin", "plate", "pan")  # held by the rim, the rest by the middle
WITH_HANDLE = ("mug", "pan")
MAX_WIDTH_M = 0.074  # the fingers open to 0.0775
FINGERTIP_M = 0.012  # fingertips below the hand's control point
LEAN_RAD = 0.5

# The gripper as boxes in the hand frame (centre, half sizes; m), measured on the Panda gripper.
_FINGER = (0.014, 0.011, 0.031)
OPEN_FINGERS = np.array([[(s * 0.050, 0, -0.019), _FINGER] for s in (1, -1)])
CLOSED_FINGERS = np.array([[(s * 0.017, 0, -0.019), (0.016, 0.011, 0.031)] for s in (1, -1)])
PALM = np.array([[(0, 0, -0.096), (0.104, 0.032, 0.070)]])


class Grasp(NamedTuple):
    """A way to hold an object.

    Attributes:
        pos: Where the hand's control point goes, m, shape (3,).
        opening: Horizontal direction in which the fingers open, shape (2,).
        rot: Orientation of the hand, shape (3, 3).
        cost: What speaks against it; 0 is perfect, each collision costs about 1.
        lean_rad: Tilt of the hand about the opening direction.
    """

    pos: Vec
    opening: Vec
    rot: Vec
    cost: float
    lean_rad: float = 0.0


class _Candidates(NamedTuple):
    """Grasps before scoring: points (n, 3), opening directions (n, 2), own costs (n,)."""

    pos: Vec
    opening: Vec
    cost: Vec


def grasps(view: View, name: str, place: Vec | None = None) -> list[Grasp]:
    """Ways to hold an object, best first.

    Args:
        place: Where the object's origin (x, y) and lowest point (z) will be put, m, shape (3,):
            a grasp that hits something there is worse. None ignores it.
    """
    rimmed = is_rimmed(name)
    candidates = _rim_candidates(view, name) if rimmed else _middle_candidates(view, name)
    upright = _scored(view, name, candidates, place, (0.0,))
    # Leaning hands hold worse: they only help where no upright hand fits.
    if rimmed and upright[0].cost >= 1.0:
        leaning = _scored(view, name, candidates, place, (LEAN_RAD, -LEAN_RAD))
        return sorted(upright + leaning, key=lambda grasp: grasp.cost)
    return upright


def is_rimmed(name: str) -> bool:
    return any(kind in name for kind in RIMMED)


def distinct(options: list[Grasp]) -> list[Grasp]:
    """The best grasp and those that clearly differ from it, best first."""
    best = options[0]
    others = [
        grasp
        for grasp in options[1:]
        if np.linalg.norm(grasp.pos - best.pos) > 0.03 or abs(grasp.opening @ best.opening) < 0.8
    ]
    return [best, *others]


def opened_along(options: list[Grasp], opening: Vec) -> list[Grasp]:
    """The grasps whose fingers open nearest to a horizontal direction, in its sense."""
    best = max(abs(grasp.opening @ opening) for grasp in options)
    return [grasp for grasp in options if abs(grasp.opening @ opening) > best - 0.01]


def nearest_grasp(options: list[Grasp], wanted: Grasp) -> Grasp:
    """The same grasp after the object has moved a little."""

    def distance(grasp: Grasp) -> float:
        turned = 1 - abs(grasp.opening @ wanted.opening)
        return float(np.linalg.norm(grasp.pos - wanted.pos) + 0.1 * turned)

    same_lean = [grasp for grasp in options if grasp.lean_rad == wanted.lean_rad]
    return min(same_lean or options, key=distance)


def rim_circle(view: View, name: str) -> tuple[Vec, float]:
    """Centre (x, y) and radius of a round object's rim, m."""
    points = view.points(name)
    low, high = points[:, 2].min(), points[:, 2].max()
    centre = view.origin(name)[:2]
    if any(kind in name for kind in WITH_HANDLE):  # the origin is not on the cup's axis
        foot = points[points[:, 2] < low + 0.01, :2]
        centre = (foot.min(0) + foot.max(0)) / 2
    radii = np.linalg.norm(points[points[:, 2] > high - 0.010, :2] - centre, axis=1)
    return centre, float(np.median(radii[radii > 0.6 * np.median(radii)]))


def _rim_candidates(view: View, name: str) -> _Candidates:
    """24 sides of the rim (a plate's flat pieces), fingers opening along the radius."""
    points = view.points(name)
    centre, radius = rim_circle(view, name)
    radius -= 0.003
    # A plate's rim is so low that the fingers all but touch the table; higher, they lose it.
    tips = FINGERTIP_M + (0.001 if "plate" in name else 0.004)
    height = max(points[:, 2].max() - 0.012, points[:, 2].min() + tips)
    angles = _facets(view, name) if "plate" in name else np.arange(0, 2 * np.pi, np.pi / 12)
    outward = np.c_[np.cos(angles), np.sin(angles)]
    cost = np.zeros(len(angles))
    if "plate" not in name:
        offset = points[:, :2] - centre
        distance, angle = np.linalg.norm(offset, axis=1), np.arctan2(offset[:, 1], offset[:, 0])
        away = np.abs((angle[None] - angles[:, None] + np.pi) % (2 * np.pi) - np.pi)
        sticks_out = (away < 0.4) & (distance > radius + 0.02)[None]
        cost[sticks_out.any(1)] = 3.0  # the handle
    pos = np.c_[centre + radius * outward, np.full(len(angles), height)]
    return _Candidates(pos, outward, cost)


def _facets(view: View, name: str) -> Vec:
    """Directions of the straight pieces that a plate's rim is made of: corners slip, rad."""
    offset = view.geom_centres(name)[:, :2] - view.origin(name)[:2]
    offset = offset[np.linalg.norm(offset, axis=1) > 0.02]  # without the bottom
    return np.asarray(np.arctan2(offset[:, 1], offset[:, 0]))


def _middle_candidates(view: View, name: str) -> _Candidates:
    """Across the slice at the height of the fingers, along a grid and the object's own axes."""
    points = view.points(name)
    low, high = points[:, 2].min(), points[:, 2].max()
    if "moka" in name:  # the pot is wider than the gripper: its lid's knob
        height, slab = high - 0.006, 0.011
    else:
        height, slab = max(low + FINGERTIP_M + 0.004, high - 0.020), 0.015
    slice_ = points[np.abs(points[:, 2] - height) < slab, :2]
    if len(slice_) < 12:
        slice_ = points[:, :2]
    axes = view.rot(name).T
    own = [np.arctan2(axis[1], axis[0]) for axis in axes if abs(axis[2]) < 0.3]
    angles = np.r_[np.arange(0, np.pi, np.pi / 12), own]
    along = np.c_[np.cos(angles), np.sin(angles)]
    across = np.c_[-along[:, 1], along[:, 0]]
    u, v = slice_ @ along.T, slice_ @ across.T
    width = u.max(0) - u.min(0)
    middle = along * ((u.max(0) + u.min(0)) / 2)[:, None]
    middle += across * ((v.max(0) + v.min(0)) / 2)[:, None]
    fits = width <= MAX_WIDTH_M
    if not fits.any():
        fits = width <= width.min() + 1e-9
    pos = np.c_[middle, np.full(len(angles), height)]
    return _Candidates(pos[fits], along[fits], 12 * width[fits])


def _scored(
    view: View, name: str, candidates: _Candidates, place: Vec | None, leans: tuple[float, ...]
) -> list[Grasp]:
    obstacles = view.obstacles(without=name)
    opening = np.array([folded(u) for u in candidates.opening])
    upright = [downward(u) for u in opening]
    scored: list[Grasp] = []
    for lean in leans:
        rot = np.array(
            [about((*u, 0.0), lean) @ down for u, down in zip(opening, upright, strict=True)]
        )
        pos = candidates.pos
        near = _hits(obstacles, pos, rot, OPEN_FINGERS, 0.003)
        fingers = _hits(obstacles, pos, rot, OPEN_FINGERS, -0.001)
        palm = _hits(obstacles, pos, rot, PALM, 0.002)
        reach = view.reach(pos)
        cost = candidates.cost + 0.3 * np.abs([yaw_of(u) for u in opening])
        cost = cost + np.minimum(near, 3) + 4.0 * np.minimum(fingers, 3) + np.minimum(palm, 3)
        cost = cost + (0.4 if lean else 0.0)
        if place is not None:
            there = np.c_[
                pos[:, :2] - view.origin(name)[:2] + place[:2],
                place[2] + pos[:, 2] - view.lowest(name) + 0.012,
            ]
            # Closed fingers too: open ones can straddle a wall that closed ones hit.
            tool = np.concatenate([OPEN_FINGERS, CLOSED_FINGERS, PALM])
            cost += np.minimum(_hits(obstacles, there, rot, tool, 0.001), 4)
            reach = np.maximum(reach, view.reach(there))
        cost += 30 * np.maximum(0, reach - 0.60)
        scored += [Grasp(pos[i], opening[i], rot[i], float(cost[i]), lean) for i in range(len(pos))]
    return sorted(scored, key=lambda grasp: grasp.cost)


def _hits(obstacles: Boxes, pos: Vec, rot: Vec, tool: Vec, margin: float) -> Vec:
    """Number of overlaps of the tool's boxes with obstacles, for each hand pose; shape (n,).

    Args:
        tool: Boxes in the hand frame, shape (num_boxes, 2, 3): centre, half sizes.
    """
    num_poses, num_boxes = len(pos), len(tool)
    centre = pos[:, None] + np.einsum("nij,kj->nki", rot, tool[:, 0])
    boxes = Boxes(
        centre.reshape(-1, 3),
        np.repeat(rot, num_boxes, axis=0),
        np.tile(tool[:, 1], (num_poses, 1)),
    )
    count = overlapping(boxes, obstacles, margin).sum(1)
    return np.asarray(count.reshape(num_poses, num_boxes).sum(1), float)
