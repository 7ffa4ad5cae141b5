"""Things that come to rest at a slant: a bottle in the wine rack, a book in the caddy.

Put down upright, both count as a success on the way down and no longer once they rest: the
bottle falls off the sloping shelf, and a book that stands flat on the caddy's floor has its
origin 4 mm below the region.
"""

from __future__ import annotations

import logging

import numpy as np

from wamlab.policies.experts.control import CLOSED, OPEN, Arm, Steps
from wamlab.policies.experts.geometry import UP, Vec, about, downward, folded
from wamlab.policies.experts.skills import clearance, pick

log = logging.getLogger(__name__)

# Wine rack, in its region's frame: x along the shelf, y into the shelf, z up its slope. The
# bottle's foot goes to the lower end, 3 mm above where it will lie.
RACK_UPHILL_M = 0.012
RACK_ABOVE_M = 0.016
RACK_STEEPER_RAD = np.radians(14)  # the shelf is 4 degrees steeper than the region's frame

# Caddy: the book must lean by more than 12 degrees to stay so and by 15.3 to lie in the region.
# It enters the slot at 14, with 7 mm to spare on both sides, and is tipped over inside.
BOOK_ENTRY_RAD, BOOK_LEAN_RAD = np.radians(14), np.radians(22)
BOOK_ENTRY_BACK_M, BOOK_BACK_M = 0.008, 0.013  # its foot, from the slot's middle to the back
BOOK_ENTRY_DROP_M, BOOK_DROP_M = 0.012, 0.006
CADDY_FLOOR_M = 0.013


def lay_on_rack(arm: Arm, name: str, region: str) -> Steps[bool]:
    """Lays a bottle down with its foot at the lower end of the shelf."""
    along, into, uphill = arm.view.site_rot(region).T
    side = folded(along)  # fingers that open up and down would find no room below the neck
    if not (yield from pick(arm, name, None, lift_m=0.06, opening=side)):
        return False
    axis = np.cross(UP, uphill)
    tilt = np.pi / 2 - np.arcsin(uphill[2]) - RACK_STEEPER_RAD
    rot = about(axis / np.linalg.norm(axis), tilt) @ downward(side)
    foot = arm.view.site(region) + RACK_UPHILL_M * uphill - RACK_ABOVE_M * into
    foot += arm.manner.place_offset
    above = foot + 0.03 * uphill - 0.10 * into
    near = foot + 0.01 * uphill - 0.03 * into
    yield from _put_slanted(arm, name, ((above, rot), (near, rot), (foot, rot)))
    return True


def lean_in_caddy(arm: Arm, name: str, region: str) -> Steps[bool]:
    """Drops a book into the back slot so that it leans against the slot's lower wall."""
    view = arm.view
    caddy = region.removesuffix("_back_contain_region")
    forward = view.origin(caddy) - view.site(region)
    forward[2] = 0.0
    forward /= np.linalg.norm(forward)
    if not (yield from pick(arm, name, None)):
        return False
    rot = arm.nearest(downward(forward), downward(-forward))
    foot = view.site(region) + arm.manner.place_offset
    foot[2] = view.lowest(caddy) + CADDY_FLOOR_M
    rise = clearance(arm, name, foot[:2]) + 0.015 - view.lowest(name)
    yield from arm.go(arm.pos + rise * UP, gripper=CLOSED, tol=0.01, rot_tol=0.3)
    yield from arm.go(arm.pos, rot, gripper=CLOSED, tol=0.05, rot_tol=0.05, max_steps=60)
    # By its middle along the slot, which leaves 9 mm on both sides; its origin is 12 mm off.
    side = np.cross(UP, forward)
    foot -= side * (side @ (view.middle(name) - view.origin(name)))
    entry, lean = about(side, BOOK_ENTRY_RAD), about(side, BOOK_LEAN_RAD)
    low = foot - BOOK_ENTRY_BACK_M * forward + BOOK_ENTRY_DROP_M * UP
    high = low + (view.highest(caddy) + 0.025 - low[2]) * (entry @ UP)
    end = foot - BOOK_BACK_M * forward + BOOK_DROP_M * UP
    yield from _put_slanted(arm, name, ((high, entry @ rot), (low, entry @ rot), (end, lean @ rot)))
    return True


def _put_slanted(arm: Arm, name: str, waypoints: tuple[tuple[Vec, Vec], ...]) -> Steps[None]:
    """Leads the held object through points, lets go and withdraws.

    Args:
        waypoints: Where the object's origin goes, and the hand's orientation there.
    """
    for index, (point, rot) in enumerate(waypoints):
        is_last, is_first = index == len(waypoints) - 1, index == 0
        for _ in range(2 if is_first or is_last else 1):  # the object may turn in the fingers
            yield from arm.go(
                _hand_for(arm, name, point, rot),
                rot,
                gripper=CLOSED,
                tol=0.005 if is_last else 0.010,
                rot_tol=0.1,
                speed=1.0 if is_first else 0.6,
                max_steps=100,
            )
    log.debug("release %s at %s for %s", name, arm.view.origin(name), waypoints[-1][0])
    yield from arm.stay(8, OPEN)
    yield from arm.go(arm.pos - 0.10 * arm.rot[:, 2], gripper=OPEN, tol=0.02)


def _hand_for(arm: Arm, name: str, origin: Vec, rot: Vec) -> Vec:
    """Where the hand must be, so that the held object's origin is there once the hand is turned."""
    view = arm.view
    held = rot @ view.hand_rot.T @ (view.hand - view.origin(name))
    return np.asarray(origin + held)
