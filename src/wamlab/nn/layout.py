"""How weights lie in memory: the same numbers, read faster."""

from __future__ import annotations

from torch import nn


def lay_out_for_cpu(model: nn.Module) -> None:
    """Stores the matrices of linear layers column by column, in place, one at a time.

    A plan multiplies few rows (32 actions) by large matrices that no cache holds. MKL then takes
    a fifth less time if it need not transpose them on the way (measured 2026-11-24, one core,
    32 x 256 x 1024: 52 against 43 GFLOP/s).
    """
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.data = layer.weight.data.t().contiguous().t()
