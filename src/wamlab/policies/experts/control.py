"""Moves the hand: a proportional controller with waypoints that end when reached or stuck."""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from wamlab.policies.experts.geometry import Vec, angle_between, downward, rotation_vector
from wamlab.policies.experts.view import View

T = TypeVar("T")
Steps: TypeAlias = Generator[Vec, None, T]
"""A skill: yields one action (7,) per control step, returns how it went."""

Goal: TypeAlias = tuple[str, ...]
"""A predicate with its arguments, e.g. ("on", "akita_black_bowl_1", "plate_1")."""

OPEN, CLOSED = -1.0, 1.0
UNIT_M, UNIT_RAD = 0.05, 0.5  # what an action of 1 means; see the policy's spec

# Measured on the Panda's OSC controller at 20 Hz, 2026-11-24: an action of 1 moves 13 mm a step.
GAIN_POS = 1.5
GAIN_ROT = 1.2
GAIN_INTEGRAL = 0.12  # removes the steady error that gravity and reach leave
MAX_INTEGRAL_M = 0.03
STALL_STEPS = 12  # a fixed time limit per waypoint burned the whole episode in front of a wall
STALL_GAIN_M = 0.0005

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an episode is performed: faultless and at full speed unless told otherwise.

    Attributes:
        speed: Factor on every speed limit.
        waypoint_noise_m: Standard deviation of the points that are only passed.
        grasp_temperature: Spread of the choice among grasps, in units of their cost.
        miss_rate: Share of grasps that are off at first, and done again if they held nothing.
        miss_aside_m: How far off they are at most, horizontally.
        miss_height_m: From the grasp up; the lowest and highest that is drawn.
        grasp_offset_m: How far every grasp is off along the opening of the fingers.
        place_offset: Added to every place, m, shape (3,).
    """

    speed: float = 1.0
    waypoint_noise_m: float = 0.0
    grasp_temperature: float = 0.0
    miss_rate: float = 0.0
    miss_aside_m: float = 0.04
    miss_height_m: tuple[float, float] = (0.035, 0.06)
    grasp_offset_m: float = 0.0
    place_offset: Vec = field(default_factory=lambda: np.zeros(3))


class Arm:
    """One robot arm in one episode: what it sees, how it moves, which way it points."""

    def __init__(self, view: View, manner: Manner, rng: np.random.Generator) -> None:
        self.view = view
        self.manner = manner
        self.rng = rng
        self.rot = downward((0, 1))  # the last orientation that was asked for
        self.held = np.zeros(3)  # hand from the origin of what it grasped, before lifting
        self.held_height = 0.0  # hand above the lowest point of what it grasped, before lifting

    @property
    def pos(self) -> Vec:
        return self.view.hand

    def action(self, pos: Vec, rot: Vec, gripper: float, speed: float = 1.0) -> Vec:
        """The action that moves towards a pose, shape (7,)."""
        move = GAIN_POS * (pos - self.view.hand) / UNIT_M
        limit, largest = speed * self.manner.speed, np.abs(move).max()
        if largest > limit:
            move = move * (limit / largest)  # not per axis: the path stays straight
        turn = GAIN_ROT * rotation_vector(rot @ self.view.hand_rot.T) / UNIT_RAD
        return np.concatenate([move, np.clip(turn, -1, 1), [gripper]])

    def go(
        self,
        pos: ArrayLike,
        rot: Vec | None = None,
        *,
        gripper: float,
        tol: float = 0.008,
        rot_tol: float = 0.08,
        speed: float = 1.0,
        max_steps: int = 80,
    ) -> Steps[bool]:
        """Moves to a pose; ends within tolerance (m, rad), or when nothing moves any more.

        Args:
            rot: Orientation; None keeps the last one.

        Returns:
            Whether the pose was reached.
        """
        if rot is not None:
            self.rot = rot
        target = np.asarray(pos, float)
        integral, best, stalled = np.zeros(3), np.inf, 0
        for _ in range(max_steps):
            offset = target - self.view.hand
            distance, turn = float(np.linalg.norm(offset)), self.turn_left()
            if distance < tol and turn < rot_tol:
                return True
            if distance < MAX_INTEGRAL_M:
                integral += GAIN_INTEGRAL * offset
                integral = np.clip(integral, -MAX_INTEGRAL_M, MAX_INTEGRAL_M)
            if distance + 0.05 * turn < best - STALL_GAIN_M:
                best, stalled = distance + 0.05 * turn, 0
            else:
                stalled += 1
            if stalled >= STALL_STEPS / self.manner.speed:
                break
            yield self.action(target + integral, self.rot, gripper, speed)
        log.debug(
            "stuck %.3f m and %.2f rad from %s, at %s", distance, turn, target, self.view.hand
        )
        return False

    def pass_by(
        self,
        pos: ArrayLike,
        rot: Vec | None = None,
        *,
        gripper: float,
        tol: float = 0.03,
        rot_tol: float = 9.0,
        max_steps: int = 100,
    ) -> Steps[bool]:
        """Moves through a point that only keeps the way clear; noise may be added to it."""
        point = np.asarray(pos, float)
        noise = self.manner.waypoint_noise_m
        if noise:
            point = point + self.rng.normal(0, noise, 3)
        return (
            yield from self.go(
                point, rot, gripper=gripper, tol=tol, rot_tol=rot_tol, max_steps=max_steps
            )
        )

    def stay(self, num_steps: int, gripper: float, pos: Vec | None = None) -> Steps[None]:
        """Keeps its place, or drives to `pos`, for some steps."""
        place = self.view.hand.copy() if pos is None else pos
        for _ in range(num_steps):
            yield self.action(place, self.rot, gripper)

    def turn_left(self) -> float:
        """Angle between the hand and the orientation that was asked for, rad."""
        return angle_between(self.view.hand_rot, self.rot)

    def nearest(self, *rots: Vec) -> Vec:
        """The orientation with the least turn from the last one."""
        return min(rots, key=lambda rot: angle_between(self.rot, rot))
