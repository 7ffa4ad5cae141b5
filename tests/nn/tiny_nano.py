"""Folders of nano front ends with random weights."""

from pathlib import Path

import torch

from wamlab.nn.nano_text import NanoTextEncoder, NanoTextSizes
from wamlab.nn.nano_vae import NanoVae, NanoVaeNet, NanoVaeSizes

CHANNELS = 6
SIZES = NanoVaeSizes(
    latent_channels=CHANNELS, fine_width=16, deep_width=16, paint_width=8, num_fine_blocks=1,
    num_deep_blocks=1, latents_mean=(0.1, -0.2, 0.3, 0.05, 0.0, -0.1),
    latents_std=(0.5, 0.6, 0.7, 0.8, 0.9, 1.1),
)  # fmt: skip


def tiny_nano_vae(seed: int = 0) -> NanoVae:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return NanoVae(NanoVaeNet(SIZES))


def tiny_nano_vae_folder(path: Path, seed: int = 0) -> Path:
    tiny_nano_vae(seed).save(path, torch.float32)
    return path


def tiny_nano_text_folder(path: Path, dim: int) -> Path:
    NanoTextEncoder(NanoTextSizes(text_dim=dim)).save(path)
    return path
