"""A world without physics: a hand that follows actions, a can, a bowl, a plate and a wall."""

import numpy as np

from wamlab.core.scene import Scene, SceneLayout

STEP_M = 0.013  # what an action of 1 moves the hand in one control step, as on the real arm
STEP_RAD = 0.065
HAND_START = (-0.1, 0.0, 1.15)
TABLE_Z = 0.9


def ring(radius, height, num_points=24):
    """Points on the lower and upper edge of a cylinder that stands on its origin."""
    angles = np.linspace(0, 2 * np.pi, num_points, endpoint=False)
    edge = np.c_[radius * np.cos(angles), radius * np.sin(angles)]
    return np.vstack([np.c_[edge, np.full(num_points, z)] for z in (0, height / 2, height)])


def box(half):
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    return corners * half


SHAPES = {  # name -> (points, position)
    "can_1": (ring(0.033, 0.10), (0.0, 0.1, TABLE_Z)),
    "black_bowl_1": (ring(0.055, 0.05), (0.05, -0.1, TABLE_Z)),
    "black_bowl_2": (ring(0.055, 0.05), (-0.15, -0.2, TABLE_Z)),
    "plate_1": (ring(0.07, 0.02), (0.1, 0.05, TABLE_Z)),
    "wall_1": (box((0.10, 0.002, 0.05)), (0.0, 0.5, TABLE_Z + 0.05)),
}
FIXED = ("wall_1",)
BODIES = ("world", "robot0_base", "gripper0_hand", *SHAPES)
JOINTS = (
    "gripper0_finger_joint1",
    "gripper0_finger_joint2",
    *(f"{name}_joint0" for name in SHAPES if name not in FIXED),
)


def layout(goals=(("on", "can_1", "plate_1"),)):
    boxes = []
    for points, _ in SHAPES.values():
        low, high = points.min(0), points.max(0)
        boxes.append(np.r_[(low + high) / 2, (high - low) / 2])
    first = BODIES.index("can_1")
    movable = [name for name in SHAPES if name not in FIXED]
    return SceneLayout(
        bodies=BODIES,
        parent=np.array([0, 0, 1, *[0] * len(SHAPES)]),
        joints=JOINTS,
        joint_body=np.array([2, 2, *(BODIES.index(name) for name in movable)]),
        sites=("gripper0_grip_site", "desk_region"),
        geom_body=np.arange(first, len(BODIES)),
        geom_box=np.array(boxes),
        geom_vertices=tuple(points for points, _ in SHAPES.values()),
        objects={name: BODIES.index(name) for name in SHAPES},
        goals=goals,
    )


class ToyWorld:
    """Moves the hand as told; what is between closing fingers goes with it."""

    def __init__(self, goals=(("on", "can_1", "plate_1"),)):
        self.layout = layout(goals)
        self.hand = np.array(HAND_START)
        self.rot = np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1.0]])
        self.gap = 0.08
        self.objects = {name: np.array(pos, float) for name, (_, pos) in SHAPES.items()}
        self.held = None

    def scene(self, *, with_layout=True):
        pos = np.array([np.zeros(3), [-0.66, 0, 0.912], self.hand, *self.objects.values()])
        rot = np.tile(np.eye(3), (len(pos), 1, 1))
        num_geoms = len(self.layout.geom_body)
        joint_q = np.full(len(JOINTS), np.nan)
        joint_q[:2] = self.gap / 2, -self.gap / 2
        return Scene(
            layout=self.layout if with_layout else None,
            body_pos=pos,
            body_rot=rot,
            geom_pos=pos[-num_geoms:],
            geom_rot=rot[-num_geoms:],
            site_pos=np.array([self.hand, [0.2, -0.2, TABLE_Z]]),
            site_rot=np.array([self.rot, np.eye(3)]),
            joint_anchor=np.zeros((len(JOINTS), 3)),
            joint_q=joint_q,
            contacts=np.zeros((0, 2), np.int64),
        )

    def step(self, action):
        before = self.hand.copy()
        self.hand = self.hand + STEP_M * np.clip(action[:3], -1, 1)
        self._turn(STEP_RAD * np.clip(action[3:6], -1, 1))
        self.gap = float(np.clip(self.gap - 0.008 * np.sign(action[6]), self._min_gap(), 0.08))
        if action[6] < 0:
            self._drop()
        elif self.held is None and self.gap < self._min_gap() + 1e-6:
            self.held = self._between_fingers()
        if self.held:
            self.objects[self.held] += self.hand - before

    def run(self, steps, view, max_steps=600):
        """Executes a skill; returns what the skill returned and the number of steps."""
        for step in range(max_steps):
            try:
                action = next(steps)
            except StopIteration as end:
                return end.value, step
            self.step(action)
            view.update(self.scene(with_layout=False))
        raise AssertionError(f"the skill did not end within {max_steps} steps")

    def _between_fingers(self):
        """The can if the fingers are around it, or a hollow thing whose wall is between them."""
        if self._is_around("can_1"):
            return "can_1"
        for name in ("black_bowl_1", "black_bowl_2", "plate_1"):
            local = (SHAPES[name][0] + self.objects[name] - self.hand) @ self.rot
            if (np.abs(local) < (0.036, 0.012, 0.020)).all(1).any():
                return name
        return None

    def _is_around(self, name):
        offset = self.hand - self.objects[name]
        return bool(np.hypot(offset[0], offset[1]) < 0.01 and 0 < offset[2] < 0.112)

    def _min_gap(self):
        name = self.held or self._between_fingers()
        return {None: 0.0, "can_1": 0.066}.get(name, 0.008)

    def _drop(self):
        if self.held:
            self.objects[self.held][2] = TABLE_Z
        self.held = None

    def _turn(self, rotation_vector):
        angle = np.linalg.norm(rotation_vector)
        if angle > 1e-9:
            x, y, z = rotation_vector / angle
            cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
            turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
            self.rot = turn @ self.rot
