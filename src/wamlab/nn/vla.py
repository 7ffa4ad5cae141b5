"""The VLA reference: the action expert of Fast-WAM behind an encoder that imagines nothing.

A controlled contrast to a world action model of the same sizes. Equal are: the VAE, so that both
see the same latents of the observed frame; the number, width, heads and feed-forward of the
layers that read them, with cross-attention to text and state; the action expert, which attends
to the keys and values of each of these layers; the flow-matching loss of actions; the sampler.
Absent are: other frames than the observed one, noise and timesteps on the encoder's side, the
video's head and its loss. So no parameter can learn what comes next but through actions.

How this differs from "Fast-WAM trained without video" (`nn.losses.losses(video_weight=0)`): that
model starts from a video model's weights, keeps the embedding of timesteps (a constant, since
the observed frame is always at 0), and reads noised frames that no gradient comes from. From
random weights, both can represent the same functions: the constant is learned there through the
embedding of time, here in each block alone. It therefore tells apart what video pre-training
gives from what the architecture gives, and costs less to train: one latent frame in place of all.

Because keys and values are all that actions see of the encoder, the last layer's query, output,
text attention and feed-forward reach nothing. A world action model trains them on video; here
they get no gradient, as in a training without video. They are kept so that depth, names and
samplers are the same.

Shape legend: as in `nn.mixture`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from wamlab.core.errors import ConfigError
from wamlab.nn.card import Sizes, Variant, WamCard
from wamlab.nn.dit import VideoExpert
from wamlab.nn.mixture import Context, Copy, Mixture, Velocities, text_mask


class ObservationEncoder(VideoExpert):
    """A video expert without time: each block's shift, scale and gate are its own and constant."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        del self.time_embedding, self.time_projection, self.head

    def time(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Nothing to add to any block: zeros, broadcastable to (*t, D) and (*t, 6, D)."""
        width = self.patch_embedding.out_channels
        ones = (1,) * t.ndim
        zeros_D = self.patch_embedding.weight.new_zeros(width)
        return zeros_D.view(*ones, width), zeros_D.expand(*ones, 6, width)

    def head_bends(self, temb_KD: Tensor) -> list[tuple[Tensor, Tensor]]:
        """None: there is no head."""
        return []


class FlowVla(Mixture):
    """An encoder of the observed frame and a flow-matching action expert.

    It is sampled in `Mode.FIRST_FRAME`, by either sampler, and trained by `nn.losses.losses` as
    `Variant.ACTION_ONLY` with `video_weight=0`.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.video = ObservationEncoder(sizes)

    def forward(
        self,
        copies: Sequence[Copy],
        action_BHA: Tensor,
        t_action_B: Tensor,
        context: Context,
        mask: Tensor,
    ) -> Velocities:
        """The velocity of actions. That of the video is NaN, so that nobody trains on it.

        Args:
            copies: Of the first one the observed frame is read.
            mask: Not used: actions see the observed frame and each other.
        """
        latents_BCFYX, hidden = copies[0].latents_BCFYX, text_mask(context)
        t_B = torch.zeros_like(copies[0].t_B)
        observed = self.video_stream([Copy(latents_BCFYX[:, :, :1], t_B)], context)
        num_tokens = observed.x_BSD.shape[1]
        _, memory = self.run_video(observed, hidden, mask.new_ones(num_tokens, num_tokens))
        action = self.action_stream(action_BHA, t_action_B, context)
        action = self.run_action(action, hidden, memory)
        nothing = latents_BCFYX.new_full((), math.nan).expand_as(latents_BCFYX)
        return Velocities(nothing, self.action.head(action.x_BSD))


def model_of(card: WamCard) -> Mixture:
    """A model with random weights, of the kind that its card says."""
    return FlowVla(card.sizes) if card.is_vla else Mixture(card.sizes)


def check_vla(card: WamCard) -> None:
    """Refuses a card that asks a VLA to imagine.

    Raises:
        ConfigError: If it is no VLA's.
    """
    if not card.is_vla or card.variant is not Variant.ACTION_ONLY:
        raise ConfigError(
            f"model: is a {card.variant} {'VLA' if card.is_vla else 'world action model'}, "
            "expected a VLA; use policy fast_wam for a world action model"
        )
