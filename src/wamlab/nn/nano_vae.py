"""Turns frames into latents with a small autoencoder that one CPU core can train.

It stands where Wan's VAE stands in a full-size model: 16 x 16 pixels per latent, one latent for
the first frame and one for each four after it. Two pairs of networks: one for the first frame
alone, one for a group of four, which is coded given the frame before it, so that its latents
need to say only what changed. Convolutions work on a grid of 8 x 8 pixels and coarser; a small
painter turns features at a quarter of the resolution into pixels.

Shapes: B batch, T frames, t latent frames = 1 + (T - 1) / 4, C latent channels, H W pixels,
h w = H / 16, W / 16; D = width, Y X = rows and columns of any grid; N = B times frames.

Source: the block is that of ConvNeXt (arXiv 2201.03545) without layer scale.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from wamlab.core.errors import ConfigError
from wamlab.nn.folders import read_json, read_tensors

CLASS = "NanoVae"  # `_class_name` in config.json, where diffusers puts the name of its class
SPATIAL, TEMPORAL = 16, 4
FINE = 8  # pixels of a cell of the fine grid, whose two by two are one latent
KERNEL = 5
DECODER_PREFIXES = ("image_decoder.", "group_decoder.", "painter.")


@dataclass(frozen=True, slots=True, kw_only=True)
class NanoVaeSizes:
    """Numbers that decide the shape of every weight, and the scale of the latents.

    Attributes:
        fine_width: Channels where a cell is 8 x 8 pixels.
        deep_width: Channels where it is 16 x 16.
        paint_width: Channels where it is 4 x 4, per frame.
        latents_mean: Of each latent channel over the training frames; subtracted by `encode`.
        latents_std: Likewise; divided by.
    """

    latent_channels: int = 32
    fine_width: int = 96
    deep_width: int = 128
    paint_width: int = 32
    num_fine_blocks: int = 3
    num_deep_blocks: int = 2
    latents_mean: tuple[float, ...] = ()
    latents_std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("latents_mean", "latents_std"):
            found = len(getattr(self, name))
            if found not in (0, self.latent_channels):
                raise ConfigError(
                    f"{name}: got {found} numbers, expected {self.latent_channels} "
                    "(latent_channels), or none while the scale is not measured"
                )


class NanoVaeNet(nn.Module):
    """The networks, from pixels in [-1, 1] to raw latents and back."""

    def __init__(self, sizes: NanoVaeSizes) -> None:
        super().__init__()
        self.sizes = sizes
        channels = sizes.latent_channels
        self.image_encoder = _Encoder(1, sizes)
        self.group_encoder = _Encoder(1 + TEMPORAL, sizes)
        self.image_decoder = _Decoder(channels, 1, sizes)
        self.group_decoder = _Decoder(2 * channels, TEMPORAL, sizes)
        self.painter = _Painter(sizes.paint_width)

    def encode(self, pixels_BT3HW: Tensor) -> Tensor:
        """Raw latents, shape (B, t, C, h, w)."""
        batch, num_frames = pixels_BT3HW.shape[:2]
        latent_BChw = self.image_encoder(pixels_BT3HW[:, 0])
        if num_frames == 1:
            return latent_BChw.unsqueeze(1)
        # Each group of four with the frame before it: frames 0 to 4, 4 to 8, ...
        groups = [pixels_BT3HW[:, i : i + 5] for i in range(0, num_frames - 1, TEMPORAL)]
        folded = torch.stack(groups, dim=1).flatten(2, 3).flatten(0, 1)
        later = self.group_encoder(folded).unflatten(0, (batch, len(groups)))
        return torch.cat([latent_BChw.unsqueeze(1), later], dim=1)

    def decode(self, latent_BtChw: Tensor) -> Tensor:
        """Pixels, shape (B, T, 3, H, W), not clamped."""
        batch, num_latents = latent_BtChw.shape[:2]
        drafts = self.image_decoder(latent_BtChw[:, 0]).unsqueeze(1)
        if num_latents > 1:
            pairs = torch.cat([latent_BtChw[:, :-1], latent_BtChw[:, 1:]], dim=2)
            later = self.group_decoder(pairs.flatten(0, 1))
            later = later.unflatten(0, (batch, num_latents - 1)).unflatten(2, (TEMPORAL, -1))
            drafts = torch.cat([drafts, later.flatten(1, 2)], dim=1)
        pixels: Tensor = self.painter(drafts.flatten(0, 1))
        return pixels.unflatten(0, (batch, -1))


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
        try:
            model.load_state_dict(weights, strict=True, assign=True)
        except RuntimeError as error:
            raise ConfigError(
                f"VAE weights in {folder} do not fit its config.json: {error}"
            ) from None
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


class _Block(nn.Module):
    """Looks around with one kernel per channel, then mixes channels at each place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.around = nn.Conv2d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)

    def forward(self, x_NDYX: Tensor) -> Tensor:
        # With channels last, the permutations below move nothing. Only activations are so: an
        # optimiser's running means are restored in plain order, and must lie like the weights.
        x_NDYX = x_NDYX.contiguous(memory_format=torch.channels_last)
        h_NYXD = self.norm(self.around(x_NDYX).permute(0, 2, 3, 1))
        h_NYXD = self.narrow(F.gelu(self.widen(h_NYXD), approximate="tanh"))
        return x_NDYX + h_NYXD.permute(0, 3, 1, 2)


class _Encoder(nn.Sequential):
    """From frames, folded into channels, to a latent."""

    def __init__(self, num_frames: int, sizes: NanoVaeSizes) -> None:
        fine, deep = sizes.fine_width, sizes.deep_width
        super().__init__(
            nn.PixelUnshuffle(FINE),
            nn.Conv2d(3 * num_frames * FINE**2, fine, 1),
            *(_Block(fine) for _ in range(sizes.num_fine_blocks)),
            nn.Conv2d(fine, deep, 2, stride=2),
            *(_Block(deep) for _ in range(sizes.num_deep_blocks)),
            nn.Conv2d(deep, sizes.latent_channels, 1),
        )


class _Decoder(nn.Sequential):
    """From latents, folded into channels, to a draft of each frame at a quarter of its size."""

    def __init__(self, channels: int, num_frames: int, sizes: NanoVaeSizes) -> None:
        fine, deep = sizes.fine_width, sizes.deep_width
        super().__init__(
            nn.Conv2d(channels, deep, 1),
            *(_Block(deep) for _ in range(sizes.num_deep_blocks)),
            nn.Conv2d(deep, 4 * fine, 1),
            nn.PixelShuffle(2),
            *(_Block(fine) for _ in range(sizes.num_fine_blocks)),
            nn.Conv2d(fine, 4 * num_frames * sizes.paint_width, 1),
            nn.PixelShuffle(2),
        )


class _Painter(nn.Sequential):
    """From the draft of a frame to its pixels; the same for every frame."""

    def __init__(self, width: int) -> None:
        super().__init__(
            _Block(width),
            nn.Conv2d(width, 3 * (FINE // 2) ** 2, 3, padding=1),
            nn.PixelShuffle(FINE // 2),
        )
