"""Where things go: the point, the height and the way down for every target of a goal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wamlab.policies.experts.articulated import drawer, opening
from wamlab.policies.experts.geometry import Vec
from wamlab.policies.experts.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How to put an object down.

    Attributes:
        xy: Where its origin goes, m, shape (2,).
        support_z: Height of the surface, m.
        carry_z: Height of its lowest point on the way, at least, m.
        drop_m: Height above the surface at which it is let go.
        min_hand_z: The hand goes no lower than this, m.
        opening: Direction in which the fingers must open at the place; None for any.
        by_middle: Whether the middle of its outline goes there instead of its origin.
        choose_grasp: Whether the grasp must fit the place.
        over_obstacles: Whether it is lifted over what stands on the way.
        open_steps: Control steps from opening to leaving.
        retreat_m: How far the hand rises afterwards.
    """

    xy: Vec
    support_z: float
    carry_z: float
    drop_m: float = 0.008
    min_hand_z: float = -np.inf
    opening: Vec | None = None
    by_middle: bool = False
    choose_grasp: bool = True
    over_obstacles: bool = True
    open_steps: int = 8
    retreat_m: float = 0.08

    @property
    def point(self) -> Vec:
        """Where the middle of the object's foot goes, m, shape (3,)."""
        return np.array([*self.xy, self.support_z])


def place_for(view: View, name: str, target: str) -> Place:
    """How to bring an object onto or into a target of the task's goals."""
    if "basket" in target:
        return _in_basket(view, name, target)
    if view.is_object(target):
        return _on_object(view, target)
    site = view.site(target)
    if "cook_region" in target:
        # The far one first. Pots are 82 mm wide: at 80 mm one in six stood on the other's edge.
        shift = np.array([-0.048 * _rank(view, name, target), 0.0])
        return _at(site[:2] + shift, site[2] + 0.026)
    if "top_side" in target:
        return _at(site[:2], site[2] + 0.002)
    if "cabinet" in target:
        return _in_drawer(view, target)
    if "caddy" in target:
        return _in_caddy(view, target)
    return _at(site[:2], view.lowest(name), drop_m=0.004)


def _at(xy: Vec, support_z: float, drop_m: float = 0.008) -> Place:
    return Place(xy=xy, support_z=support_z, carry_z=support_z + 0.05, drop_m=drop_m)


def _rank(view: View, name: str, target: str) -> int:
    """-1 for the first and 1 for the second of two objects with the same target, else 0."""
    same = [goal[1] for goal in view.layout.goals if len(goal) == 3 and goal[2] == target]
    return 2 * same.index(name) - 1 if len(same) > 1 and name in same else 0


def _in_basket(view: View, name: str, target: str) -> Place:
    basket = target.removesuffix("_contain_region")
    rim = view.highest(basket)
    return Place(
        xy=view.site(target)[:2] + np.array([0, 0.025 * _rank(view, name, target)]),
        support_z=view.lowest(basket),
        carry_z=rim + 0.02,
        min_hand_z=rim - 0.012,  # the palm is wider than the basket
        choose_grasp=False,
    )


def _on_object(view: View, target: str) -> Place:
    xy = view.origin(target)[:2]
    if "plate" in target:
        return _at(xy, view.lowest(target) + 0.010)
    if "bowl" in target:
        return _at(xy, view.highest(target) - 0.030)
    return _at(xy, view.highest(target))


def _in_drawer(view: View, target: str) -> Place:
    """In the middle of the way down: an open lower drawer lies half below the handles above."""
    site, way = view.site(target), opening(view, target)
    outward = drawer(view, target).outward[:2]
    return Place(
        xy=site[:2] + (way.inner + way.outer) / 2 * outward,
        support_z=site[2] - 0.027,
        carry_z=site[2] + 0.06,
        drop_m=0.01 if "_top_" in target else 0.02,
    )


def _in_caddy(view: View, target: str) -> Place:
    caddy = target[: target.index("_1_") + 2]
    top = view.highest(caddy)
    return Place(
        xy=view.site(target)[:2],
        support_z=view.lowest(caddy),
        carry_z=top + 0.02,
        min_hand_z=top + 0.015,
        opening=np.array([1.0, 0.0]),
        by_middle=True,
        choose_grasp=False,
    )
