"""Turns frames into latents with a small autoencoder that one CPU core can train.

It stands where Wan's VAE stands in a full-size model (`nn.video_vae`); the networks are in
`nn.nano_vae_net`.

Shapes: B batch, T frames, t latent frames = 1 + (T - 1) / 4, C latent channels, H W pixels,
h w = H / 16, W / 16.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import save_file
from torch import Tensor

from wamlab.core.errors import ConfigError
from wamlab.nn.folders import fill, read_json, read_tensors
from wamlab.nn.nano_vae_net import SPATIAL, TEMPORAL, NanoVaeNet, NanoVaeSizes

__all__ = ["SPATIAL", "TEMPORAL", "NanoVae", "NanoVaeNet", "NanoVaeSizes", "pixels_of"]

CLASS = "NanoVae"  # `_class_name` in config.json, where diffusers puts the name of its class
DECODER_PREFIXES = ("image_decoder.", "group_decoder.", "painter.")


class NanoVae:
    """The nano VAE in front of, and behind, a video model; used like `nn.video_vae.VideoVae`.

    The model is frozen; gradients stop here.

    Attributes:
        model: The network.
        latent_channels: C.
        spatial_stride: Pixels per latent, along height and width.
        temporal_stride: Frames per latent frame, after the first.
    """

    def __init__(self, model: NanoVaeNet) -> None:
        sizes = model.sizes
        if not sizes.latents_mean or not sizes.latents_std:
            raise ConfigError(
                "latents_mean: got none, expected the scale of the latents; measure it after "
                "training (training.nano_vae does)"
            )
        self.model = model.train(False).requires_grad_(False)
        self.latent_channels = sizes.latent_channels
        self.spatial_stride, self.temporal_stride = SPATIAL, TEMPORAL
        device = next(model.parameters()).device
        self._mean_C11 = torch.tensor(sizes.latents_mean, device=device)[:, None, None]
        self._std_C11 = torch.tensor(sizes.latents_std, device=device)[:, None, None]

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype, *, decoder: bool = True) -> Self:
        """Reads config.json and *.safetensors, strictly.

        Args:
            dtype: Of the weights in memory.
            decoder: Without it nothing can be decoded.

        Raises:
            ConfigError: A file is missing, or a weight is missing, unknown or of another shape.
        """
        model = NanoVaeNet(read_sizes(folder))
        if not decoder:
            drop_decoder(model)
        weights = read_tensors(folder, dtype, without=() if decoder else DECODER_PREFIXES)
        fill(model, weights, f"VAE weights in {folder}")
        return cls(model)

    def save(self, folder: Path, dtype: torch.dtype) -> None:
        """Writes what `load` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        stored = {"_class_name": CLASS, **asdict(self.model.sizes)}
        (folder / "config.json").write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
        weights = {
            name: value.detach().to("cpu", dtype).contiguous(memory_format=torch.contiguous_format)
            for name, value in self.model.state_dict().items()
        }
        save_file(weights, folder / "model.safetensors")

    @property
    def decodes(self) -> bool:
        """Whether the decoder was kept."""
        return self.model.painter is not None

    def to(self, device: torch.device | str) -> Self:
        """Moves the weights; their type stays."""
        self.model.to(device=device)
        self._mean_C11, self._std_C11 = self._mean_C11.to(device), self._std_C11.to(device)
        return self

    def encode(self, frames_BTHW3: Tensor) -> Tensor:
        """Normalised latents, float32, shape (B, C, t, h, w).

        The first latent frame depends on the first frame only.

        Args:
            frames_BTHW3: RGB, uint8, T = 1 + 4 n, height and width multiples of the stride.
        """
        pixels_BT3HW = pixels_of(frames_BTHW3)
        dtype = next(self.model.parameters()).dtype
        raw_BtChw = self.model.encode(pixels_BT3HW.to(dtype)).float()
        return ((raw_BtChw - self._mean_C11) / self._std_C11).transpose(1, 2).contiguous()

    def decode(self, latent_BCthw: Tensor) -> Tensor:
        """Frames, RGB, uint8, shape (B, T, H, W, 3); values outside [-1, 1] are clamped.

        Args:
            latent_BCthw: Normalised latents as `encode` gives them, any float type.
        """
        if not self.decodes:
            raise ConfigError("VAE: loaded without its decoder; load it with decoder=True")
        raw_BtChw = latent_BCthw.float().transpose(1, 2) * self._std_C11 + self._mean_C11
        dtype = next(self.model.parameters()).dtype
        pixels_BT3HW = self.model.decode(raw_BtChw.to(dtype)).float()
        frames_BT3HW = ((pixels_BT3HW.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return frames_BT3HW.permute(0, 1, 3, 4, 2).contiguous()


def pixels_of(frames_BTHW3: Tensor) -> Tensor:
    """Frames as the networks see them: float32 in [-1, 1], shape (B, T, 3, H, W)."""
    if frames_BTHW3.dtype != torch.uint8 or frames_BTHW3.ndim != 5:
        raise ValueError(
            f"frames: got {frames_BTHW3.dtype}{list(frames_BTHW3.shape)}, "
            "expected uint8[batch, time, height, width, 3]"
        )
    num_frames, height, width = frames_BTHW3.shape[1:4]
    if (num_frames - 1) % TEMPORAL:
        raise ValueError(f"frames: got {num_frames}, expected 1 + {TEMPORAL} n")
    if height % SPATIAL or width % SPATIAL:
        raise ValueError(f"frames: got {height}x{width} pixels, expected multiples of {SPATIAL}")
    return frames_BTHW3.permute(0, 1, 4, 2, 3).float() * 2 / 255 - 1


def read_sizes(folder: Path) -> NanoVaeSizes:
    """What config.json of a nano VAE says.

    Raises:
        ConfigError: The file is missing or another model's.
    """
    stored = read_json(folder / "config.json", "the VAE's configuration")
    if (found := stored.pop("_class_name", None)) != CLASS:
        raise ConfigError(f"{folder}/config.json: _class_name is {found!r}, expected {CLASS!r}")
    try:
        sizes = NanoVaeSizes(**stored)  # type: ignore[arg-type]  # JSON; checked below
        return replace(
            sizes,
            latents_mean=tuple(float(number) for number in sizes.latents_mean),
            latents_std=tuple(float(number) for number in sizes.latents_std),
        )
    except TypeError as error:
        raise ConfigError(f"{folder}/config.json: {error}; expected a nano VAE's sizes") from None


def drop_decoder(model: NanoVaeNet) -> None:
    """Takes the decoder off a VAE that will only encode."""
    # A frozen model without them is still the model; only `decode` asks for them.
    model.image_decoder = model.group_decoder = model.painter = None  # type: ignore[assignment]
