"""From a task's goals to a sequence of skills."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from wamlab.core.errors import ContractError
from wamlab.policies.experts.articulated import (
    close_drawer,
    drawer,
    is_open,
    open_drawer,
    turn_on,
    widen_drawer,
)
from wamlab.policies.experts.control import Arm, Goal, Steps
from wamlab.policies.experts.geometry import Vec
from wamlab.policies.experts.leaning import lay_on_rack, lean_in_caddy
from wamlab.policies.experts.microwave import close_microwave, put_in_microwave
from wamlab.policies.experts.places import Place, place_for
from wamlab.policies.experts.skills import hangs, lay_down, pick, put
from wamlab.policies.experts.view import View

log = logging.getLogger(__name__)

STAGES = {"open": 0, "turnon": 1, "on": 2, "in": 2, "close": 3}
SWEEP_SIDE_M = 0.18  # half width of what an open drawer covers, the object's radius included
SWEEP_OUT_M = (-0.05, 0.25)  # from the closed handle outwards
WIDER_M = 0.004  # room that an object needs beside itself to go down into a drawer
SPOT_MARGIN_M = 0.015
SPOT_OFFSETS = np.arange(-0.30, 0.31, 0.01)


def solve(arm: Arm, goals: tuple[Goal, ...]) -> Steps[None]:
    """Fulfils the goals one after the other."""
    for goal in in_order(goals):
        yield from _fulfil(arm, goal)


def in_order(goals: tuple[Goal, ...]) -> list[Goal]:
    """Open, turn on, move, close.

    Raises:
        ContractError: If a goal has a predicate that no skill fulfils.
    """
    for goal in goals:
        if goal[0] not in STAGES:
            raise ContractError(
                f"goal {' '.join(goal)!r}: no skill for {goal[0]!r}, the expert knows "
                f"{', '.join(STAGES)}; leave this task out or write the skill"
            )
    return sorted(goals, key=lambda goal: STAGES[goal[0]])


def _fulfil(arm: Arm, goal: Goal) -> Steps[None]:
    match goal:
        case ("in", name, region) if "microwave" in region:
            yield from put_in_microwave(arm, name, region)
        case ("on", name, region) if "wine_rack" in region:
            yield from lay_on_rack(arm, name, region)
        case ("in", name, region) if "caddy" in region and "_back_" in region:
            yield from lean_in_caddy(arm, name, region)
        case ("in" | "on", name, target):
            yield from _move(arm, name, target, inside=goal[0] == "in")
        case ("open", region):
            yield from open_drawer(arm, region)
        case ("close", oven) if "microwave" in oven:
            yield from close_microwave(arm, oven)
        case ("close", region):
            yield from close_drawer(arm, region)
        case ("turnon", stove):
            yield from turn_on(arm, stove)


def _move(arm: Arm, name: str, target: str, *, inside: bool) -> Steps[None]:
    """Brings an object to its target; opens the drawer first if it is shut."""
    if inside and "cabinet" in target and not is_open(arm.view, target):
        yield from _clear_sweep(arm, name, target)
        yield from open_drawer(arm, target)
    elif inside and "cabinet" in target:
        yield from widen_drawer(arm, target, needed_m=outline(arm.view, name) + WIDER_M)
    for _ in range(3):  # again, if it was lost on the way
        place = place_for(arm.view, name, target)
        place = replace(place, xy=place.xy + arm.manner.place_offset[:2])
        yield from pick(arm, name, place)
        if (yield from (lay_down if hangs(name) else put)(arm, name, place)):
            return


def _clear_sweep(arm: Arm, name: str, region: str) -> Steps[None]:
    """Slides an object aside if the open drawer would overhang it, out of the hand's reach."""
    view = arm.view
    bar, outward, *_ = drawer(view, region)
    start = view.origin(name)[:2]
    if not in_sweep(start, bar, outward):
        return
    spot = _free_spot(view, name, bar, outward)
    if spot is None:
        log.debug("no free spot for %s", name)
        return
    bottom = view.lowest(name)
    place = Place(
        xy=spot,
        support_z=bottom,
        carry_z=bottom + 0.01,
        drop_m=0.004,
        open_steps=5,
        retreat_m=0.06,
        over_obstacles=False,
    )
    yield from pick(arm, name, place, lift_m=0.03)
    yield from put(arm, name, place)


def _free_spot(view: View, name: str, bar: Vec, outward: Vec) -> Vec | None:
    """The nearest point on the table (x, y) that no open drawer and no other object covers."""
    start = view.origin(name)[:2]
    radius = outline(view, name) / 2 + SPOT_MARGIN_M
    height = view.origin(name)[2]
    others = np.vstack([view.points(other)[:, :2] for other in view.with_shape() if other != name])

    def cost(spot: Vec) -> float:
        too_far = max(0.0, float(view.reach(np.array([*spot, height]))) - 0.55)
        return float(np.linalg.norm(spot - start)) + 5 * too_far

    def is_free(spot: Vec) -> bool:
        if in_sweep(spot, bar, outward):
            return False
        return bool(((others - spot) ** 2).sum(1).min() >= radius**2)

    grid = start + np.stack(np.meshgrid(SPOT_OFFSETS, SPOT_OFFSETS), -1).reshape(-1, 2)
    return next((spot for spot in sorted(grid, key=cost) if is_free(spot)), None)


def in_sweep(point: Vec, bar: Vec, outward: Vec) -> bool:
    """Whether a point (x, y) lies where the drawer with that handle will be."""
    offset = point - bar[:2]
    side = np.array([-outward[1], outward[0]])
    out = float(offset @ outward[:2])
    return abs(float(offset @ side)) < SWEEP_SIDE_M and SWEEP_OUT_M[0] < out < SWEEP_OUT_M[1]


def outline(view: View, name: str) -> float:
    """Diameter of the circle around an object's origin that holds it, seen from above, m."""
    offset = view.points(name)[:, :2] - view.origin(name)[:2]
    return 2 * float(np.linalg.norm(offset, axis=1).max())
