"""LIBERO: the ceiling, known failures and the floor that every table about it needs."""

from __future__ import annotations

from dataclasses import replace

from wamlab.benchmarks.libero import Libero
from wamlab.core.recipe import Run
from wamlab.policies.baselines import RandomPolicy
from wamlab.policies.experts import Fault, ScriptedExpert


def expert() -> Run:
    """The scripted expert on the four standard suites, 50 initial states of each task."""
    return Run(
        policy=ScriptedExpert.Config(),
        benchmark=Libero.Config(),
        replan_every=1,
        name="expert",
        check_settled=True,
    )


def varied_expert() -> Run:
    """The expert with varying speed, grasps and waypoints: a source of demonstrations."""
    policy = ScriptedExpert.Config(speed=(0.6, 1.0), grasp_temperature=0.3, waypoint_noise_m=0.01)
    return replace(expert(), policy=policy, name="varied_expert")


def expert_offset_grasp() -> Run:
    """Closes the fingers 5 cm beside everything."""
    return _faulty(Fault.OFFSET_GRASP)


def expert_early_release() -> Run:
    """Lets go 20 control steps after it began to close the hand."""
    return _faulty(Fault.EARLY_RELEASE)


def expert_wrong_object() -> Run:
    """Takes another object than the instruction names."""
    return _faulty(Fault.WRONG_OBJECT)


def expert_wrong_place() -> Run:
    """Puts things 10 cm beside their place."""
    return _faulty(Fault.WRONG_PLACE)


def expert_freezing() -> Run:
    """Stops for ever after 50 control steps."""
    return _faulty(Fault.FREEZING)


def expert_oscillating() -> Run:
    """Only swings to and fro after 50 control steps."""
    return _faulty(Fault.OSCILLATION)


def expert_jittering() -> Run:
    """Adds noise to every motion command."""
    return _faulty(Fault.JITTER)


def expert_slow() -> Run:
    """Moves at 25 % of the speed and runs out of time."""
    return _faulty(Fault.SLOW)


def expert_partial() -> Run:
    """Leaves out the last of several goals."""
    return _faulty(Fault.PARTIAL)


def random() -> Run:
    """Uniform noise: what success costs when nobody looks."""
    policy = RandomPolicy.Config(action=Libero.spec.action)
    return replace(expert(), policy=policy, replan_every=8, name="random")


def _faulty(fault: Fault) -> Run:
    policy = ScriptedExpert.Config(fault=fault)
    return replace(expert(), policy=policy, name=f"expert_{fault}")
