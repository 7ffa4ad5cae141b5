"""The scene by names: where things are, how large they are, what stands in the way."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wamlab.core.errors import ContractError
from wamlab.core.scene import Scene
from wamlab.policies.experts.geometry import Boxes, Vec

ROBOT_PREFIXES = ("robot0", "gripper0", "mount0")
GRIP_SITE = "gripper0_grip_site"
SHOULDER_HEIGHT = 0.333  # m, second joint of the Panda above its base


class _Part(NamedTuple):
    """The collision shape of some bodies: geoms, and their points with the geom of each."""

    geoms: NDArray[np.int64]
    points: Vec
    geom_of_point: NDArray[np.int64]


class View:
    """What an expert sees: the newest scene of one episode, addressed by names."""

    def __init__(self, scene: Scene) -> None:
        if scene.layout is None:
            raise ContractError(
                "the first scene of the episode has no layout; expected one, so that names are "
                "known; begin the episode with its first observation"
            )
        self.layout = layout = scene.layout
        self.scene = scene
        self._body = {name: index for index, name in enumerate(layout.bodies)}
        self._site = {name: index for index, name in enumerate(layout.sites)}
        self._joint = {name: index for index, name in enumerate(layout.joints)}
        self._parts: dict[str, _Part] = {}
        self._points: dict[str, Vec] = {}
        self._is_robot = np.array(
            [layout.bodies[body].startswith(ROBOT_PREFIXES) for body in layout.geom_body]
        )

    def update(self, scene: Scene) -> None:
        self.scene = scene
        self._points.clear()

    # The hand

    @property
    def hand(self) -> Vec:
        """Point between the fingertips that the controller moves, m, shape (3,)."""
        return np.asarray(self.scene.site_pos[self._site[GRIP_SITE]])

    @property
    def hand_rot(self) -> Vec:
        return np.asarray(self.scene.site_rot[self._site[GRIP_SITE]])

    @property
    def finger_gap(self) -> float:
        """Distance between the fingers, m; about 0.08 when open."""
        return self.joint("gripper0_finger_joint1") - self.joint("gripper0_finger_joint2")

    def reach(self, points: Vec) -> Vec:
        """Distance from shoulder to wrist if a downward hand were there, m, shape (...).

        Comfortable below 0.66, impossible beyond 0.70 (measured on the Panda, 2026-11-24).
        """
        offset = points - self.scene.body_pos[self._body["robot0_base"]]
        outward = np.hypot(offset[..., 0], offset[..., 1]) - 0.088
        upward = offset[..., 2] + 0.204 - SHOULDER_HEIGHT
        return np.asarray(np.hypot(outward, upward))

    # Things by name

    @property
    def movable(self) -> tuple[str, ...]:
        """Objects that can be carried: those with a free joint."""
        free = set(self.layout.joint_body[np.isnan(self.scene.joint_q)])
        return tuple(name for name, body in self.layout.objects.items() if body in free)

    def is_object(self, name: str) -> bool:
        return name in self.layout.objects

    def origin(self, name: str) -> Vec:
        """Origin of an object or body, m, shape (3,)."""
        return np.asarray(self.scene.body_pos[self._index(name)])

    def rot(self, name: str) -> Vec:
        return np.asarray(self.scene.body_rot[self._index(name)])

    def site(self, name: str) -> Vec:
        return np.asarray(self.scene.site_pos[_lookup(self._site, name, "site")])

    def site_rot(self, name: str) -> Vec:
        return np.asarray(self.scene.site_rot[_lookup(self._site, name, "site")])

    def joint(self, name: str) -> float:
        return float(self.scene.joint_q[_lookup(self._joint, name, "joint")])

    def joint_anchor(self, name: str) -> Vec:
        return np.asarray(self.scene.joint_anchor[_lookup(self._joint, name, "joint")])

    def joint_body(self, name: str) -> str:
        body = self.layout.joint_body[_lookup(self._joint, name, "joint")]
        return str(self.layout.bodies[body])

    def geom_centres(self, name: str) -> Vec:
        """Origins of the geoms of an object or body, m, shape (n, 3)."""
        return np.asarray(self.scene.geom_pos[self._part(name).geoms])

    def geom_points(self, name: str) -> list[Vec]:
        """Surface points of each geom of an object or body, m, each (n, 3)."""
        part = self._part(name)
        owner = part.geom_of_point
        return [self.points(name)[owner == geom] for geom in part.geoms]

    def points(self, name: str) -> Vec:
        """Surface points of an object (with all its parts) or body, m, shape (n, 3)."""
        if name not in self._points:
            part, scene = self._part(name), self.scene
            rot, pos = scene.geom_rot[part.geom_of_point], scene.geom_pos[part.geom_of_point]
            self._points[name] = np.einsum("nij,nj->ni", rot, part.points) + pos
        return self._points[name]

    def lowest(self, name: str) -> float:
        return float(self.points(name)[:, 2].min())

    def highest(self, name: str) -> float:
        return float(self.points(name)[:, 2].max())

    def middle(self, name: str) -> Vec:
        """Middle of an object's bounding box, m, shape (3,)."""
        points = self.points(name)
        return np.asarray((points.min(0) + points.max(0)) / 2)

    def with_shape(self) -> list[str]:
        """Objects that have a collision shape."""
        return [name for name in self.layout.objects if len(self._part(name).geoms)]

    def obstacles(self, without: str) -> Boxes:
        """Bounding boxes of everything but the robot and one object."""
        keep = ~self._is_robot
        keep[self._part(without).geoms] = False
        rot, box = self.scene.geom_rot[keep], self.layout.geom_box[keep]
        centre = self.scene.geom_pos[keep] + np.einsum("nij,nj->ni", rot, box[:, :3])
        return Boxes(centre, rot, box[:, 3:])

    def _index(self, name: str) -> int:
        if name in self.layout.objects:
            return self.layout.objects[name]
        return _lookup(self._body, name, "object or body")

    def _part(self, name: str) -> _Part:
        if name not in self._parts:
            bodies = {self._index(name)}
            if name in self.layout.objects:  # a body by its own name is just that body
                for body, parent in enumerate(self.layout.parent):  # parents come first
                    if body and parent in bodies:
                        bodies.add(body)
            geoms = np.flatnonzero(np.isin(self.layout.geom_body, list(bodies)))
            shapes = [self.layout.geom_vertices[geom] for geom in geoms]
            self._parts[name] = _Part(
                geoms,
                np.concatenate(shapes) if shapes else np.zeros((0, 3)),
                np.repeat(geoms, [len(shape) for shape in shapes]),
            )
        return self._parts[name]


def _lookup(index: dict[str, int], name: str, kind: str) -> int:
    if name not in index:
        raise ContractError(f"the scene has no {kind} {name!r}; it has {', '.join(sorted(index))}")
    return index[name]
