r"""Models that learn on a laptop: `wamlab train recipes.nano:vae`, then `recipes.nano:joint`.

Demonstrations come first (a window reads the frame of every fourth step, so others are not drawn):

    wamlab demos recipes.demos:libero_object --image-every 4 --out demos/libero_object
    wamlab demos recipes.demos:libero_object --image-every 4 --push-rate 1.2% \
        --out demos/libero_object_pushed

The VAE is trained first, once, and shared by all, so that every model sees through the same
eyes: `wamlab train recipes.nano:vae --out runs/nano_vae`. The four models have the same sizes,
data, steps and learning rate and differ in what they predict:

    flow_vla     actions, from the observed frame
    action_only  actions, from the observed frame; beside it the video that follows, as a lesson
    joint        actions and the video that follows, each step of denoising together
    idm          the video that follows, then the actions that lead there
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wamlab.benchmarks.libero import Libero
from wamlab.core.recipe import Run
from wamlab.nn.card import (
    LIBERO_ACTION,
    LIBERO_STATE,
    Gripper,
    Sizes,
    Variant,
    WamCard,
    side_by_side,
)
from wamlab.nn.nano_vae import NanoVaeSizes
from wamlab.policies.fast_wam import FastWam
from wamlab.policies.flow_vla import FlowVla
from wamlab.training.nano_vae import NanoVaeObjective
from wamlab.training.recipe import Data, Evaluation, Optimiser, Precision, Training
from wamlab.training.world_action import WorldAction

DEMONSTRATIONS = (Path("demos/libero_object"), Path("demos/libero_object_pushed"))
CONTROL_HZ = 20.0
IMAGE_PX = 128
NUM_INITS = 50
FIRST_WATCHED_INIT = 28  # recipes.demos keeps below
FIRST_UNSEEN_INIT = 30
VAE = Path("runs/nano_vae/model")
MODEL = Path("runs/nano/model")  # name another with --set policy.checkpoint=...
TEXT = Path("src/wamlab/assets/nano_text")

SIZES = Sizes(
    video_width=128, action_width=128, num_heads=4, head_dim=32, num_layers=4, video_ffn=384,
    action_ffn=384, text_dim=64, freq_dim=64, latent_channels=48, action_dim=7, state_dim=8,
)  # fmt: skip
VLA_FFN = 480
NUM_STEPS = 3000
EVALUATE_EVERY = 3000
REPLAN_EVERY = 8  # of 16 actions
ACTION_NOISE = 0.0  # chosen on the watched states: joint 10 of 10 in place of 5, docs/nano.md


def card(variant: Variant, *, is_vla: bool = False) -> WamCard:
    """16 actions (0.8 s), and the frame of every fourth of them."""
    return WamCard(
        variant=variant,
        sizes=SIZES,
        horizon=16,
        num_frames=5,
        image_height=IMAGE_PX,
        image_width=2 * IMAGE_PX,
        cameras=side_by_side({"agentview": IMAGE_PX, "wrist": IMAGE_PX}, IMAGE_PX),
        num_text_tokens=24,
        video_shift=5.0,
        action_shift=1.0,
        state=LIBERO_STATE,
        action=LIBERO_ACTION,
        gripper=Gripper.CLOSE_0_OPEN_1,
        prompt="{task}",
        is_vla=is_vla,
    )


def vae() -> Training:
    """The VAE alone."""
    return Training(
        objective=NanoVaeObjective.Config(
            card=card(Variant.JOINT), sizes=NanoVaeSizes(latent_channels=SIZES.latent_channels)
        ),
        data=Data(datasets=DEMONSTRATIONS, control_hz=CONTROL_HZ, cache=None),
        batch_size=8,
        num_steps=1500,
        name="nano VAE",
        optimiser=Optimiser(learning_rate=2e-3, betas=(0.9, 0.99), weight_decay=1e-3),
        checkpoint_every=250,
    )


def action_only() -> Training:
    """Fast-WAM as published: the video is learned beside the actions, and not imagined."""
    return Training(
        objective=WorldAction.Config(
            card=card(Variant.ACTION_ONLY), vae=VAE, text=TEXT, stored=Precision.BFLOAT16
        ),
        data=Data(datasets=DEMONSTRATIONS, control_hz=CONTROL_HZ, skip_missed_grasps=True),
        batch_size=32,
        num_steps=NUM_STEPS,
        name="action-only",
        optimiser=Optimiser(learning_rate=1e-3),
        checkpoint_every=500,
        evaluation=Evaluation(run=watched(), every=EVALUATE_EVERY),
    )


def joint() -> Training:
    """Actions see the video that is denoised beside them."""
    return _with_card(card(Variant.JOINT), "joint")


def idm() -> Training:
    """Actions see the finished video."""
    return _with_card(card(Variant.IDM), "IDM")


def flow_vla() -> Training:
    """The reference without any video.

    At this size, embeddings of time and the video's head are 6 % of a world action model. The
    VLA has a wider feed-forward in their place, so that both have the same number of weights.
    """
    vla = card(Variant.ACTION_ONLY, is_vla=True)
    vla = replace(vla, sizes=replace(SIZES, video_ffn=VLA_FFN))
    training = _with_card(vla, "flow VLA", video_weight=0.0)
    seen_by_it = replace(watched(), policy=_vla())
    return replace(training, evaluation=Evaluation(run=seen_by_it, every=EVALUATE_EVERY))


def without_video() -> Training:
    """Action-only, but for the video's loss."""
    return _with_card(card(Variant.ACTION_ONLY), "without video", video_weight=0.0)


def watched() -> Run:
    """One episode of each task, on an initial state that is neither trained nor reported on."""
    benchmark = replace(unseen().benchmark, first_init=FIRST_WATCHED_INIT, num_inits=1)
    return replace(unseen(), benchmark=benchmark, name="watched")


def unseen() -> Run:
    """A trained world action model on the 20 initial states of each task kept from training.

    Name the model: --set policy.checkpoint=runs/nano-joint-.../model
    """
    return Run(
        policy=FastWam.Config(checkpoint=MODEL, action_noise=ACTION_NOISE),
        benchmark=Libero.Config(
            suites=("libero_object",),
            first_init=FIRST_UNSEEN_INIT,
            num_inits=NUM_INITS - FIRST_UNSEEN_INIT,
            image_px=IMAGE_PX,
        ),
        replan_every=REPLAN_EVERY,
        name="nano",
        check_settled=True,
    )


def unseen_vla() -> Run:
    """The same for the VLA."""
    return replace(unseen(), policy=_vla())


def _vla() -> FlowVla.Config:
    return FlowVla.Config(checkpoint=MODEL, action_noise=ACTION_NOISE)


def _with_card(other: WamCard, name: str, *, video_weight: float = 1.0) -> Training:
    training = action_only()
    objective = replace(training.objective, card=other, video_weight=video_weight)
    return replace(training, objective=objective, name=name)
