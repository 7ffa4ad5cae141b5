"""What a training needs of every process's memory, found out without any: on the meta device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._pytree import tree_leaves

from wamlab.core.config import build
from wamlab.training.adamw import owners
from wamlab.training.objective import TOTAL, Objective
from wamlab.training.recipe import Precision, Training
from wamlab.training.recompute import recompute_blocks

MASTER_BYTES = 12  # of AdamW: a float32 copy and two running means
WIDTHS = {Precision.FLOAT32: torch.float32, Precision.BFLOAT16: torch.bfloat16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a training is, before any weight or frame is read. Bytes are of the largest process.

    Attributes:
        num_weights: Part of the model -> numbers in it.
        weights_bytes: Of the whole model in the type that it computes in.
        gradients_bytes: Likewise; all of them exist at the end of a backward.
        optimiser_bytes: Of this process's share: float32 weights where they are not the model's
            own, and running means.
        activations_bytes: Kept for the backward, and computed again for one block. Buffers of
            kernels, of communication and of the frozen encoder come on top.
    """

    num_weights: dict[str, int]
    weights_bytes: int
    gradients_bytes: int
    optimiser_bytes: int
    activations_bytes: int

    @property
    def total_weights(self) -> int:
        return sum(self.num_weights.values())

    @property
    def total_bytes(self) -> int:
        return (
            self.weights_bytes
            + self.gradients_bytes
            + self.optimiser_bytes
            + self.activations_bytes
        )


def outline(training: Training, num_processes: int) -> Outline:
    """Runs one forward pass of one process's share of the batch on the meta device."""
    objective: Objective = build(training.objective)
    dtype = WIDTHS[training.precision]
    module = objective.outline()
    sizes = {name: weight.numel() for name, weight in module.named_parameters()}
    parts: dict[str, int] = {}
    for name, size in sizes.items():
        part = name.partition(".")[0]
        parts[part] = parts.get(part, 0) + size
    owner = owners(sizes, num_processes)
    shares = [0] * num_processes
    for name, size in sizes.items():
        shares[owner[name]] += size
    per_number = MASTER_BYTES if dtype != torch.float32 else MASTER_BYTES - 4
    width = sum(sizes.values()) * dtype.itemsize
    return Outline(
        num_weights=parts,
        weights_bytes=width,
        gradients_bytes=width,
        optimiser_bytes=max(shares) * per_number,
        activations_bytes=_activations(objective, training, num_processes, dtype),
    )


def _activations(
    objective: Objective, training: Training, num_processes: int, dtype: torch.dtype
) -> int:
    """Bytes that a forward pass keeps for its backward, and the most that a block adds to them."""
    weights = {id(w) for w in objective.module.to(dtype).parameters()}
    kept, most_inside = _Kept(weights), 0

    def counted(method: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - as given
        nonlocal most_inside
        for leaf in tree_leaves(arguments):
            if isinstance(leaf, Tensor):
                kept.add(leaf)
        inside = _Kept(weights)
        with saved_tensors_hooks(inside.add, lambda tensor: tensor):
            result = method(*arguments)
        most_inside = max(most_inside, inside.num_bytes)
        return result

    if training.gradient_checkpointing:
        recompute_blocks(objective.module, counted)
    share = training.batch_size // num_processes
    batch = objective.outline_batch(share, dtype)
    generators = [torch.Generator().manual_seed(0) for _ in range(share)]
    with saved_tensors_hooks(kept.add, lambda tensor: tensor):
        total = objective.loss(batch, generators)[TOTAL]
    assert total.is_meta, "nothing was computed"
    return kept.num_bytes + most_inside


class _Kept:
    """Counts memory once, however many tensors look at it."""

    def __init__(self, weights: set[int]) -> None:
        self._weights = weights
        self._seen: dict[int, Tensor] = {}  # tensors stay alive, so that no id is used twice
        self.num_bytes = 0

    def add(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        number = storage._cdata
        if id(tensor) not in self._weights and number not in self._seen:
            self._seen[number] = tensor
            self.num_bytes += storage.nbytes()
        return tensor
