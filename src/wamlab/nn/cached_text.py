"""Prompts as the blocks of both experts read them: keys and values, made once for each prompt.

Shape legend: as in `nn.mixture`; Q = text rows that are kept, n = layers.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wamlab.nn.attention import KeysValues, Projected
from wamlab.nn.dit import Expert
from wamlab.nn.mixture import Mixture

MAX_PROMPTS = 256  # a suite has 10 instructions; one takes 24 MB at full size


class Prompt(NamedTuple):
    """An embedded prompt.

    Attributes:
        words: Names the prompt in the cache.
        rows_LT: Pads are zero rows.
    """

    words: str
    rows_LT: Tensor


class _Text(NamedTuple):
    """Keys and values of a prompt in all blocks of one expert, each (n, M, Q, K)."""

    k: Tensor
    v: Tensor


class _Prompt(NamedTuple):
    """What is remembered of a prompt; `bias_Q` counts collapsed rows."""

    video: _Text
    action: _Text
    bias_Q: Tensor


class Texts(NamedTuple):
    """The prompts of a batch side by side, each expert's of shape (2, n, B, M, Q, K).

    The first axis is keys and values. With a state, the last row is left for it.
    """

    video: Tensor
    action: Tensor
    bias_BQ: Tensor


class Context(NamedTuple):
    """What a batch reads: for each block its text, and the logits' bias."""

    video: list[KeysValues | Projected]
    action: list[KeysValues | Projected]
    bias_B11Q: Tensor


class TextMemory:
    """What is remembered of the prompts that one model was given."""

    def __init__(self, model: Mixture, *, rows_multiple: int = 1) -> None:
        """Remembers nothing yet.

        Args:
            rows_multiple: Batches are padded to a multiple of this many rows, so that their shapes
                repeat.
        """
        self._model, self._rows_multiple = model, rows_multiple
        self._prompts: OrderedDict[str, _Prompt] = OrderedDict()

    def side_by_side(self, prompts: Sequence[Prompt], *, has_state: bool) -> Texts:
        """Keys and values of each sample's prompt; rows that it lacks are hidden by the bias."""
        known = [self._known(prompt) for prompt in prompts]
        num_rows = max(len(prompt.bias_Q) for prompt in known)
        num_rows = math.ceil(num_rows / self._rows_multiple) * self._rows_multiple
        width = num_rows + has_state
        bias_BQ = known[0].bias_Q.new_full((len(known), width), -math.inf)
        for sample, prompt in enumerate(known):
            bias_BQ[sample, : len(prompt.bias_Q)] = prompt.bias_Q
        bias_BQ[:, num_rows:] = 0
        return Texts(
            video=_side_by_side([prompt.video for prompt in known], width),
            action=_side_by_side([prompt.action for prompt in known], width),
            bias_BQ=bias_BQ,
        )

    def context(self, texts: Texts, state_BP: Tensor | None) -> Context:
        """What a batch reads, its state in the row that was left for it."""
        row_B1T = None
        if state_BP is not None:
            assert self._model.proprio_encoder is not None, "a model without state_dim"
            row_B1T = self._model.proprio_encoder(state_BP).unsqueeze(1)
        return Context(
            video=_read(self._model.video, texts.video, row_B1T),
            action=_read(self._model.action, texts.action, row_B1T),
            bias_B11Q=texts.bias_BQ[:, None, None],
        )

    def _known(self, prompt: Prompt) -> _Prompt:
        if prompt.words not in self._prompts:
            self._prompts[prompt.words] = _remembered(self._model, prompt.rows_LT)
            if len(self._prompts) > MAX_PROMPTS:
                self._prompts.popitem(last=False)
        self._prompts.move_to_end(prompt.words)
        return self._prompts[prompt.words]


def _remembered(model: Mixture, rows_LT: Tensor) -> _Prompt:
    """Keys and values of a prompt's rows, with all zero rows as one.

    n equal keys in a softmax are one key whose logit is larger by log n.
    """
    is_zero_L = (rows_LT == 0).all(dim=1)
    num_zero = int(is_zero_L.sum())
    kept = rows_LT[~is_zero_L]
    bias = rows_LT.new_zeros(len(kept))
    if num_zero:
        kept = torch.cat([kept, rows_LT.new_zeros(1, rows_LT.shape[1])])
        bias = torch.cat([bias, bias.new_full((1,), math.log(num_zero))])
    return _Prompt(_text(model.video, kept), _text(model.action, kept), bias)


def _text(expert: Expert, rows_QT: Tensor) -> _Text:
    made = expert.text(rows_QT.unsqueeze(0))
    return _Text(torch.cat([kv.k_BMSK for kv in made]), torch.cat([kv.v_BMSK for kv in made]))


def _side_by_side(texts: Sequence[_Text], width: int) -> Tensor:
    """Keys and values of several prompts, shape (2, n, B, M, width, K)."""
    num_layers, num_heads, _, head_dim = texts[0].k.shape
    # Zeros, since what is hidden must still be a number: 0 * NaN is NaN.
    joined = texts[0].k.new_zeros(2, num_layers, len(texts), num_heads, width, head_dim)
    for sample, text in enumerate(texts):
        num_rows = text.k.shape[2]
        joined[0, :, sample, :, :num_rows] = text.k
        joined[1, :, sample, :, :num_rows] = text.v
    return joined


def _read(expert: Expert, joined: Tensor, row_B1T: Tensor | None) -> list[KeysValues | Projected]:
    """What each block reads of a batch's prompts, and of its states in the last row."""
    if row_B1T is not None:
        for layer, made in enumerate(expert.text(row_B1T)):
            joined[0, layer, :, :, -1:] = made.k_BMSK
            joined[1, layer, :, :, -1:] = made.v_BMSK
    rows = [KeysValues(k, v) for k, v in zip(joined[0], joined[1], strict=True)]
    width, head_dim = joined.shape[-2:]
    if width >= head_dim:
        return [*rows]
    return [block.cross_attn.projected(kv) for block, kv in zip(expert.layers, rows, strict=True)]
