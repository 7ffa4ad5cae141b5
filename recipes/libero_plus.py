"""LIBERO-Plus: what runs on package indices alone, in the official manner and in the fair one."""

from __future__ import annotations

from dataclasses import replace

from recipes import nano

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


def nano_wam() -> Run:
    """A nano world action model: --set policy.checkpoint=src/wamlab/assets/nano/joint.

    The suite's only initial state here is one of its training's: what is new to it is the
    disturbance alone. Images have 128 pixels in place of 256, noise is drawn on those.
    """
    benchmark = LiberoPlus.Config(
        suites=("libero_object",), runnable_only=True, image_px=nano.IMAGE_PX
    )
    return replace(nano.unseen(), benchmark=benchmark)


def nano_vla() -> Run:
    """The nano VLA on the same episodes."""
    return replace(nano.unseen_vla(), benchmark=nano_wam().benchmark)
