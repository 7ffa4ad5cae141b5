"""Which token may look at which: the only difference in training between Fast-WAM's variants.

Shape legend: S = all tokens of a joint sequence, N = video tokens of one copy, H = horizon.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wamlab.nn.card import Variant


def attention_mask(
    variant: Variant,
    *,
    num_frames: int,
    tokens_per_frame: int,
    horizon: int,
    sees_video_B: Tensor | None = None,
    device: torch.device | None = None,
) -> Tensor:
    """The mask of joint self-attention over [video | action]; True = may attend.

    Rows ask, columns answer. f = the first latent frame (clean, the observation), r = the other
    frames, a = actions, ' = the condition copy of the video, x = may attend::

        action_only    joint          idm               optional_idm, each sample one of
                                                        idm or
             f r a          f r a          f r f'r'a         f r f'r'a
          f  x           f  x           f  x              f  x
          r  x x         r  x x         r  x x            r  x x
          a  x   x       a  x x x       f'     x          f'     x
                                        r'     x x        r'     x x
                                        a      x x x      a      x   x

    The video never looks at actions, the first frame never at the future, and the two copies of
    the video never at each other.

    Args:
        num_frames: Latent frames, N = num_frames * tokens_per_frame.
        sees_video_B: For `OPTIONAL_IDM`, bool, shape (B,): whether the sample's actions see the
            whole condition copy or its first frame only. All see the whole copy if None.

    Returns:
        bool, shape (S, S) with S = N + H, or 2 N + H with a condition copy; shape (B, 1, S, S)
        if `sees_video_B` is given.

    Raises:
        ValueError: If another variant is given `sees_video_B`.

    Source: Fast-WAM (code at commit 45d8e14), specification section 5.
    """
    if sees_video_B is not None and variant is not Variant.OPTIONAL_IDM:
        raise ValueError(f"sees_video_B: got one for {variant}, expected it for optional_idm only")
    num_video = num_frames * tokens_per_frame
    video = first_frame_causal(num_frames, tokens_per_frame, device)
    is_first = torch.arange(num_video, device=device) < tokens_per_frame
    seen = is_first if variant is Variant.ACTION_ONLY else torch.ones_like(is_first)
    blocks = [video]
    if variant in (Variant.IDM, Variant.OPTIONAL_IDM):
        blocks, seen = [video, video], torch.cat([torch.zeros_like(seen), seen])
    action = torch.ones(horizon, horizon, dtype=torch.bool, device=device)
    mask_SS = torch.block_diag(*blocks, action).bool()
    start = len(seen)
    mask_SS[start:, :start] = seen
    if sees_video_B is None:
        return mask_SS
    mask_B1SS = mask_SS.expand(len(sees_video_B), 1, -1, -1).clone()
    blind = ~sees_video_B.to(mask_B1SS.device)
    mask_B1SS[blind, :, start:, num_video:start] = is_first
    return mask_B1SS


def first_frame_causal(
    num_frames: int, tokens_per_frame: int, device: torch.device | None = None
) -> Tensor:
    """The video's own mask, bool, shape (N, N): the first frame sees itself, the others all."""
    is_first = torch.arange(num_frames * tokens_per_frame, device=device) < tokens_per_frame
    return is_first[None, :] | ~is_first[:, None]
