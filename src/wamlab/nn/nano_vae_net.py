"""The networks of the nano VAE: a cosine transform of patches, and what corrects it.

Two pairs: one for the first frame alone, one for a group of four, which is coded given the first
frame, so that its latents need to say only what changed. Each is a cosine transform of whole
patches (`nn.nano_cosines`), which stays as it is, plus a network that starts at zero and learns
what the transform cannot. Convolutions work on a grid of 8 x 8 pixels and coarser; a small
painter turns features at a quarter of the resolution into pixels.

Shapes: B batch, T frames, t latent frames = 1 + (T - 1) / 4, C latent channels, H W pixels,
h w = H / 16, W / 16; D = width, Y X = rows and columns of any grid, P P of a patch; N = B times
frames; F = frames and colours folded.

Source: the block is that of ConvNeXt (arXiv 2201.03545) without layer scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wamlab.core.errors import ConfigError
from wamlab.nn.nano_cosines import change_code, image_code

SPATIAL, TEMPORAL = 16, 4
FINE = 8  # pixels of a cell of the fine grid, whose two by two are one latent
KERNEL = 5


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
        image, change = image_code(channels), change_code(channels, TEMPORAL)
        self.image_encoder = _Encoder(image.analysis, sizes)
        # A change is taken from the first frame, which is folded in front of the four.
        apart = change.analysis
        apart = torch.cat([-apart.sum(dim=1, keepdim=True), apart], dim=1)
        self.group_encoder = _Encoder(apart, sizes)
        self.image_decoder = _Decoder(image.synthesis, sizes)
        still = image.synthesis.expand(-1, TEMPORAL, -1, -1, -1)
        self.group_decoder = _Decoder(torch.cat([still, change.synthesis]), sizes)
        self.painter = _Painter(sizes.paint_width)

    def encode(self, pixels_BT3HW: Tensor) -> Tensor:
        """Raw latents, shape (B, t, C, h, w)."""
        first_B3HW = pixels_BT3HW[:, 0]
        latents = [self.image_encoder(first_B3HW).unsqueeze(1)]
        if pixels_BT3HW.shape[1] > 1:
            groups = pixels_BT3HW[:, 1:].unflatten(1, (-1, TEMPORAL)).flatten(2, 3)
            first = first_B3HW.unsqueeze(1).expand(-1, groups.shape[1], -1, -1, -1)
            folded = torch.cat([first, groups], dim=2)
            later = self.group_encoder(folded.flatten(0, 1))
            latents.append(later.unflatten(0, folded.shape[:2]))
        return torch.cat(latents, dim=1)

    def decode(self, latent_BtChw: Tensor) -> Tensor:
        """Pixels, shape (B, T, 3, H, W), not clamped."""
        first_BChw, later_BtChw = latent_BtChw[:, 0], latent_BtChw[:, 1:]
        pixels, features = self.image_decoder(first_BChw)
        if later_BtChw.shape[1]:
            first = first_BChw.unsqueeze(1).expand_as(later_BtChw)
            pairs = torch.cat([first, later_BtChw], dim=2)
            later = self.group_decoder(pairs.flatten(0, 1))
            pixels, features = (
                torch.cat([one, more.unflatten(0, pairs.shape[:2]).flatten(1, 2)], dim=1)
                for one, more in zip((pixels, features), later, strict=True)
            )
        painted = self.painter(features.flatten(0, 1)).unflatten(0, features.shape[:2])
        return pixels + painted


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


class _Encoder(nn.Module):
    """From frames, folded into channels, to a latent.

    Args:
        analysis_CT3PP: What patches are multiplied with.
    """

    weight_CFPP: Tensor

    def __init__(self, analysis_CT3PP: Tensor, sizes: NanoVaeSizes) -> None:
        super().__init__()
        fine, deep = sizes.fine_width, sizes.deep_width
        weight_CFPP = analysis_CT3PP.flatten(1, 2)
        channels, folded = weight_CFPP.shape[:2]
        # Computed anew whenever it is needed, so not stored.
        self.register_buffer("weight_CFPP", weight_CFPP, persistent=False)
        self.rest = nn.Sequential(
            nn.PixelUnshuffle(FINE),
            nn.Conv2d(folded * FINE**2, fine, 1),
            *(_Block(fine) for _ in range(sizes.num_fine_blocks)),
            nn.Conv2d(fine, deep, 2, stride=2),
            *(_Block(deep) for _ in range(sizes.num_deep_blocks)),
            _silent(nn.Conv2d(deep, channels, 1)),
        )

    def forward(self, pixels_NFHW: Tensor) -> Tensor:
        code_NChw = F.conv2d(pixels_NFHW, self.weight_CFPP.to(pixels_NFHW.dtype), stride=SPATIAL)
        corrected: Tensor = code_NChw + self.rest(pixels_NFHW)
        return corrected


class _Decoder(nn.Module):
    """From latents, folded into channels, to a draft of each frame.

    Args:
        synthesis_CT3PP: What latents are multiplied with.
    """

    weight_CFPP: Tensor

    def __init__(self, synthesis_CT3PP: Tensor, sizes: NanoVaeSizes) -> None:
        super().__init__()
        fine, deep = sizes.fine_width, sizes.deep_width
        channels, self._num_frames = synthesis_CT3PP.shape[:2]
        self.register_buffer("weight_CFPP", synthesis_CT3PP.flatten(1, 2), persistent=False)
        self.rest = nn.Sequential(
            nn.Conv2d(channels, deep, 1),
            *(_Block(deep) for _ in range(sizes.num_deep_blocks)),
            nn.Conv2d(deep, 4 * fine, 1),
            nn.PixelShuffle(2),
            *(_Block(fine) for _ in range(sizes.num_fine_blocks)),
            nn.Conv2d(fine, 4 * self._num_frames * sizes.paint_width, 1),
            nn.PixelShuffle(2),
        )

    def forward(self, latent_NChw: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels of the transform, shape (N, T, 3, H, W), and features, (N, T, D, H/4, W/4)."""
        frames = (self._num_frames, -1)
        weight_CFPP = self.weight_CFPP.to(latent_NChw.dtype)
        return (
            F.conv_transpose2d(latent_NChw, weight_CFPP, stride=SPATIAL).unflatten(1, frames),
            self.rest(latent_NChw).unflatten(1, frames),
        )


class _Painter(nn.Sequential):
    """From the features of a frame to what the transform lacks; the same for every frame."""

    def __init__(self, width: int) -> None:
        super().__init__(
            _Block(width),
            _silent(nn.Conv2d(width, 3 * (FINE // 2) ** 2, 3, padding=1)),
            nn.PixelShuffle(FINE // 2),
        )


def _silent(layer: nn.Conv2d) -> nn.Conv2d:
    """A last layer that says nothing before it is trained."""
    with torch.no_grad():
        layer.weight.zero_()
        assert layer.bias is not None, "it has one"
        layer.bias.zero_()
    return layer
