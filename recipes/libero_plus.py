"""LIBERO-Plus: what runs on package indices alone, in the official manner and in the fair one."""

from __future__ import annotations

from dataclasses import replace

from wamlab.benchmarks.libero_plus import (
    Axis,
    Instruction,
    LiberoPlus,
    NoisyCameras,
    RobotStart,
)
from wamlab.core.recipe import Run
from wamlab.policies.baselines import RandomPolicy
from wamlab.policies.experts import ScriptedExpert


def expert() -> Run:
    """The scripted expert, which sees no image and reads no instruction: the ceiling."""
    return Run(
        policy=ScriptedExpert.Config(),
        benchmark=LiberoPlus.Config(runnable_only=True),
        replan_every=1,
        name="expert",
    )


def expert_true_robot() -> Run:
    """The expert on the robot axis as its name promises: the arm starts elsewhere."""
    benchmark = LiberoPlus.Config(axes=(Axis.ROBOT,), robot_start=RobotStart.TRUE)
    return replace(expert(), benchmark=benchmark, name="expert_true_robot")


def random() -> Run:
    """Uniform noise: the floor."""
    policy = RandomPolicy.Config(action=LiberoPlus.spec.action)
    return replace(expert(), policy=policy, replan_every=8, name="random")


def random_official_fault() -> Run:
    """As the official code runs it: the file's name as instruction."""
    benchmark = LiberoPlus.Config(runnable_only=True, instruction=Instruction.OFFICIAL_FAULT)
    return replace(random(), benchmark=benchmark, name="random_official_fault")


def random_both_noisy() -> Run:
    """Sensor noise on both cameras."""
    benchmark = LiberoPlus.Config(axes=(Axis.NOISE,), noisy_cameras=NoisyCameras.BOTH)
    return replace(random(), benchmark=benchmark, name="random_both_noisy")
