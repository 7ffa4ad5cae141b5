"""Trainings: `wamlab train recipes.training:plane`.

`libero_*` are the published ones at full size and need eight GPUs of 80 GB, Wan2.2's weights and
LIBERO's demonstrations; `--dry-run` tells sizes and memory without any of them. `plane` is the
whole way in a minute on a laptop: a point that must reach a target.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.recipe import Run
from wamlab.nn.card import Gripper, Sizes, Variant, WamCard, libero_card, side_by_side
from wamlab.policies.fast_wam import FastWam
from wamlab.training.recipe import Data, Evaluation, Precision, Training
from wamlab.training.world_action import WorldAction

WAN = Path("checkpoints/Wan2.2-TI2V-5B-Diffusers")
LIBERO = Path("demos/libero_fastwam")  # LeRobot dataset yuanty/LIBERO-fastwam
LIBERO_HZ = 20.0


def libero_action_only() -> Training:
    """Fast-WAM from Wan2.2, as released: 21,000 steps of 128 windows (specification, 7)."""
    return Training(
        objective=WorldAction.Config(
            card=libero_card(Variant.ACTION_ONLY, action_shift=5.0),
            vae=WAN / "vae",
            text=WAN,
            prompts=Path("runs/prompts"),
            start=WAN / "transformer",
        ),
        data=Data(datasets=(LIBERO,), control_hz=LIBERO_HZ),
        batch_size=128,
        num_steps=21_000,
        name="action-only",
        precision=Precision.BFLOAT16,
        gradient_checkpointing=True,
        checkpoint_every=1000,
    )


def libero_joint() -> Training:
    """The same; actions see the video that is denoised beside them."""
    return _of_variant(Variant.JOINT, "joint")


def libero_idm() -> Training:
    """The same; actions see the finished video."""
    return _of_variant(Variant.IDM, "idm")


def libero_optional_idm() -> Training:
    """The same; actions see the finished video or, every other sample, none."""
    training = _of_variant(Variant.OPTIONAL_IDM, "optional IDM")
    card = replace(training.objective.card, action_shift=1.0)
    return replace(training, objective=replace(training.objective, card=card))


def libero_without_video() -> Training:
    """Action-only without video co-training: the paper's ablation."""
    training = libero_action_only()
    return replace(
        training,
        objective=replace(training.objective, video_weight=0.0),
        name="without video",
    )


def _of_variant(variant: Variant, name: str) -> Training:
    training = libero_action_only()
    card = replace(training.objective.card, variant=variant)
    return replace(training, objective=replace(training.objective, card=card), name=name)


def plane() -> Training:
    """A point on a plane, on demonstrations of `recipes.demos:pointmass` in demos/pointmass."""
    card = WamCard(
        variant=Variant.ACTION_ONLY,
        sizes=Sizes(
            video_width=64, action_width=64, num_heads=4, head_dim=24, num_layers=2,
            video_ffn=128, action_ffn=128, text_dim=40, freq_dim=32, latent_channels=6,
            action_dim=2, state_dim=2,
        ),
        horizon=8,
        num_frames=9,
        image_height=32,
        image_width=32,
        cameras=side_by_side({"top": 32}, 32),
        num_text_tokens=24,
        video_shift=5.0,
        action_shift=1.0,
        state=PointMass.spec.state,
        action=PointMass.spec.action,
        gripper=Gripper.AS_EXECUTED,
    )  # fmt: skip
    return Training(
        objective=WorldAction.Config(
            card=card, vae=Path("checkpoints/plane/vae"), text=Path("checkpoints/plane/text")
        ),
        data=Data(datasets=(Path("demos/pointmass"),), control_hz=10.0),
        batch_size=16,
        num_steps=300,
        name="plane",
        checkpoint_every=100,
    )


def plane_evaluated() -> Training:
    """The same, its success on 4 starts measured at every hundredth step."""
    run = Run(
        policy=FastWam.Config(checkpoint=Path("the model of the step")),
        benchmark=PointMass.Config(num_inits=4),
        replan_every=4,
        name="plane",
    )
    return replace(plane(), evaluation=Evaluation(run=run, every=100))
