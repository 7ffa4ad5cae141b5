"""How weights lie in memory: the same numbers, read faster."""

from __future__ import annotations

import torch
from torch import Tensor

from wamlab.nn.attention import Attention, Joined
from wamlab.nn.mixture import Mixture


def lay_out(model: Mixture) -> None:
    """Rearranges the weights of a model in place, layer by layer, once it is where it will plan.

    Queries, keys and values of self-attention become one product. On CPU, matrices are stored
    column by column: a plan multiplies few rows (32 actions) by matrices that no cache holds, and
    MKL takes a fifth less time if it need not transpose them on the way (measured 2026-11-24, one
    core, 32 x 256 x 1024: 52 against 43 GFLOP/s).
    """
    for expert in (model.video, model.action):
        for block in expert.layers:
            block.self_attn.join(_joined(block.self_attn))
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear) and layer.weight.is_contiguous():
            layer.weight.data = _by_columns(layer.weight.data)


def _joined(attention: Attention) -> Joined:
    parts = (attention.q, attention.k, attention.v)
    return Joined(
        weight_3ED=_by_columns(torch.cat([part.weight.data for part in parts])),
        bias_3E=torch.cat([part.bias.data for part in parts]),
        norm_2E=torch.stack([attention.norm_q.weight.data, attention.norm_k.weight.data]),
    )


def _by_columns(weight: Tensor) -> Tensor:
    return weight.t().contiguous().t() if weight.device.type == "cpu" else weight
