"""Trains the nano VAE, on the windows that a world action model will see.

Shapes: B batch, R frames of a window, H W pixels, t C h w = latents; as in `nn.nano_vae`.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from wamlab.core.errors import ConfigError
from wamlab.nn.card import WamCard
from wamlab.nn.nano_vae import SPATIAL, NanoVae, NanoVaeNet, NanoVaeSizes, pixels_of
from wamlab.training.objective import TOTAL, Batch, FrozenEncoder

LATENT_NOISE = 0.1
"""Standard deviation of what is added to raw latents while training, so that the decoder bears
with latents that a world model imagined a little wrong."""
LATENT_PENALTY = 1e-4
"""Of the mean squared raw latent: without it, growing latents would drown the noise."""
SCALE_PACE = 20.0
"""How much faster than weights the scale moves: latents change while it follows them."""
SCALE_WEIGHT = 1e-3  # keeps the scale's gradient from shortening that of the networks
MOVED = 0.1  # of the range [-1, 1]; a pixel that changes by more within a window is moving
SAVED_DTYPE = torch.float16  # 2.9 MB; decoded frames differ by at most one level of 255


class NanoVaeObjective:
    """Gives frames back; pixels that move count more, since they are few and matter most."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """What is trained, and on which windows.

        Attributes:
            card: Canvas, frames and steps between them are read from it.
            crop_px: Side of the squares that are cut from a window; background is plentiful and
                teaches little.
            num_crops: Of each window. The first is uniform over the canvas, the second lies
                where something moves, and so on in turn.
            motion_weight: A pixel's error counts 1, and this much more if it moves.
        """

        card: WamCard
        sizes: NanoVaeSizes = field(default_factory=NanoVaeSizes)
        crop_px: int = 64
        num_crops: int = 2
        motion_weight: float = 4.0

        def __post_init__(self) -> None:
            if self.sizes.latents_mean or self.sizes.latents_std:
                raise ConfigError("latents_mean: got some, expected none; the training finds them")
            if self.sizes.latent_channels != self.card.sizes.latent_channels:
                raise ConfigError(
                    f"latent_channels: got {self.sizes.latent_channels}, expected "
                    f"{self.card.sizes.latent_channels} as in the card"
                )
            shortest = min(self.card.image_height, self.card.image_width)
            if self.crop_px % SPATIAL or not SPATIAL <= self.crop_px <= shortest:
                raise ConfigError(
                    f"crop_px: got {self.crop_px}, expected a multiple of {SPATIAL} of at most "
                    f"{shortest}"
                )
            if self.num_crops < 1:
                raise ConfigError(f"num_crops: got {self.num_crops}, expected at least 1")
            if self.card.num_frames < 2:
                raise ConfigError("num_frames: got 1, expected 5 or more, to learn groups too")

    encoder: FrozenEncoder | None = None  # frames are read as they are

    def __init__(self, config: Config) -> None:
        self._config = config
        self.card = config.card
        self.module: nn.Module = self.outline()

    def load(self, seed: int, device: torch.device) -> str:
        # torch's layers draw from the global stream; it is put back behind them.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.module = _Trained(self._config.sizes).to(device)
        return "random weights"

    def embed(self, instructions: Sequence[str]) -> dict[str, Tensor]:
        """No text is read: no rows."""
        width = self.card.sizes.text_dim
        return {each: torch.zeros(0, width) for each in instructions}

    def loss(self, batch: Batch, generators: Sequence[torch.Generator]) -> dict[str, Tensor]:
        assert batch.frames_BRHW3 is not None, "there is no encoder in front"
        module = self.module
        assert isinstance(module, _Trained), "built here"
        squares = [
            crop(frames_RHW3, self._config.crop_px, generator, where_it_moves=index % 2 == 1)
            for frames_RHW3, generator in zip(batch.frames_BRHW3, generators, strict=True)
            for index in range(self._config.num_crops)
        ]
        wanted_BR3HW = pixels_of(torch.stack(squares)).to(module.mean_C.dtype)
        raw_BtChw = module.net.encode(wanted_BR3HW)
        shape = (self._config.num_crops, *raw_BtChw.shape[1:])
        noise = torch.cat([torch.randn(shape, generator=each) for each in generators])
        came_BR3HW = module.net.decode(raw_BtChw + LATENT_NOISE * noise.to(raw_BtChw))
        apart = came_BR3HW - wanted_BR3HW
        error_BHW = apart.abs().mean(dim=(1, 2))
        counts_BHW = 1 + self._config.motion_weight * is_moving(wanted_BR3HW)
        error = (error_BHW * counts_BHW).sum() / counts_BHW.sum()
        surprise = module.surprise(raw_BtChw.detach())
        total = error + LATENT_PENALTY * raw_BtChw.square().mean() + SCALE_WEIGHT * surprise
        return {
            TOTAL: total.float(),
            "error": error.detach().float(),
            "psnr_db": psnr_db(apart.detach()),
            "surprise": surprise.detach().float(),
        }

    def outline(self) -> nn.Module:
        with torch.device("meta"):
            return _Trained(self._config.sizes)

    def outline_batch(self, batch_size: int, dtype: torch.dtype) -> Batch:
        card = self.card

        def numbers(*shape: int) -> Tensor:
            return torch.empty(batch_size, *shape, dtype=dtype, device="meta")

        def flags(length: int) -> Tensor:
            return torch.zeros(batch_size, length, dtype=torch.bool, device="meta")

        frames = (batch_size, card.num_frames, card.image_height, card.image_width, 3)
        return Batch(
            window_B=torch.zeros(batch_size, dtype=torch.int64, device="meta"),
            text_BLT=numbers(0, card.sizes.text_dim),
            state_BP=numbers(card.sizes.state_dim),
            action_BHA=numbers(card.horizon, card.sizes.action_dim),
            action_is_pad_BH=flags(card.horizon),
            image_is_pad_BR=flags(card.num_frames),
            frames_BRHW3=torch.empty(frames, dtype=torch.uint8, device="meta"),
        )

    def save(self, out: Path, weights: Mapping[str, Tensor], statistics: Path) -> None:
        """Writes what `NanoVae.load` reads."""
        module = _Trained(self._config.sizes)
        module.load_state_dict({name: value.float().cpu() for name, value in weights.items()})
        beside = out.with_name(f".{out.name}.{os.getpid()}")
        try:
            module.finished().save(beside, SAVED_DTYPE)
            beside.rename(out)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


class _Trained(nn.Module):
    """The networks, and the scale of their latents, which is learned beside them.

    Mean and deviation of each channel are those of the normal distribution that latents surprise
    least. So they come out of the same steps as the rest, on any number of processes.
    """

    def __init__(self, sizes: NanoVaeSizes) -> None:
        super().__init__()
        self.net = NanoVaeNet(sizes)
        self.mean_C = nn.Parameter(torch.zeros(sizes.latent_channels))
        self.log_std_C = nn.Parameter(torch.zeros(sizes.latent_channels))

    def surprise(self, raw_BtChw: Tensor) -> Tensor:
        """Negative log likelihood per number, but for a constant."""
        apart = raw_BtChw - SCALE_PACE * self.mean_C[:, None, None]
        log_std_C11 = SCALE_PACE * self.log_std_C[:, None, None]
        return (0.5 * (apart * torch.exp(-log_std_C11)).square() + log_std_C11).mean()

    def finished(self) -> NanoVae:
        mean_C, std_C = SCALE_PACE * self.mean_C, (SCALE_PACE * self.log_std_C).exp()
        sizes = replace(
            self.net.sizes,
            latents_mean=tuple(round(number, 5) for number in mean_C.tolist()),
            latents_std=tuple(round(number, 5) for number in std_C.tolist()),
        )
        net = NanoVaeNet(sizes)
        net.load_state_dict(self.net.state_dict())
        return NanoVae(net)


def crop(
    frames_RHW3: Tensor, side: int, generator: torch.Generator, *, where_it_moves: bool
) -> Tensor:
    """Cuts a square out of all frames of a window, in whole latents.

    Args:
        where_it_moves: Around a random one of the pixels that change, if any does.
    """
    _, height, width, _ = frames_RHW3.shape
    draw = torch.rand(2, generator=generator)
    span = torch.tensor([height - side, width - side])
    corner = draw * (span + SPATIAL)
    if where_it_moves and not frames_RHW3.is_meta:
        pixels_1R3HW = pixels_of(frames_RHW3.unsqueeze(0))
        places = is_moving(pixels_1R3HW)[0].nonzero()
        if len(places):
            corner = places[int(draw[0] * len(places))].cpu() - side / 2
    row, column = (corner.clamp(min=0) // SPATIAL * SPATIAL).minimum(span).int().tolist()
    return frames_RHW3[:, row : row + side, column : column + side]


def is_moving(pixels_BR3HW: Tensor) -> Tensor:
    """Bool, shape (B, H, W): pixels whose colour changes within the window."""
    change = pixels_BR3HW.amax(dim=1) - pixels_BR3HW.amin(dim=1)
    return change.amax(dim=1) > MOVED


def psnr_db(apart: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of differences between numbers in [-1, 1], in dB."""
    return 10 * math.log10(4) - 10 * apart.float().square().mean().clamp(min=1e-12).log10()
