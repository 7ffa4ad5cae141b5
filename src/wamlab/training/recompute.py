"""Gradient checkpointing: computes the insides of blocks twice, in place of keeping them.

Kept are what goes from block to block, queries, keys and values; computed again are norms,
projections and feed-forward layers, which take most of the memory. Attention is computed once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

METHODS = ("heads", "after_attention")
"""Of a block (`nn.dit.Block`): the halves before and behind the joint attention."""

Caller = Callable[..., Any]
"""Calls its first argument with the others."""


TWICE: Caller = partial(checkpoint, use_reentrant=False)
"""Computes forwards, and again while going backwards."""


def recompute_blocks(module: nn.Module, caller: Caller = TWICE) -> None:
    """Changes how the blocks of a module are called; their weights and names stay.

    Args:
        caller: How; another one can count what is kept.
    """
    for block in module.modules():
        if all(hasattr(block, method) for method in METHODS):
            for method in METHODS:
                setattr(block, method, partial(caller, getattr(block, method)))
