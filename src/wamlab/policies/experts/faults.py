"""Planted faults: experts that fail in a known way, to test what diagnoses failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

import numpy as np

from wamlab.policies.experts.control import OPEN, Goal, Manner, Steps
from wamlab.policies.experts.geometry import Vec
from wamlab.policies.experts.view import View

SWING_STEPS = 20  # one period of an oscillation, 1 s
DRAWERS = ("top", "middle", "bottom")


class Fault(StrEnum):
    """What an expert does wrong in every episode; the magnitude's meaning is behind it."""

    NONE = "none"
    OFFSET_GRASP = "offset_grasp"  # m, the fingers close that far beside everything
    EARLY_RELEASE = "early_release"  # control steps from closing the hand to letting go
    WRONG_OBJECT = "wrong_object"  # takes another object, the most similar one; no magnitude
    WRONG_PLACE = "wrong_place"  # m, puts things that far beside their place
    FREEZING = "freezing"  # control steps until it stops for ever
    OSCILLATION = "oscillation"  # control steps until it only swings to and fro
    JITTER = "jitter"  # standard deviation of noise on each motion command
    SLOW = "slow"  # factor on the speed
    PARTIAL = "partial"  # leaves out the last of several goals; no magnitude


DEFAULT_MAGNITUDE: Mapping[Fault, float] = {
    Fault.NONE: 0.0,
    Fault.OFFSET_GRASP: 0.05,
    Fault.EARLY_RELEASE: 20,
    Fault.WRONG_OBJECT: 0.0,
    Fault.WRONG_PLACE: 0.10,
    Fault.FREEZING: 50,
    Fault.OSCILLATION: 50,
    Fault.JITTER: 0.3,
    Fault.SLOW: 0.25,
    Fault.PARTIAL: 0.0,
}


def faulty_manner(
    manner: Manner, fault: Fault, magnitude: float, rng: np.random.Generator
) -> Manner:
    """The manner of an episode with faults of speed and place; their direction is random."""
    angle = rng.uniform(0, 2 * np.pi)
    match fault:
        case Fault.OFFSET_GRASP:
            return replace(manner, grasp_offset_m=magnitude * np.sign(np.cos(angle)))
        case Fault.WRONG_PLACE:
            aside = np.array([np.cos(angle), np.sin(angle), 0.0])
            return replace(manner, place_offset=magnitude * aside)
        case Fault.SLOW:
            return replace(manner, speed=manner.speed * magnitude)
        case _:
            return manner


def faulty_goals(view: View, fault: Fault) -> tuple[Goal, ...]:
    """The goals that a faulty expert pursues."""
    goals = view.layout.goals
    match fault:
        case Fault.WRONG_OBJECT:
            return (_mistaken(view, goals[0]), *goals[1:])
        case Fault.PARTIAL if len(goals) > 1:
            return goals[:-1]
        case _:
            return goals


def faulty_actions(
    steps: Steps[None], fault: Fault, magnitude: float, rng: np.random.Generator
) -> Steps[None]:
    """The actions of a skill, with faults of motion."""
    num_closed = 0
    for step, wanted in enumerate(steps):
        action = wanted.copy()
        if fault is Fault.JITTER:
            action[:6] += rng.normal(0, magnitude, 6)
        if fault is Fault.EARLY_RELEASE:
            num_closed = num_closed + 1 if action[6] > 0 else 0
            if num_closed > magnitude:
                action[6] = OPEN
        if fault in (Fault.FREEZING, Fault.OSCILLATION) and step >= magnitude:
            break
        yield action
    else:
        return
    yield from _stuck(wanted[6], swings=fault is Fault.OSCILLATION)


def _stuck(gripper: float, *, swings: bool) -> Steps[None]:
    step = 0
    while True:
        action = np.array([0, 0, 0, 0, 0, 0, gripper])
        if swings:
            action[1] = np.cos(2 * np.pi * step / SWING_STEPS)
        step += 1
        yield action


def _mistaken(view: View, goal: Goal) -> Goal:
    """The same goal about another thing: an object that no goal names, or the next drawer."""
    predicate, name, *rest = goal
    named = {word for other in view.layout.goals for word in other[1:]}
    others = [other for other in view.movable if not any(other in word for word in named)]
    if name in view.movable and others:
        chosen = min(others, key=lambda other: _strangeness(view, name, other))
        return (predicate, chosen, *rest)
    for level, other in zip(DRAWERS, (*DRAWERS[1:], DRAWERS[0]), strict=True):
        if f"_{level}_region" in name:
            return (predicate, name.replace(level, other), *rest)
    return goal


def _strangeness(view: View, name: str, other: str) -> tuple[bool, float]:
    """Objects of another kind are stranger than any of the same kind, then distance decides."""
    distance: Vec = view.origin(name) - view.origin(other)
    return kind_of(name) != kind_of(other), float(np.linalg.norm(distance))


def kind_of(name: str) -> str:
    """The name without its number: "akita_black_bowl" for "akita_black_bowl_2"."""
    return name.rstrip("0123456789").rstrip("_")
