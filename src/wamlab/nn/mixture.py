"""The mixture of transformers: video and action experts in one masked self-attention.

This is the plain path, one line of code for one line of the paper: training runs it, and
`nn.samplers` proves against it what `nn.cached` computes with less work.

Shape legend: B = batch, N = video tokens of one copy, H = horizon, S = all tokens, D = width of
an expert, C, F, Y, X = channels, frames, rows, columns of latents, L = rows of context, T = width
of text, A = numbers per action, P = numbers of state.

Source: Fast-WAM (arXiv 2603.16666; code at commit 45d8e14), specification sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from wamlab.nn.attention import KeysValues, Rotary, action_rotary, attend, video_rotary
from wamlab.nn.card import Sizes
from wamlab.nn.dit import (
    ActionExpert,
    VideoExpert,
    grid_of,
    token_timesteps,
)


class Context(NamedTuple):
    """What both experts read beside their tokens: text, then one row of proprioception.

    Attributes:
        rows_BLT: Before each expert's own text embedding.
        mask_BL: bool, True = may be attended to.
    """

    rows_BLT: Tensor
    mask_BL: Tensor


class Copy(NamedTuple):
    """Latents at some noise level, to be turned into tokens.

    Attributes:
        latents_BCFYX: The first frame must be clean.
        t_B: Timestep of the other frames, 0 to 1000.
    """

    latents_BCFYX: Tensor
    t_B: Tensor


class Stream(NamedTuple):
    """One expert's tokens on their way through the blocks.

    Attributes:
        tmod_BS6D: Broadcastable over tokens.
        temb_BSD: Embedding of the timestep, for the video's head.
        text: Keys and values of the context in each block.
    """

    x_BSD: Tensor
    tmod_BS6D: Tensor
    temb_BSD: Tensor
    rotary: Rotary
    text: list[KeysValues]


class Velocities(NamedTuple):
    """What the model says at one point of the path.

    Attributes:
        video_BCFYX: Of the first copy; meaningless in the first frame, which is not noise.
        action_BHA: Of the actions.
    """

    video_BCFYX: Tensor
    action_BHA: Tensor


class Mixture(nn.Module):
    """A Fast-WAM of any variant: two experts of the same depth and an embedding of the state."""

    def __init__(self, sizes: Sizes) -> None:
        """Random weights; a released model of the same sizes fits without renaming."""
        super().__init__()
        self.video = VideoExpert(sizes)
        self.action = ActionExpert(sizes)
        self.proprio_encoder = (
            nn.Linear(sizes.state_dim, sizes.text_dim) if sizes.state_dim else None
        )
        self.sizes = sizes

    def context(self, text_BLT: Tensor, mask_BL: Tensor, state_BP: Tensor | None) -> Context:
        """Text rows with the state's row behind them.

        Args:
            text_BLT: Embedded prompt; pads are zero rows that the model was trained to attend to.
            mask_BL: All True for released models (see above).
            state_BP: Normalised; None to leave the row out.
        """
        if state_BP is None:
            return Context(text_BLT, mask_BL)
        assert self.proprio_encoder is not None, "a model without state_dim reads no state"
        row_B1T = self.proprio_encoder(state_BP).unsqueeze(1)
        is_row = torch.ones_like(mask_BL[:, :1])
        return Context(torch.cat([text_BLT, row_B1T], dim=1), torch.cat([mask_BL, is_row], dim=1))

    def forward(
        self,
        copies: Sequence[Copy],
        action_BHA: Tensor,
        t_action_B: Tensor,
        context: Context,
        mask: Tensor,
    ) -> Velocities:
        """Velocities of the first copy's latents and of the actions.

        Args:
            copies: The noisy video, and for IDM the condition that actions see.
            mask: `attention_mask` of the variant.
        """
        video = self.video_stream(copies, context)
        action = self.action_stream(action_BHA, t_action_B, context)
        video, action = self.run(video, action, text_mask(context), mask)
        grid = grid_of(copies[0].latents_BCFYX)
        num_tokens = grid[0] * grid[1] * grid[2]
        velocity = self.video.velocity(
            video.x_BSD[:, :num_tokens], video.temb_BSD[:, :num_tokens], grid
        )
        return Velocities(velocity, self.action.head(action.x_BSD))

    def video_stream(self, copies: Sequence[Copy], context: Context) -> Stream:
        """Tokens of one or more copies of the video, one after the other, at equal positions."""
        grid = grid_of(copies[0].latents_BCFYX)
        frames, rows, columns = grid
        t_BS = torch.cat([token_timesteps(c.t_B, frames, rows * columns) for c in copies], dim=1)
        temb_BSD, tmod_BS6D = self.video.time(t_BS)
        x_BSD = torch.cat([self.video.tokens(copy.latents_BCFYX) for copy in copies], dim=1)
        rotary = video_rotary(*grid, self.sizes.head_dim, x_BSD.device).repeated(len(copies))
        return Stream(x_BSD, tmod_BS6D, temb_BSD, rotary, self.video.text(context.rows_BLT))

    def action_stream(self, action_BHA: Tensor, t_B: Tensor, context: Context) -> Stream:
        """Tokens of actions, all at one timestep."""
        temb_B1D, tmod_B16D = self.action.time(t_B[:, None])
        x_BHD = self.action.action_encoder(action_BHA)
        rotary = action_rotary(x_BHD.shape[1], self.sizes.head_dim, x_BHD.device)
        return Stream(x_BHD, tmod_B16D, temb_B1D, rotary, self.action.text(context.rows_BLT))

    def run(
        self, video: Stream, action: Stream, text_mask_B11L: Tensor | None, mask: Tensor
    ) -> tuple[Stream, Stream]:
        """Both streams through all blocks, in lock-step."""
        num_video = video.x_BSD.shape[1]
        pairs = zip(self.video.layers, self.action.layers, strict=True)
        for layer, (block_v, block_a) in enumerate(pairs):
            bend_v, bend_a = block_v.modulated(video.tmod_BS6D), block_a.modulated(action.tmod_BS6D)
            joined = [
                torch.cat(both, dim=2)
                for both in zip(
                    block_v.heads(video.x_BSD, bend_v, video.rotary),
                    block_a.heads(action.x_BSD, bend_a, action.rotary),
                    strict=True,
                )
            ]
            mixed = attend(joined[0], KeysValues(joined[1], joined[2]), mask)
            x_v = block_v.after_attention(
                video.x_BSD, mixed[:, :num_video], bend_v, video.text[layer], text_mask_B11L
            )
            x_a = block_a.after_attention(
                action.x_BSD, mixed[:, num_video:], bend_a, action.text[layer], text_mask_B11L
            )
            video, action = video._replace(x_BSD=x_v), action._replace(x_BSD=x_a)
        return video, action

    def run_video(
        self, video: Stream, text_mask_B11L: Tensor | None, mask: Tensor
    ) -> tuple[Stream, list[KeysValues]]:
        """The video alone, which never looks at actions; with the keys and values it leaves."""
        memory = []
        for layer, block in enumerate(self.video.layers):
            bend = block.modulated(video.tmod_BS6D)
            heads = block.heads(video.x_BSD, bend, video.rotary)
            memory.append(KeysValues(heads.k_BMSK, heads.v_BMSK))
            mixed = attend(heads.q_BMSK, memory[-1], mask)
            x_BND = block.after_attention(
                video.x_BSD, mixed, bend, video.text[layer], text_mask_B11L
            )
            video = video._replace(x_BSD=x_BND)
        return video, memory

    def run_action(
        self, action: Stream, text_mask_B11L: Tensor | None, memory: Sequence[KeysValues]
    ) -> Stream:
        """The actions alone, all of which look at each other and at all that is remembered."""
        for layer, block in enumerate(self.action.layers):
            bend = block.modulated(action.tmod_BS6D)
            heads = block.heads(action.x_BSD, bend, action.rotary)
            k_BMSK = torch.cat([memory[layer].k_BMSK, heads.k_BMSK], dim=2)
            v_BMSK = torch.cat([memory[layer].v_BMSK, heads.v_BMSK], dim=2)
            mixed = attend(heads.q_BMSK, KeysValues(k_BMSK, v_BMSK))
            x_BHD = block.after_attention(
                action.x_BSD, mixed, bend, action.text[layer], text_mask_B11L
            )
            action = action._replace(x_BSD=x_BHD)
        return action


def text_mask(context: Context) -> Tensor | None:
    """The mask of cross-attention, bool, shape (B, 1, 1, L); None if nothing is hidden."""
    if bool(context.mask_BL.all()):
        return None
    return context.mask_BL[:, None, None, :]
