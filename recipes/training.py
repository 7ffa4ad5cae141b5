"""Trainings: `wamlab train recipes.training:plane`.

`libero_*` are the published ones at full size and need eight GPUs of 80 GB, Wan2.2's weights and
LIBERO's demonstrations; `--dry-run` tells sizes and memory without any of them. `plane` is the
whole way in a few minutes on a laptop, on a benchmark without a simulator:

    wamlab demos recipes.demos:pointmass --out demos/pointmass
    wamlab train recipes.training:plane_vae --out checkpoints/plane_vae
    wamlab train recipes.training:plane
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.recipe import Run
from wamlab.nn.card import Gripper, Sizes, Variant, WamCard, libero_card, side_by_side
from wamlab.nn.nano_vae import NanoVaeSizes
from wamlab.policies.fast_wam import FastWam
from wamlab.training.models import MODEL
from wamlab.training.nano_vae import NanoVaeObjective
from wamlab.training.recipe import Data, Evaluation, Optimiser, Precision, Training
from wamlab.training.world_action import WorldAction

WAN = Path("checkpoints/Wan2.2-TI2V-5B-Diffusers")
LIBERO = Path("demos/libero_fastwam")  # LeRobot dataset yuanty/LIBERO-fastwam
LIBERO_HZ = 20.0
PLANE = Path("demos/pointmass")
PLANE_VAE = Path("checkpoints/plane_vae")
PLANE_VAE_SIZES = NanoVaeSizes(
    latent_channels=8, fine_width=32, deep_width=32, paint_width=16, num_fine_blocks=1,
    num_deep_blocks=1,
)  # fmt: skip


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


def plane_vae() -> Training:
    """The VAE of `plane`, on the same demonstrations."""
    return Training(
        objective=NanoVaeObjective.Config(card=_plane_card(), sizes=PLANE_VAE_SIZES, crop_px=32),
        data=Data(datasets=(PLANE,), control_hz=PointMass.spec.control_hz, cache=None),
        batch_size=8,
        num_steps=400,
        name="plane VAE",
        optimiser=Optimiser(learning_rate=2e-3, betas=(0.9, 0.99), weight_decay=1e-3),
        checkpoint_every=100,
    )


def plane() -> Training:
    """A point that must reach a target, joint with the video of how it gets there."""
    return Training(
        objective=WorldAction.Config(
            card=_plane_card(), vae=PLANE_VAE / MODEL, text=Path("src/wamlab/assets/nano_text")
        ),
        data=Data(datasets=(PLANE,), control_hz=PointMass.spec.control_hz),
        batch_size=32,
        num_steps=1500,
        name="plane",
        optimiser=Optimiser(learning_rate=2e-3),
        checkpoint_every=250,
    )


def plane_evaluated() -> Training:
    """The same, with its success on 20 starts measured three times on the way."""
    run = Run(
        policy=FastWam.Config(checkpoint=PLANE_VAE),  # each time the model of that step
        benchmark=PointMass.Config(tasks=("reach", "corner", "edge"), num_inits=8, seeds=(1,)),
        replan_every=4,
        name="plane",
    )
    return replace(plane(), evaluation=Evaluation(run=run, every=500))


def _plane_card() -> WamCard:
    return WamCard(
        variant=Variant.JOINT,
        sizes=Sizes(
            video_width=64, action_width=64, num_heads=4, head_dim=24, num_layers=3,
            video_ffn=192, action_ffn=192, text_dim=64, freq_dim=32, latent_channels=8,
            action_dim=2, state_dim=2,
        ),
        horizon=8,
        num_frames=9,
        image_height=32,
        image_width=32,
        cameras=side_by_side({"top": 32}, 32),
        num_text_tokens=16,
        video_shift=5.0,
        action_shift=1.0,
        state=PointMass.spec.state,
        action=PointMass.spec.action,
        gripper=Gripper.AS_EXECUTED,
        prompt="{task}",
    )  # fmt: skip
