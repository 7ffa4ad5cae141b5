"""What a world action model is trained to predict, and how much each sample counts.

Shape legend: as in `nn.mixture`; R = frames of pixels, 1 + 4 (F - 1).

Source: Fast-WAM (code at commit 45d8e14), specification section 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from wamlab.nn.card import FRAMES_PER_LATENT, Variant
from wamlab.nn.dit import grid_of
from wamlab.nn.flow import draw_timesteps, loss_weight, noised
from wamlab.nn.masks import attention_mask
from wamlab.nn.mixture import Context, Copy, Mixture

CONDITION_NOISED = 0.5  # share of samples whose condition copy (IDM) is noised in training


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A batch of training windows, normalised.

    Attributes:
        latents_BCFYX: Of the window's frames.
        action_BHA: Padded past the episode's end.
        action_is_pad_BH: bool.
        image_is_pad_BR: bool, of pixel frames.
    """

    latents_BCFYX: Tensor
    action_BHA: Tensor
    action_is_pad_BH: Tensor
    image_is_pad_BR: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """All that is random in one training step, so that it can be repeated.

    Attributes:
        video_BCFYX: Standard normal noise.
        action_BHA: Likewise.
        t_video_B: Timesteps, 0 to 1000.
        t_action_B: Drawn independently of the video's.
        condition_BCFYX: Noise of the condition copy; None without one.
        t_condition_B: Its timestep, 0 where the copy stays clean.
        sees_video_B: For optional IDM, bool: whether actions see the whole condition copy.
    """

    video_BCFYX: Tensor
    action_BHA: Tensor
    t_video_B: Tensor
    t_action_B: Tensor
    condition_BCFYX: Tensor | None = None
    t_condition_B: Tensor | None = None
    sees_video_B: Tensor | None = None


class Losses(NamedTuple):
    """The terms of one step: `total` is their sum, each float32 and scalar.

    Attributes:
        video: 0 if the model is trained without video.
    """

    total: Tensor
    video: Tensor
    action: Tensor


def draw(
    variant: Variant,
    window: Window,
    generator: torch.Generator,
    *,
    video_shift: float,
    action_shift: float,
    idm_probability: float = 0.5,
) -> Draws:
    """Draws noise and timesteps for a batch, on the generator's device.

    Args:
        idm_probability: For optional IDM, how often actions see the whole condition copy. The
            authors' value is not public; even odds are ours.
    """
    latents, batch = window.latents_BCFYX, len(window.latents_BCFYX)
    dtype, device = latents.dtype, generator.device

    def noise(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator, device=device).to(dtype)

    def coin() -> Tensor:
        return torch.rand(batch, generator=generator, device=device)

    def timesteps(shift: float) -> Tensor:
        return draw_timesteps(batch, shift, generator, dtype=dtype)

    drawn = Draws(
        video_BCFYX=noise(latents),
        action_BHA=noise(window.action_BHA),
        t_video_B=timesteps(video_shift),
        t_action_B=timesteps(action_shift),
    )
    if variant in (Variant.ACTION_ONLY, Variant.JOINT):
        return drawn
    is_noised = coin() < CONDITION_NOISED
    return Draws(
        video_BCFYX=drawn.video_BCFYX,
        action_BHA=drawn.action_BHA,
        t_video_B=drawn.t_video_B,
        t_action_B=drawn.t_action_B,
        condition_BCFYX=noise(latents),
        t_condition_B=timesteps(video_shift) * is_noised,
        sees_video_B=coin() < idm_probability if variant is Variant.OPTIONAL_IDM else None,
    )


class TrainingForward(NamedTuple):
    """The inputs of the model at one training step."""

    copies: list[Copy]
    action_BHA: Tensor
    mask: Tensor


def noised_inputs(variant: Variant, window: Window, draws: Draws) -> TrainingForward:
    """The noisy window: one copy of the video, or two with a condition (IDM)."""
    copies = [_noisy_copy(window.latents_BCFYX, draws.video_BCFYX, draws.t_video_B)]
    if draws.condition_BCFYX is not None:
        assert draws.t_condition_B is not None, "a condition copy has a timestep"
        copies.append(_noisy_copy(window.latents_BCFYX, draws.condition_BCFYX, draws.t_condition_B))
    frames, rows, columns = grid_of(window.latents_BCFYX)
    mask = attention_mask(
        variant,
        num_frames=frames,
        tokens_per_frame=rows * columns,
        horizon=window.action_BHA.shape[1],
        sees_video_B=draws.sees_video_B,
        device=window.action_BHA.device,
    )
    action_BHA = noised(window.action_BHA, draws.action_BHA, draws.t_action_B)
    return TrainingForward(copies, action_BHA, mask)


def losses(
    model: Mixture,
    variant: Variant,
    window: Window,
    context: Context,
    draws: Draws,
    *,
    video_shift: float,
    action_shift: float,
    video_weight: float = 1.0,
) -> Losses:
    """The training losses of a batch.

    Args:
        video_weight: 0 trains without video co-training; the video's velocity is then not asked.
    """
    inputs = noised_inputs(variant, window, draws)
    said = model(inputs.copies, inputs.action_BHA, draws.t_action_B, context, inputs.mask)
    per_sample_B = action_error(
        said.action_BHA, draws.action_BHA - window.action_BHA, window.action_is_pad_BH
    )
    action = (per_sample_B * loss_weight(draws.t_action_B, action_shift)).mean()
    if video_weight == 0:
        return Losses(action, torch.zeros_like(action), action)
    per_sample_B = video_error(
        said.video_BCFYX, draws.video_BCFYX - window.latents_BCFYX, window.image_is_pad_BR
    )
    video = (per_sample_B * loss_weight(draws.t_video_B, video_shift)).mean()
    return Losses(video_weight * video + action, video, action)


def video_error(said_BCFYX: Tensor, wanted_BCFYX: Tensor, image_is_pad_BR: Tensor) -> Tensor:
    """Squared error of each sample, shape (B,), over frames that are neither clean nor padding.

    A latent frame is padding if all its four pixel frames are. A sample that has none left
    counts 0.
    """
    per_frame_BF = (said_BCFYX.float() - wanted_BCFYX.float()).square().mean(dim=(1, 3, 4))[:, 1:]
    is_pad_BF = image_is_pad_BR[:, 1:].unflatten(1, (-1, FRAMES_PER_LATENT)).all(dim=2)
    counts_BF = (~is_pad_BF).to(per_frame_BF)
    return (per_frame_BF * counts_BF).sum(dim=1) / counts_BF.sum(dim=1).clamp(min=1)


def action_error(said_BHA: Tensor, wanted_BHA: Tensor, action_is_pad_BH: Tensor) -> Tensor:
    """Squared error of each sample, shape (B,), over steps that are no padding."""
    per_step_BH = (said_BHA.float() - wanted_BHA.float()).square().mean(dim=2)
    counts_BH = (~action_is_pad_BH).to(per_step_BH)
    return (per_step_BH * counts_BH).sum(dim=1) / counts_BH.sum(dim=1).clamp(min=1)


def _noisy_copy(latents: Tensor, noise: Tensor, t_B: Tensor) -> Copy:
    noisy = noised(latents, noise, t_B)
    return Copy(torch.cat([latents[:, :, :1], noisy[:, :, 1:]], dim=2), t_B)
