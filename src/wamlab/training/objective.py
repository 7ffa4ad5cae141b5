"""The seam between the trainer and what is trained.

Shape legend: B = batch, R = frames, H W = pixels, C F Y X = channels, frames, rows and columns of
latents, L = rows of text, T = width of text, P = numbers of state, A = per action; in actions H
is the horizon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol, Self

import torch
from torch import Tensor, nn

from wamlab.nn.card import WamCard

TOTAL = "total"
"""Name of the loss whose gradient is followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some windows of a dataset, normalised.

    Attributes:
        window_B: int64, which windows of the dataset.
        text_BLT: Embedded prompts; all rows are attended to.
        state_BP: Of the first step.
        action_BHA: Padded past the end of the demonstration.
        action_is_pad_BH: bool.
        image_is_pad_BR: bool.
        frames_BRHW3: uint8, on the model's canvas; None where latents are read from a cache.
        latents_BCFYX: Of the frames; None before they are encoded, or without an encoder.
    """

    window_B: Tensor
    text_BLT: Tensor
    state_BP: Tensor
    action_BHA: Tensor
    action_is_pad_BH: Tensor
    image_is_pad_BR: Tensor
    frames_BRHW3: Tensor | None = None
    latents_BCFYX: Tensor | None = None

    def to(self, device: torch.device, dtype: torch.dtype) -> Self:
        """On a device; floating-point numbers in that type."""

        def moved(tensor: Tensor | None) -> Tensor | None:
            if tensor is None:
                return None
            return tensor.to(device, dtype if tensor.is_floating_point() else None)

        return type(self)(**{f.name: moved(getattr(self, f.name)) for f in fields(self)})  # type: ignore[arg-type]  # None stays None

    def tensors(self) -> dict[str, Tensor]:
        """What is there, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: tensor for name, tensor in named.items() if tensor is not None}


class FrozenEncoder(Protocol):
    """Turns frames into latents and is not trained, so that its work can be kept.

    Attributes:
        model: Its weights.
    """

    @property
    def model(self) -> nn.Module: ...

    def encode(self, frames_BTHW3: Tensor) -> Tensor:
        """Latents, float32, shape (B, C, F, Y, X), of uint8 frames."""


class Objective(Protocol):
    """A model together with what it is trained to do; `load` comes before anything else."""

    @property
    def card(self) -> WamCard:
        """What a window looks like: cameras, frames, horizon, normalisation."""

    @property
    def module(self) -> nn.Module:
        """All that is trained, and nothing else."""

    @property
    def encoder(self) -> FrozenEncoder | None:
        """None for a model that reads frames itself."""

    def load(self, seed: int, device: torch.device) -> str:
        """Builds the model in float32; returns where its weights come from, in a line.

        Raises:
            ConfigError: If a file is missing or does not fit.
        """

    def embed(self, instructions: Sequence[str]) -> Mapping[str, Tensor]:
        """Rows of text of each instruction, shape (L, T); called once, before the training."""

    def loss(self, batch: Batch, generators: Sequence[torch.Generator]) -> Mapping[str, Tensor]:
        """Named losses of a batch, one of them TOTAL, each float32 and scalar.

        Args:
            generators: One for each sample, on the CPU. All that is random comes from them, so
                that a sample's noise does not depend on which process draws it.
        """

    def outline(self) -> nn.Module:
        """The module on the meta device: shapes without numbers, without any file."""

    def outline_batch(self, batch_size: int, dtype: torch.dtype) -> Batch:
        """A batch on the meta device, for `loss` of the outline."""

    def save(self, out: Path, weights: Mapping[str, Tensor], statistics: Path) -> None:
        """Writes a model folder that a policy loads, whole or not at all."""
