"""Things with joints: drawers, the stove's knob, the microwave's door."""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np

from wamlab.policies.experts.control import CLOSED, OPEN, Arm, Steps
from wamlab.policies.experts.geometry import UP, Vec, about, downward, folded, tilted
from wamlab.policies.experts.view import View

log = logging.getLogger(__name__)

PULL_TILT_RAD = 1.45  # flatter would hit the handle of the drawer above (1.05 does)
PUSH_TILT_RAD = 0.9
PULL_M = 0.18
OPEN_Q = -0.13  # m; the predicate asks for less than -0.14 at the end of the pull
LEVELS = ("top", "middle", "bottom")
IN_DRAWER_M = 0.10  # an object nearer to a drawer's region stands in the drawer
OVERHANG_MARGIN_M = 0.008
MAX_OPEN_M = 0.16
FULLY_OPEN_Q = -0.158
PANEL_M, HANDLE_M = 0.010, 0.15  # a drawer's front is thinner, and wider than its handle
KNOB_TURN_RAD = 1.3  # leads to about 1.28; "on" begins at 0.5
KNOB_ON_RAD = 0.5


class Drawer(NamedTuple):
    """One drawer of a cabinet.

    Attributes:
        bar: Middle of its handle, m, shape (3,).
        outward: Direction in which it opens, shape (3,).
        joint: Name of its slide joint; 0 is closed, -0.16 fully open.
        body: Name of its body.
    """

    bar: Vec
    outward: Vec
    joint: str
    body: str


def drawer(view: View, region: str) -> Drawer:
    """The drawer that a region like "white_cabinet_1_bottom_region" belongs to."""
    cabinet, _, level = region.removesuffix("_region").rpartition("_")
    body = f"{cabinet}_cabinet_{level}"
    outward = -view.rot(body)[:, 1]
    centres = view.geom_centres(body)
    return Drawer(centres[np.argmax(centres @ outward)], outward, f"{cabinet}_{level}_level", body)


class Opening(NamedTuple):
    """Where things go down into a drawer, measured from its region outwards, m.

    Attributes:
        inner: Edge of what overhangs it: the cabinet, the handles of shut drawers above.
        outer: Inner face of its front.
    """

    inner: float
    outer: float


def opening(view: View, region: str) -> Opening:
    """The free way down into an open drawer."""
    _, outward, _, body = drawer(view, region)
    site = view.site(region)
    cabinet = body[: body.index("_cabinet_")]
    parts = [name for name in view.layout.bodies if name.startswith(f"{cabinet}_")]
    above = [
        points[points[:, 2] > site[2]]
        for name in parts
        if name != body and len(points := view.points(name))
    ]
    inner = max(float(((points - site) @ outward).max()) for points in above if len(points))
    faces = [
        float(along.min())
        for points in view.geom_points(body)
        if np.ptp(along := (points - site) @ outward) < PANEL_M and along.min() > 0
        if np.ptp(points @ np.cross(UP, outward)) > HANDLE_M
    ]
    return Opening(inner, min(faces))


def out_of_drawer(view: View, name: str) -> Vec:
    """How far an object must be moved before it can be lifted out of a drawer, m, shape (3,).

    Zero unless it stands in an open drawer, below the cabinet's edge or a handle.
    """
    origin = view.origin(name)
    for region in view.layout.sites:
        if not region.endswith(tuple(f"_{level}_region" for level in LEVELS)):
            continue
        if np.linalg.norm(view.site(region) - origin) > IN_DRAWER_M or not is_open(view, region):
            continue
        outward, way = drawer(view, region).outward, opening(view, region)
        along = (view.points(name) - view.site(region)) @ outward
        hidden = way.inner + OVERHANG_MARGIN_M - float(along.min())
        room = way.outer - float(along.max())
        return np.asarray(min(max(0.0, hidden), max(0.0, room)) * outward)
    return np.zeros(3)


def is_open(view: View, region: str) -> bool:
    return view.joint(drawer(view, region).joint) <= -0.10


def open_drawer(arm: Arm, region: str, *, tries: int = 3) -> Steps[bool]:
    """Takes the handle between the fingers, hand nearly horizontal, and pulls."""
    for _ in range(tries):
        bar, outward, joint, _ = drawer(arm.view, region)
        rot = tilted(folded(outward), outward, PULL_TILT_RAD)
        out = rot[:, 2]
        grip = bar - 0.002 * out + arm.manner.grasp_offset_m * rot[:, 0]
        yield from arm.pass_by(bar + 0.16 * outward + 0.08 * UP, rot, gripper=OPEN, rot_tol=0.2)
        yield from arm.go(grip - 0.07 * out, rot, gripper=OPEN, tol=0.012, rot_tol=0.1)
        yield from arm.go(grip, rot, gripper=OPEN, tol=0.006, rot_tol=0.1, speed=0.5, max_steps=40)
        yield from arm.stay(8, CLOSED, grip)
        yield from arm.go(
            grip + PULL_M * outward, rot, gripper=CLOSED, tol=0.025, rot_tol=0.4, max_steps=60
        )
        yield from arm.stay(4, OPEN)
        log.debug("pulled %s to %.3f", joint, arm.view.joint(joint))
        yield from arm.pass_by(arm.pos - 0.07 * out, rot, gripper=OPEN, tol=0.035, rot_tol=0.6)
        if arm.view.joint(joint) < OPEN_Q:
            break
    yield from arm.pass_by(
        arm.pos + 0.12 * UP, downward((0, 1)), gripper=OPEN, tol=0.06, rot_tol=1.0
    )
    return is_open(arm.view, region)


def widen_drawer(arm: Arm, region: str, *, needed_m: float) -> Steps[None]:
    """Pushes a drawer further open from inside, if the way down into it is too narrow."""
    view = arm.view
    _, outward, joint, _ = drawer(view, region)
    way = opening(view, region)
    if way.outer - way.inner >= needed_m or view.joint(joint) < FULLY_OPEN_Q:
        return
    rot = arm.nearest(downward(np.cross(UP, outward)), downward(np.cross(outward, UP)))
    inside = view.site(region) + (way.outer - 0.022) * outward + 0.012 * UP
    push = view.joint(joint) + MAX_OPEN_M + 0.03
    yield from arm.pass_by(inside + 0.12 * UP, rot, gripper=CLOSED, rot_tol=0.3)
    yield from arm.go(inside, rot, gripper=CLOSED, tol=0.01, rot_tol=0.1)
    yield from arm.go(
        inside + push * outward, rot, gripper=CLOSED, tol=0.01, rot_tol=0.3, speed=0.6, max_steps=30
    )
    log.debug("widened %s to %.4f", joint, view.joint(joint))
    yield from arm.pass_by(arm.pos - 0.01 * outward + 0.12 * UP, rot, gripper=OPEN)


def close_drawer(arm: Arm, region: str) -> Steps[bool]:
    """Pushes the handle with closed fingers, past flush: only then it counts as closed."""
    bar, outward, joint, _ = drawer(arm.view, region)
    rot = tilted(folded((-outward[1], outward[0])), outward, PUSH_TILT_RAD)
    if arm.pos[2] < bar[2] + 0.2:
        yield from arm.pass_by(np.r_[arm.pos[:2], bar[2] + 0.22], gripper=CLOSED)
    # Turned only in front of the cabinet: above the drawer the wrist would hit it.
    yield from arm.pass_by(bar + 0.12 * outward + 0.22 * UP, gripper=CLOSED, tol=0.05)
    touch = bar + 0.006 * UP + arm.manner.grasp_offset_m * rot[:, 0]
    yield from arm.pass_by(bar + 0.10 * outward + 0.12 * UP, rot, gripper=CLOSED, rot_tol=0.3)
    yield from arm.go(touch + 0.07 * outward, rot, gripper=CLOSED, tol=0.015, rot_tol=0.2)
    push = abs(arm.view.joint(joint)) + 0.03
    yield from arm.go(
        touch - push * outward, rot, gripper=CLOSED, tol=0.005, rot_tol=0.5, speed=0.7
    )
    log.debug("pushed %s to %.4f", joint, arm.view.joint(joint))
    return arm.view.joint(joint) > 0.0


def turn_on(arm: Arm, stove: str, *, tries: int = 3) -> Steps[bool]:
    """Turns the stove's knob with the wrist."""
    view, joint = arm.view, f"{stove}_button"
    knob = view.joint_body(joint)
    for _ in range(tries):
        if view.joint(joint) >= KNOB_ON_RAD:
            break
        rot = downward(folded(view.rot(knob)[:2, 1]))
        grip = np.r_[view.joint_anchor(joint)[:2], view.highest(knob) - 0.018]
        grip = grip + arm.manner.grasp_offset_m * rot[:, 0]
        if np.linalg.norm(arm.pos[:2] - grip[:2]) > 0.05 and arm.pos[2] < grip[2] + 0.15:
            yield from arm.pass_by(np.r_[arm.pos[:2], grip[2] + 0.2], gripper=OPEN)
        yield from arm.go(
            grip + 0.10 * UP, rot, gripper=OPEN, tol=0.015, rot_tol=0.15, max_steps=100
        )
        yield from arm.go(grip, rot, gripper=OPEN, tol=0.006, rot_tol=0.1, speed=0.6, max_steps=50)
        yield from arm.stay(9, CLOSED, grip)
        turned = about(UP, KNOB_TURN_RAD) @ rot
        yield from arm.go(grip, turned, gripper=CLOSED, tol=0.01, rot_tol=0.1, max_steps=50)
        log.debug("turned %s to %.2f", joint, view.joint(joint))
        yield from arm.stay(6, OPEN, grip)
        yield from arm.go(grip + 0.10 * UP, turned, gripper=OPEN, tol=0.02, rot_tol=1.0)
    return view.joint(joint) >= KNOB_ON_RAD
