"""The five sensor noises of LIBERO-Plus, each a pure function of image, strength and generator.

Source: LIBERO-plus envs/env_wrapper.py (after Hendrycks and Dietterich 2019, ImageNet-C). The
official code draws from numpy's global generator, which also places the fixtures, and shifts
pixels in Python loops (1.7 s an image); here the generator is an argument and nothing loops over
pixels. Equality with the official functions, given the same draws, is a test.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, cos, hypot, radians, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""uint8, shape (size, size, 3); rows as the renderer gives them."""

NUM_STRENGTHS = 10  # of each kind; a task's noise number counts through all kinds

WORDS_PER_BYTE = 257  # 65535 / 255: ImageMagick computes with 16 bits a value

# What each strength means, weakest first.
_MOTION = (
    (5, 2),
    (8, 3),
    (10, 4),
    (12, 5),
    (15, 6),
    (18, 8),
    (20, 10),
    (25, 12),
    (30, 15),
    (35, 20),
)
_ZOOM = (  # last factor (exclusive) and step
    (1.11, 0.01),
    (1.16, 0.01),
    (1.21, 0.02),
    (1.26, 0.02),
    (1.31, 0.03),
    (1.36, 0.01),
    (1.41, 0.01),
    (1.46, 0.02),
    (1.51, 0.02),
    (1.56, 0.03),
)
_FOG = (  # thickness and how fast detail fades
    (0.5, 3.0),
    (1.0, 2.8),
    (1.5, 2.5),
    (2.0, 2.2),
    (2.5, 2.0),
    (3.0, 1.8),
    (3.5, 1.6),
    (4.0, 1.5),
    (4.5, 1.4),
    (5.0, 1.3),
)


class Glass(NamedTuple):
    """One strength of glass blur: standard deviation, largest shift, rounds."""

    sigma_px: float
    reach_px: int
    num_rounds: int


GLASS = (
    Glass(0.5, 1, 3),
    Glass(0.7, 1, 3),
    Glass(0.9, 2, 3),
    Glass(1.0, 2, 2),
    Glass(1.1, 3, 2),
    Glass(1.3, 3, 2),
    Glass(1.5, 4, 2),
    Glass(1.8, 4, 2),
    Glass(2.2, 5, 1),
    Glass(2.5, 5, 1),
)


def disturbed(image: Image, number: int, rng: np.random.Generator) -> Image:
    """The image as the sensor of a noise task gives it.

    Args:
        number: The task's noise number, 1 to 50: ten strengths of each kind.
    """
    kind, strength = divmod(number - 1, NUM_STRENGTHS)
    return KINDS[kind](image, strength, rng)


def motion_blur(image: Image, strength: int, rng: np.random.Generator) -> Image:
    """Smears along a direction within 45 degrees of a row."""
    radius, sigma = _MOTION[strength]
    return smeared(image, radius=radius, sigma=sigma, angle_deg=float(rng.uniform(-45, 45)))


def gaussian_blur(image: Image, strength: int, rng: np.random.Generator) -> Image:
    """Out of focus; draws nothing."""
    del rng
    return _bytes(_blurred(image / 255.0, strength + 1.0))


def zoom_blur(image: Image, strength: int, rng: np.random.Generator) -> Image:
    """The mean of ever larger zooms; draws nothing."""
    del rng
    last, step = _ZOOM[strength]
    sharp = (image / 255.0).astype(np.float32)
    factors = np.arange(1, last, step)
    zooms = np.zeros_like(sharp)
    for factor in factors:
        zooms += _zoomed(sharp, factor)
    return _bytes((sharp + zooms) / (len(factors) + 1))


def fog(image: Image, strength: int, rng: np.random.Generator) -> Image:
    """A plasma fractal in front of the scene."""
    thickness, fading = _FOG[strength]
    size = len(image)
    clear = image / 255.0
    brightest = clear.max()
    clear = clear + thickness * plasma(size, fading, rng)[..., np.newaxis]
    return _bytes(clear * brightest / (brightest + thickness))


def glass_blur(image: Image, strength: int, rng: np.random.Generator) -> Image:
    """Pixels shifted at random between two slight blurs."""
    glass = GLASS[strength]
    inner = len(image) - 2 * glass.reach_px
    shape = (glass.num_rounds, inner, inner, 2)
    return through_glass(image, glass, rng.integers(-glass.reach_px, glass.reach_px, shape))


def through_glass(image: Image, glass: Glass, shifts: NDArray[np.int64]) -> Image:
    """Glass blur with given shifts.

    The official loop visits pixels from the last to the first and means to swap each with a
    shifted one; as numpy's rows are views, it only copies the shifted one. So a pixel ends up
    with the final value of its source if that was visited before, else with the old value.

    Args:
        shifts: (dx, dy) in the order of the visits, int, shape (num_rounds, inner, inner, 2) with
            inner = size - 2 * reach_px; from -reach_px to reach_px, exclusive.
    """
    pixels = np.uint8(_blurred(image / 255.0, glass.sigma_px, clips=False) * 255)
    size = len(image)
    flat = pixels.reshape(size * size, -1)
    visited = np.arange(size - glass.reach_px, glass.reach_px, -1)
    rows, columns = np.meshgrid(visited, visited, indexing="ij")
    target = (rows * size + columns).ravel()
    for shift in shifts:
        source = ((rows + shift[..., 1]) * size + columns + shift[..., 0]).ravel()
        flat = flat[_final_sources(target, source, size * size)]
    return _bytes(_blurred(flat.reshape(image.shape) / 255.0, glass.sigma_px))


def _final_sources(
    target: NDArray[np.intp], source: NDArray[np.intp], num_pixels: int
) -> NDArray[np.intp]:
    """Where each pixel's value comes from after one round of copying in order.

    Follows chains of copies by doubling: a pixel whose source was visited before it (a higher
    index that is a target itself) continues there; any other stops at its source's old value.
    """
    origin = np.arange(num_pixels)
    origin[target] = source
    is_target = np.zeros(num_pixels, bool)
    is_target[target] = True
    link = np.arange(num_pixels)
    goes_on = is_target[source] & (source > target)
    link[target[goes_on]] = source[goes_on]
    while not np.array_equal(further := link[link], link):
        link = further
    return origin[link]


def plasma(size: int, fading: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A height map in [0, 1] by the diamond-square algorithm, shape (size, size).

    Args:
        fading: By how much the bumps shrink with each halving of the grid.
    """
    whole = 1 << (size - 1).bit_length()
    heights = np.zeros((whole, whole))
    step, bump = whole, 100.0
    while step >= 2:
        half = step // 2

        def bumped(sums: NDArray[np.float64], bump: float = bump) -> NDArray[np.float64]:
            noise: NDArray[np.float64] = rng.uniform(-bump, bump, sums.shape)
            return sums / 4 + bump * noise

        corners = heights[::step, ::step]
        pairs = corners + np.roll(corners, -1, axis=0)
        heights[half::step, half::step] = bumped(pairs + np.roll(pairs, -1, axis=1))
        centers = heights[half::step, half::step]
        beside = (centers + np.roll(centers, 1, axis=0)) + (corners + np.roll(corners, -1, axis=1))
        heights[::step, half::step] = bumped(beside)
        above = (centers + np.roll(centers, 1, axis=1)) + (corners + np.roll(corners, -1, axis=0))
        heights[half::step, ::step] = bumped(above)
        step, bump = half, bump / fading
    heights -= heights.min()
    scaled: NDArray[np.float64] = heights / heights.max()
    return scaled[:size, :size]


def smeared(image: Image, *, radius: float, sigma: float, angle_deg: float) -> Image:
    """A one-sided Gaussian along a direction, as ImageMagick's MotionBlurImage computes it.

    Source: ImageMagick 6 effect.c, `MotionBlurImageChannel`, `GetMotionBlurKernel`. Pixels
    beyond the edge repeat it. Sums are rounded to 16 bits; the way to 8 bits cuts off.
    """
    width = 2 * ceil(radius) + 1
    taps = np.exp(-(np.arange(width) ** 2) / (2 * sigma * sigma))
    taps /= taps.sum()
    across, along = width * sin(radians(angle_deg)), width * cos(radians(angle_deg))
    length, size = hypot(across, along), len(image)
    padded = np.pad(image, ((width, width), (width, width), (0, 0)), mode="edge").astype(np.float64)
    total = np.zeros(image.shape)
    for i, tap in enumerate(taps):
        left, top = width + ceil(i * along / length - 0.5), width + ceil(i * across / length - 0.5)
        total += tap * padded[top : top + size, left : left + size]
    return (np.floor(total * WORDS_PER_BYTE + 0.5) // WORDS_PER_BYTE).astype(np.uint8)


KINDS: tuple[Callable[[Image, int, np.random.Generator], Image], ...] = (
    motion_blur,
    gaussian_blur,
    zoom_blur,
    fog,
    glass_blur,
)


def _blurred(
    image: NDArray[np.float64], sigma_px: float, *, clips: bool = True
) -> NDArray[np.float64]:
    """Gaussian blur as scikit-image's `gaussian` does it: edges repeat, cut off at 4 sigma."""
    from scipy.ndimage import gaussian_filter

    blurred: NDArray[np.float64] = gaussian_filter(
        image, (sigma_px, sigma_px, 0), mode="nearest", truncate=4.0
    )
    return np.clip(blurred, 0, 1) if clips else blurred


def _zoomed(image: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """The middle of the image, enlarged to its full size."""
    from scipy.ndimage import zoom

    size = len(image)
    crop = ceil(size / factor)
    top = (size - crop) // 2
    middle = image[top : top + crop, top : top + crop]
    large: NDArray[np.float32] = zoom(middle, (factor, factor, 1), order=1)
    trim = (len(large) - size) // 2
    return large[trim : trim + size, trim : trim + size]


def _bytes(image: NDArray[np.floating]) -> Image:
    """Values of [0, 1] as bytes; fractions are cut off, as the official code does."""
    scaled: NDArray[np.floating] = np.clip(image, 0, 1) * 255
    return scaled.astype(np.uint8)
