"""Picks things up and puts them down."""

from __future__ import annotations

import logging

import numpy as np

from wamlab.policies.experts.articulated import out_of_drawer
from wamlab.policies.experts.control import CLOSED, OPEN, Arm, Steps
from wamlab.policies.experts.geometry import UP, Vec, downward
from wamlab.policies.experts.grasps import Grasp, distinct, grasps, nearest_grasp, opened_along
from wamlab.policies.experts.places import Place
from wamlab.policies.experts.view import View

log = logging.getLogger(__name__)

LAY_STEPS = 4
LAY_TOUCH_M = 0.002
LAY_SPEED = 0.6  # its rim gives little hold
LOST_M = 0.03
NOWHERE = np.zeros(3)
EMPTY_M = 0.01  # between the fingers
MISS_RISE_M = (0.02, 0.12)


def pick(
    arm: Arm,
    name: str,
    place: Place | None,
    *,
    tries: int = 3,
    lift_m: float = 0.10,
    opening: Vec | None = None,
) -> Steps[bool]:
    """Grasps an object and lifts it, with other grasps if one fails.

    Args:
        place: Where it will be put, so that the grasp fits there; None ignores that.
        opening: Horizontal direction in which the fingers must open; None for any.
    """
    view = arm.view
    if place is not None:  # at once as high as it will be carried
        lift_m = max(lift_m, carry_height(arm, name, place) - view.lowest(name))
    misses = arm.manner.miss_rate > 0 and arm.rng.random() < arm.manner.miss_rate
    for attempt in range(-1 if misses else 0, tries):
        choices = _choices(arm, name, place, opening)
        grasp = choices[min(max(attempt, 0), len(choices) - 1)]
        aside = _aside(arm) if attempt < 0 else NOWHERE
        log.debug("pick %s at %s + %s, cost %.2f", name, grasp.pos, aside, grasp.cost)
        pos = yield from _approach(arm, name, grasp, aside)
        height = view.origin(name)[2]
        arm.held, arm.held_height = pos - view.origin(name), pos[2] - view.lowest(name)
        yield from close_fingers(arm, pos)
        if attempt < 0 and view.finger_gap < EMPTY_M:
            yield from _rise_from_miss(arm, pos)
            continue
        if np.linalg.norm(shift := out_of_drawer(view, name)) > 0.002:
            pos = pos + shift
            yield from arm.go(pos, gripper=CLOSED, tol=0.004, rot_tol=0.3, speed=0.5, max_steps=30)
        speed = LAY_SPEED if hangs(name) else 0.8
        yield from arm.go(
            pos + lift_m * UP, gripper=CLOSED, tol=min(0.02, lift_m / 3), rot_tol=0.3, speed=speed
        )
        risen = view.origin(name)[2] - height
        if risen > (0.015 if hangs(name) else 0.5 * lift_m) and view.finger_gap > 0.001:
            return True
        log.debug("missed %s: rose %.3f m, gap %.3f m", name, risen, view.finger_gap)
        yield from arm.stay(6, OPEN, pos + lift_m * UP)
    return False


def _choices(arm: Arm, name: str, place: Place | None, opening: Vec | None) -> list[Grasp]:
    """Grasps that clearly differ, best first."""
    options = grasps(arm.view, name, place.point if place and place.choose_grasp else None)
    if opening is not None:
        options = opened_along(options, opening)
    return distinct(_shuffled(arm, options))


def _aside(arm: Arm) -> Vec:
    """How far off a grasp is that is meant to miss: how to go on is worth showing."""
    angle, radius = arm.rng.uniform(0, 2 * np.pi), arm.rng.uniform(0, arm.manner.miss_aside_m)
    height = arm.rng.uniform(*arm.manner.miss_height_m)
    return np.array([radius * np.cos(angle), radius * np.sin(angle), height])


def _rise_from_miss(arm: Arm, pos: Vec) -> Steps[None]:
    up = pos + arm.rng.uniform(*MISS_RISE_M) * UP
    yield from arm.go(up, gripper=CLOSED, tol=0.015, rot_tol=0.3, speed=0.8)
    yield from arm.stay(4, OPEN, up)


def close_fingers(arm: Arm, pos: Vec) -> Steps[None]:
    """Closes until the fingers stop moving."""
    gaps: list[float] = []
    for step in range(20):
        yield arm.action(pos, arm.rot, CLOSED)
        gaps.append(arm.view.finger_gap)
        if step >= 6 and abs(gaps[-1] - gaps[-4]) < 0.0008:
            return


def put(arm: Arm, name: str, place: Place) -> Steps[bool]:
    """Carries the held object to a place and lets go of it.

    Returns:
        False if the object was lost on the way.
    """
    view = arm.view
    yield from _rise(arm, name, place)
    rot = arm.rot
    if place.opening is not None:
        rot = arm.nearest(downward(place.opening), downward(-place.opening))
        yield from arm.go(arm.pos, rot, gripper=CLOSED, tol=0.05, rot_tol=0.1, max_steps=60)
    for tol in (0.012, 0.006):  # twice: the object may turn in the fingers
        if not holds(arm, name):
            return (yield from _give_up(arm, name))
        above = np.r_[place.xy + _held(arm, name, place), arm.pos[2]]
        yield from arm.go(above, rot, gripper=CLOSED, tol=tol, rot_tol=0.3, max_steps=70)
    height = arm.pos[2] - view.lowest(name) + place.support_z + place.drop_m
    target = np.r_[place.xy + _held(arm, name, place), max(height, place.min_hand_z)]
    yield from arm.go(target, rot, gripper=CLOSED, tol=0.006, rot_tol=0.3, speed=0.6, max_steps=50)
    yield from arm.stay(2, CLOSED, target)
    yield from _let_go(arm, name, place, target)
    return True


def holds(arm: Arm, name: str) -> bool:
    """Whether an object is still between the fingers: it may turn there, but not move away."""
    distance = np.linalg.norm(arm.pos - arm.view.origin(name))
    moved = abs(float(distance - np.linalg.norm(arm.held)))
    return moved < LOST_M and arm.view.finger_gap > 0.001


def hangs(name: str) -> bool:
    """Whether an object tilts when it is lifted by its rim."""
    return "plate" in name


def lay_down(arm: Arm, name: str, place: Place) -> Steps[bool]:
    """Lays down a plate that hangs from the hand: far edge first, then the hand in an arc.

    Let go while it hangs, a plate counts as placed at the first touch and slides away.

    Returns:
        False if the plate was lost on the way.
    """
    view = arm.view
    yield from _rise(arm, name, place, speed=LAY_SPEED)
    outward = arm.held * [1, 1, 0]  # from the plate's middle to the hand, once it lies
    far_edge = np.r_[place.xy, place.support_z] - outward
    for tol in (0.012, 0.006):
        if not holds(arm, name):
            return (yield from _give_up(arm, name))
        above = arm.pos + (far_edge - _lowest_point(view, name)) * [1, 1, 0]
        yield from arm.go(
            above, gripper=CLOSED, tol=tol, rot_tol=0.3, speed=LAY_SPEED, max_steps=70
        )
    down = (view.lowest(name) - place.support_z - LAY_TOUCH_M) * UP
    yield from arm.go(arm.pos - down, gripper=CLOSED, tol=0.006, rot_tol=0.3, speed=0.6)
    reach = (arm.pos - far_edge) * [1, 1, 0]
    height = arm.pos[2] - place.support_z
    for angle in np.linspace(0, np.pi / 2, LAY_STEPS + 1)[1:]:
        across = reach + np.sin(angle) * (2 * outward - reach)
        level = max(np.cos(angle) * height, arm.held_height)
        yield from arm.go(
            far_edge + across + level * UP, gripper=CLOSED, tol=0.012, rot_tol=0.3, speed=0.6
        )
    if not holds(arm, name):
        return (yield from _give_up(arm, name))
    for _ in range(3):  # it lies: slide it to where it belongs
        shift = np.r_[place.xy - view.origin(name)[:2], 0]
        yield from arm.go(arm.pos + shift, gripper=CLOSED, tol=0.004, rot_tol=0.3, speed=0.5)
    yield from _let_go(arm, name, place, arm.pos.copy())
    return True


def carry_height(arm: Arm, name: str, place: Place) -> float:
    """Height of an object's lowest point at which it can be carried to a place, m."""
    over = clearance(arm, name, place.xy) if place.over_obstacles else 0.0
    return max(place.carry_z, over)


def clearance(arm: Arm, name: str, xy: Vec) -> float:
    """Height above everything within 12 cm of the straight way to a place, m."""
    view = arm.view
    start = view.origin(name)[:2]
    way = xy - start
    height = 0.0
    for other in view.with_shape():
        if other == name:
            continue
        points = view.points(other)
        along = np.clip((points[:, :2] - start) @ way / (way @ way + 1e-9), 0, 1)
        aside = np.linalg.norm(points[:, :2] - (start + along[:, None] * way), axis=1)
        near = points[aside < 0.12, 2]
        if len(near):
            height = max(height, float(near.max()) + 0.02)
    return height


def _shuffled(arm: Arm, options: list[Grasp]) -> list[Grasp]:
    """The grasps in another order, if the manner asks for variety."""
    manner = arm.manner
    if manner.grasp_temperature:
        costs = np.array([grasp.cost for grasp in options])
        shaken = costs + manner.grasp_temperature * arm.rng.gumbel(size=len(costs))
        options = [options[i] for i in np.argsort(shaken)]
    return options


def _approach(arm: Arm, name: str, grasp: Grasp, aside: Vec = NOWHERE) -> Steps[Vec]:
    """Moves the open hand around the object; returns where the hand now is meant to be.

    Args:
        aside: From the object to where the hand goes in its place, m, shape (3,).
    """
    rot, out = grasp.rot, grasp.rot[:, 2]
    aside = aside + arm.manner.grasp_offset_m * rot[:, 0]
    pos = grasp.pos + aside
    if np.linalg.norm(arm.pos[:2] - pos[:2]) > 0.08 and arm.pos[2] < pos[2] + 0.10:
        yield from arm.pass_by(np.r_[arm.pos[:2], pos[2] + 0.15], gripper=OPEN)
    if grasp.lean_rad:
        pos = pos + 0.006 * out
        above = (pos - 0.14 * out)[:2]
        yield from arm.pass_by(
            np.r_[above, max(arm.pos[2], pos[2] + 0.15)], rot, gripper=OPEN, rot_tol=0.3
        )
        yield from arm.go(pos - 0.12 * out, rot, gripper=OPEN, tol=0.02, rot_tol=0.15)
    else:
        height = max(pos[2] + 0.08, min(arm.pos[2], pos[2] + 0.20))
        yield from arm.pass_by(np.r_[pos[:2], height], rot, gripper=OPEN, tol=0.015, rot_tol=0.15)
        pos = _followed(arm, name, grasp) + aside
    yield from arm.go(pos - 0.04 * out, rot, gripper=OPEN, tol=0.010, rot_tol=0.08)
    if not grasp.lean_rad:
        pos = _followed(arm, name, grasp) + aside
    yield from arm.go(pos, rot, gripper=OPEN, tol=0.005, rot_tol=0.08, speed=0.6, max_steps=30)
    return pos


def _followed(arm: Arm, name: str, grasp: Grasp) -> Vec:
    """Where the grasp is now: initial states hold objects above the table, some settle slowly."""
    return nearest_grasp(grasps(arm.view, name), grasp).pos


def _rise(arm: Arm, name: str, place: Place, *, speed: float = 1.0) -> Steps[None]:
    """Lifts the held object to where it can be carried, if it is not yet there."""
    rise = carry_height(arm, name, place) - arm.view.lowest(name)
    if rise > 0.01:
        yield from arm.go(arm.pos + rise * UP, gripper=CLOSED, tol=0.01, rot_tol=0.3, speed=speed)


def _let_go(arm: Arm, name: str, place: Place, pos: Vec) -> Steps[None]:
    log.debug("release %s at %s for %s", name, arm.view.origin(name), place)
    yield from arm.stay(place.open_steps, OPEN, pos)
    yield from arm.go(pos + place.retreat_m * UP, gripper=OPEN, tol=0.02)


def _give_up(arm: Arm, name: str) -> Steps[bool]:
    log.debug("lost %s at %s", name, arm.view.origin(name))
    yield from arm.stay(8, OPEN)
    return False


def _held(arm: Arm, name: str, place: Place) -> Vec:
    """Where the hand is, seen from the point of the object that goes to the place; (x, y)."""
    point = arm.view.middle(name) if place.by_middle else arm.view.origin(name)
    return np.asarray(arm.pos[:2] - point[:2])


def _lowest_point(view: View, name: str) -> Vec:
    points = view.points(name)
    return np.asarray(points[points[:, 2] < points[:, 2].min() + 0.004].mean(0))
