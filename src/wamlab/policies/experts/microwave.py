"""The microwave: a cup goes in sideways, then the door is swept shut."""

from __future__ import annotations

import logging

import numpy as np

from wamlab.policies.experts.control import CLOSED, OPEN, Arm, Steps
from wamlab.policies.experts.geometry import UP, about, downward, folded, tilted
from wamlab.policies.experts.grasps import rim_circle

log = logging.getLogger(__name__)

LEAN_RAD = 0.75  # the hand leans out of the microwave, so that only the fingers go in
FLOOR_M = 0.024  # inner floor above the microwave's origin
FRONT_M = 0.088  # front face from the origin
DOOR_GRIP = 0.85  # where the door is pushed, as a fraction of its length
NUM_SWEEP = 12


def put_in_microwave(arm: Arm, name: str, region: str) -> Steps[bool]:
    """Holds a cup by the outer side of its rim, slides it in and backs out."""
    view = arm.view
    oven = region.removesuffix("_heating_region")
    outward = -view.rot(oven)[:, 1]
    rot = tilted(folded(outward), outward, LEAN_RAD)
    out = rot[:, 2]
    centre, radius = rim_circle(view, name)
    grip = np.r_[centre + (radius - 0.003) * outward[:2], view.highest(name) - 0.010]
    grip = grip + arm.manner.grasp_offset_m * rot[:, 0]
    yield from arm.pass_by(grip - 0.14 * out + 0.05 * UP, rot, gripper=OPEN, rot_tol=0.2)
    yield from arm.go(grip - 0.05 * out, rot, gripper=OPEN, tol=0.01, rot_tol=0.1)
    yield from arm.go(grip, rot, gripper=OPEN, tol=0.005, rot_tol=0.1, speed=0.6)
    yield from arm.stay(10, CLOSED, grip)
    yield from arm.go(grip + 0.07 * UP, rot, gripper=CLOSED, tol=0.01, rot_tol=0.3, speed=0.6)
    floor = view.origin(oven)[2] + FLOOR_M
    front = view.origin(oven) + FRONT_M * outward
    middle = view.site(region) + arm.manner.place_offset
    for depth, height in ((-0.13, 0.012), (0.035, 0.012), (0.035, 0.002)):
        want = np.array([middle[0], (front - depth * outward)[1]])
        shift = np.r_[want - view.origin(name)[:2], floor + height - view.lowest(name)]
        yield from arm.go(
            arm.pos + shift, rot, gripper=CLOSED, tol=0.008, rot_tol=0.3, speed=0.7, max_steps=60
        )
    log.debug("release %s at %s", name, view.origin(name))
    yield from arm.stay(8, OPEN)
    yield from arm.go(arm.pos + 0.025 * UP, rot, gripper=OPEN, tol=0.01, rot_tol=0.4, max_steps=20)
    yield from arm.pass_by(arm.pos + 0.16 * outward + 0.06 * UP, rot, gripper=CLOSED, rot_tol=0.4)
    return True


def close_microwave(arm: Arm, oven: str) -> Steps[bool]:
    """Sweeps the door around its hinge with closed fingers, a little past shut."""
    view, joint = arm.view, f"{oven}_microjoint"
    door = view.joint_body(joint)
    hinge = view.joint_anchor(joint).copy()
    ends = view.geom_centres(door)
    end = ends[np.argmax(np.linalg.norm(ends[:, :2] - hinge[:2], axis=1))]
    along = np.r_[end[:2] - hinge[:2], 0]
    closing = np.cross(UP, along / np.linalg.norm(along))
    height = view.origin(oven)[2] + 0.15
    rot = arm.nearest(downward(along), downward(-along))
    start = hinge + DOOR_GRIP * along - 0.09 * closing
    start[2] = height
    angle = view.joint(joint)
    yield from arm.pass_by(np.r_[arm.pos[:2], height + 0.17], rot, gripper=CLOSED, rot_tol=0.5)
    yield from arm.pass_by(np.r_[start[:2], height + 0.17], rot, gripper=CLOSED, rot_tol=0.3)
    yield from arm.go(start, rot, gripper=CLOSED, tol=0.02, rot_tol=0.2)
    for turn in np.linspace(0.1, -angle + 0.25, NUM_SWEEP):
        point = hinge + about(UP, turn) @ (DOOR_GRIP * along - 0.02 * closing)
        point[2] = height
        # The wrist follows at 0.6 of the door's turn: near its limit it would fall behind.
        yield from arm.go(
            point, about(UP, 0.6 * turn) @ rot, gripper=CLOSED, tol=0.02, rot_tol=0.6, max_steps=14
        )
    log.debug("swept %s to %.3f", joint, view.joint(joint))
    return True
