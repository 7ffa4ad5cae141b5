"""Minimum, mean and quantiles of the features of a dataset, as LeRobot keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Moments = Mapping[str, NDArray[np.float64]]
"""min, max, mean, std, q01 to q99: shape (dim,) or, of images, (3, 1, 1); count: (1,)."""

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
IMAGE_STRIDE = 4  # of rows and columns
IMAGES_AT_MOST = 20


def moments(values: NDArray[np.generic]) -> Moments:
    """Of one feature in one episode.

    Args:
        values: Shape (num_steps, dim).
    """
    wide = values.astype(np.float64)
    quantiles = np.quantile(wide, list(QUANTILES.values()), axis=0)
    return {
        "min": wide.min(axis=0),
        "max": wide.max(axis=0),
        "mean": wide.mean(axis=0),
        "std": wide.std(axis=0),
        "count": np.array([len(wide)], np.float64),
        **dict(zip(QUANTILES, quantiles, strict=True)),
    }


def image_moments(images: Sequence[NDArray[np.uint8]]) -> Moments:
    """Of the channels of some images, scaled to 0..1; from a sample of frames and pixels."""
    chosen = np.linspace(0, len(images) - 1, min(len(images), IMAGES_AT_MOST)).astype(int)
    sample = np.stack([images[index][::IMAGE_STRIDE, ::IMAGE_STRIDE] for index in chosen])
    found = moments(sample.reshape(-1, 3) / 255.0)
    shaped = {name: value.reshape(3, 1, 1) for name, value in found.items() if name != "count"}
    return {**shaped, "count": np.array([len(chosen)], np.float64)}


def pooled(parts: Sequence[Moments]) -> Moments:
    """Of several episodes together.

    Exact but for the quantiles, which are means weighted by length: LeRobot pools them so too
    (compute_stats.py), and nothing here normalises with them.
    """
    counts = np.array([float(part["count"][0]) for part in parts])

    def mean(name: str) -> NDArray[np.float64]:
        return np.average([part[name] for part in parts], axis=0, weights=counts)

    centre = mean("mean")
    spread = [part["std"] ** 2 + (part["mean"] - centre) ** 2 for part in parts]
    return {
        "min": np.min([part["min"] for part in parts], axis=0),
        "max": np.max([part["max"] for part in parts], axis=0),
        "mean": centre,
        "std": np.sqrt(np.average(spread, axis=0, weights=counts)),
        "count": np.array([counts.sum()]),
        **{name: mean(name) for name in QUANTILES},
    }
