"""Turns frames into the latents that a video model denoises, with Wan's VAE.

A thin wrapper around `diffusers.AutoencoderKLWan`, which returns raw latents: what it adds is
uint8 frames at one end and normalised latents at the other. Only the mean of the posterior is
used; nothing is drawn.

Shapes: B batch, T frames, t latent frames = 1 + (T - 1) / 4, C latent channels, H W pixels,
h w = H / 16, W / 16.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from torch import Tensor

from wamlab.core.errors import ConfigError
from wamlab.nn.folders import fill, read_json, read_tensors

WAN22_CONFIG: Mapping[str, object] = MappingProxyType(
    {
        "base_dim": 160,
        "decoder_base_dim": 256,
        "z_dim": 48,
        "dim_mult": [1, 2, 4, 4],
        "num_res_blocks": 2,
        "temperal_downsample": [False, True, True],
        "is_residual": True,
        "in_channels": 12,
        "out_channels": 12,
        "patch_size": 2,
        "scale_factor_spatial": 16,
        "scale_factor_temporal": 4,
        "latents_mean": [
            -0.2289, -0.0052, -0.1323, -0.2339, -0.2799, 0.0174, 0.1838, 0.1557, -0.1382, 0.0542,
            0.2813, 0.0891, 0.1570, -0.0098, 0.0375, -0.1825, -0.2246, -0.1207, -0.0698, 0.5109,
            0.2665, -0.2108, -0.2158, 0.2502, -0.2055, -0.0322, 0.1109, 0.1567, -0.0729, 0.0899,
            -0.2799, -0.1230, -0.0313, -0.1649, 0.0117, 0.0723, -0.2839, -0.2083, -0.0520, 0.3748,
            0.0152, 0.1957, 0.1433, -0.2944, 0.3573, -0.0548, -0.1681, -0.0667,
        ],
        "latents_std": [
            0.4765, 1.0364, 0.4514, 1.1677, 0.5313, 0.4990, 0.4818, 0.5013, 0.8158, 1.0344,
            0.5894, 1.0901, 0.6885, 0.6165, 0.8454, 0.4978, 0.5759, 0.3523, 0.7135, 0.6804,
            0.5833, 1.4146, 0.8986, 0.5659, 0.7069, 0.5338, 0.4889, 0.4917, 0.4069, 0.4999,
            0.6866, 0.4093, 0.5709, 0.6065, 0.6415, 0.4944, 0.5726, 1.2042, 0.5458, 1.6887,
            0.3971, 1.0600, 0.3943, 0.5537, 0.5444, 0.4089, 0.7468, 0.7744,
        ],
    }
)  # fmt: skip
"""Arguments of `AutoencoderKLWan` for Wan 2.2 TI2V-5B, for weights that come without a config.

Source: Wan-Video/Wan2.2, wan/modules/vae2_2.py (sizes, mean and std in class Wan2_2_VAE).
"""

DECODER_PREFIXES = ("decoder.", "post_quant_conv.")


class VideoVae:
    """Wan's VAE in front of, and behind, a video model.

    The model is frozen. It has no `forward`; gradients stop here, but `inference_mode` is the
    caller's business.

    Attributes:
        model: The network, e.g. for compiling it.
        latent_channels: C, 48 in Wan 2.2.
        spatial_stride: Pixels per latent, along height and width.
        temporal_stride: Frames per latent frame, after the first.
    """

    def __init__(self, model: AutoencoderKLWan) -> None:
        config = model.config
        self.model = model.train(False).requires_grad_(False)
        self.latent_channels = int(config["z_dim"])
        self.spatial_stride = (config["patch_size"] or 1) * 2 ** (len(config["dim_mult"]) - 1)
        self.temporal_stride = 2 ** sum(config["temperal_downsample"])
        for name in ("latents_mean", "latents_std"):
            # The class has Wan 2.1's 16 numbers as its default, so a config that lacks them
            # would go unnoticed.
            if (found := len(config[name])) != self.latent_channels:
                raise ConfigError(
                    f"{name}: got {found} numbers, expected {self.latent_channels} (z_dim); "
                    "add them to the VAE's config.json"
                )
        device = next(model.parameters()).device
        # float32 whatever the weights' type: bfloat16 would move a latent by up to 0.4 %.
        self._mean_1C111 = _per_channel(config["latents_mean"], device)
        self._std_1C111 = _per_channel(config["latents_std"], device)

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype, *, decoder: bool = True) -> Self:
        """Reads a diffusers folder (config.json beside *.safetensors), strictly.

        Args:
            dtype: Of the weights in memory.
            decoder: Without it nothing can be decoded, and Wan 2.2's weights take 0.3 GB in
                bfloat16 in place of 1.4 GB.

        Raises:
            ConfigError: A file is missing, or a weight is missing, unknown or of another shape.
        """
        config = read_json(folder / "config.json", "the VAE's configuration")
        with torch.device("meta"):
            model = AutoencoderKLWan.from_config(config)
        if not decoder:
            drop_decoder(model)
        weights = read_tensors(folder, dtype, without=() if decoder else DECODER_PREFIXES)
        fill(model, weights, f"VAE weights in {folder}")
        return cls(model)

    @property
    def decodes(self) -> bool:
        """Whether the decoder was kept."""
        return self.model.decoder is not None

    def to(self, device: torch.device | str) -> Self:
        """Moves the weights; their type stays."""
        self.model.to(device=device)  # type: ignore[call-arg]  # diffusers wraps `to` untyped
        self._mean_1C111 = self._mean_1C111.to(device)
        self._std_1C111 = self._std_1C111.to(device)
        return self

    def encode(self, frames_BTHW3: Tensor) -> Tensor:
        """Normalised latents, float32, shape (B, C, t, h, w).

        The first latent frame depends on the first frame only, so an observation alone and a
        clip that starts with it give the same one.

        Args:
            frames_BTHW3: RGB, uint8, T = 1 + 4 n, height and width multiples of the stride.
                Scaled as x * 2 / 255 - 1 in float32. (Fast-WAM's evaluation does this in
                bfloat16, which differs by up to 0.004.)
        """
        if frames_BTHW3.dtype != torch.uint8 or frames_BTHW3.ndim != 5:
            raise ValueError(
                f"frames: got {frames_BTHW3.dtype}{list(frames_BTHW3.shape)}, "
                "expected uint8[batch, time, height, width, 3]"
            )
        num_frames, height, width = frames_BTHW3.shape[1:4]
        if (num_frames - 1) % self.temporal_stride:
            raise ValueError(f"frames: got {num_frames}, expected 1 + {self.temporal_stride} n")
        if height % self.spatial_stride or width % self.spatial_stride:
            raise ValueError(
                f"frames: got {height}x{width} pixels, expected multiples of {self.spatial_stride}"
            )
        pixels_B3THW = frames_BTHW3.permute(0, 4, 1, 2, 3).float() * 2 / 255 - 1
        posterior = self.model.encode(pixels_B3THW.to(self.model.dtype)).latent_dist
        raw_BCthw: Tensor = posterior.mode().float()
        return (raw_BCthw - self._mean_1C111) / self._std_1C111

    def decode(self, latent_BCthw: Tensor) -> Tensor:
        """Frames, RGB, uint8, shape (B, T, H, W, 3); values outside [-1, 1] are clamped.

        Args:
            latent_BCthw: Normalised latents as `encode` gives them, any float type.
        """
        if not self.decodes:
            raise ConfigError("VAE: loaded without its decoder; load it with decoder=True")
        raw_BCthw = latent_BCthw.float() * self._std_1C111 + self._mean_1C111
        pixels_B3THW: Tensor = self.model.decode(raw_BCthw.to(self.model.dtype)).sample.float()
        bytes_B3THW = ((pixels_B3THW.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
        return bytes_B3THW.permute(0, 2, 3, 4, 1)


def drop_decoder(model: AutoencoderKLWan) -> None:
    """Takes the decoder off a VAE that will only encode; see `DECODER_PREFIXES`."""
    # Their annotations promise them, but `AutoencoderKLWan` itself allows for no decoder.
    model.decoder = None  # type: ignore[assignment]
    model.post_quant_conv = None  # type: ignore[assignment]


def _per_channel(values: list[float], device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float32, device=device)[None, :, None, None, None]
