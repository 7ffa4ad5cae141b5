"""Stops a training whose numbers are none any more, and keeps the batch that did it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors.torch import save_file

from wamlab.core.errors import WamlabError
from wamlab.training.objective import Batch


class DivergenceError(WamlabError, RuntimeError):
    """A loss or gradient is NaN or infinite; the weights are as they were before that step."""


def keep_batch(folder: Path, step: int, rank: int, batch: Batch, names: Sequence[str]) -> Path:
    """Writes the batch of a step; its header names the windows."""
    path = folder / f"diverged_step_{step:06d}_process_{rank}.safetensors"
    tensors = {name: tensor.cpu().contiguous() for name, tensor in batch.tensors().items()}
    save_file(tensors, path, metadata={str(index): name for index, name in enumerate(names)})
    return path


def divergence(
    step: int, values: Mapping[str, float], kept: Path, names: Sequence[str]
) -> DivergenceError:
    """The error that ends the training.

    Args:
        step: From 1.
        values: Losses, and the gradient's norm if it came to that.
    """
    said = ", ".join(f"{name} {value:g}" for name, value in values.items())
    return DivergenceError(
        f"step {step}: {said}; expected finite numbers. Its batch is in {kept} (windows: "
        f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}). The last checkpoint is from "
        "before it: look at the batch, or train with a smaller learning rate"
    )
