"""The simulator's full knowledge of a scene, for policies that are allowed to cheat.

Scripted experts read it; learned policies never do (`PolicySpec.needs_scene`). It crosses the
process border as plain arrays, so that no policy needs the simulator's library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneLayout:
    """What stays the same during an episode: names, the body tree, collision shapes.

    Attributes:
        bodies: Body names by index; index 0 is the world.
        parent: Index of each body's parent, int, shape (num_bodies,).
        joints: Joint names by index (free joints included).
        joint_body: Body that each joint moves, int, shape (num_joints,).
        sites: Site names by index.
        geom_body: Body of each collision geom, int, shape (num_geoms,). Planes and geoms
            that collide with nothing are left out; those of the robot are included.
        geom_box: Bounding box of each geom in its own frame, centre and half sizes in m,
            float64, shape (num_geoms, 6).
        geom_vertices: Surface points of each geom in its own frame, m, each (num_points, 3).
        objects: Name of a movable object or fixture -> index of its body.
        goals: Conjunction of predicates, e.g. (("on", "akita_black_bowl_1", "plate_1"),).
    """

    bodies: tuple[str, ...]
    parent: NDArray[np.int64]
    joints: tuple[str, ...]
    joint_body: NDArray[np.int64]
    sites: tuple[str, ...]
    geom_body: NDArray[np.int64]
    geom_box: NDArray[np.float64]
    geom_vertices: tuple[NDArray[np.float64], ...]
    objects: Mapping[str, int]
    goals: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where everything is at one control step; world frame, metres, radians, float64.

    Attributes:
        layout: Only with the first observation of an episode, None afterwards.
        body_pos: Shape (num_bodies, 3); `body_rot` is (num_bodies, 3, 3).
        geom_pos: Shape (num_geoms, 3); `geom_rot` is (num_geoms, 3, 3).
        site_pos: Shape (num_sites, 3); `site_rot` is (num_sites, 3, 3).
        joint_anchor: A point on each joint's axis, shape (num_joints, 3).
        joint_q: Angle (rad) or displacement (m) of each joint, shape (num_joints,);
            NaN for free joints.
        contacts: Pairs of geoms that touch, int, shape (num_contacts, 2), by geom index of the
            layout.
    """

    layout: SceneLayout | None
    body_pos: NDArray[np.float64]
    body_rot: NDArray[np.float64]
    geom_pos: NDArray[np.float64]
    geom_rot: NDArray[np.float64]
    site_pos: NDArray[np.float64]
    site_rot: NDArray[np.float64]
    joint_anchor: NDArray[np.float64]
    joint_q: NDArray[np.float64]
    contacts: NDArray[np.int64]
