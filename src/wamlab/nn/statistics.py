"""Brings state and actions to the model's scale and back, from a dataset's statistics.

The file is FastWAM's `dataset_stats.json` (specification, section 8). Only its `global_*`
numbers, over all steps of a window, are read; `stepwise_*` are written for upstream's sake.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from wamlab.core.errors import ConfigError
from wamlab.nn.card import Normalisation, WamCard

Array = NDArray[np.float32]

# Source of the three: FastWAM src/fastwam/datasets/lerobot/utils/normalizer.py.
MIN_RANGE = 1e-4  # a number that moves less is shifted, not scaled
STD_FLOOR = 1e-8
LIMIT = 5.0  # of a normalised number

GENERIC_KEY = "default"
QUANTITIES = ("min", "max", "mean", "std", "q01", "q99")


@dataclass(frozen=True, slots=True)
class Normaliser:
    """x -> x * scale + offset, per number.

    Attributes:
        scale: float32, shape (dim,).
        offset: float32, shape (dim,).
    """

    scale: Array
    offset: Array

    @classmethod
    def min_max(cls, low: Array, high: Array) -> Self:
        """[low, high] to [-1, 1]; a number of no range (< 1e-4) to 0, its scale kept."""
        low, high = low.astype(np.float32), high.astype(np.float32)
        constant = high - low < MIN_RANGE
        scale = (2 / np.where(constant, 2, high - low)).astype(np.float32)
        offset = np.where(constant, -low, -1 - scale * low).astype(np.float32)
        return cls(scale, offset)

    @classmethod
    def mean_std(cls, mean: Array, std: Array) -> Self:
        """To mean 0 and standard deviation 1."""
        floored = std.astype(np.float32) + np.float32(STD_FLOOR)
        scale = np.reciprocal(floored)
        return cls(scale, -mean.astype(np.float32) / floored)

    def normalise(self, value: Array) -> Array:
        """float32, shape (..., dim), clamped to [-5, 5]."""
        clamped: Array = np.clip(value * self.scale + self.offset, -LIMIT, LIMIT)
        return clamped.astype(np.float32)

    def denormalise(self, value: Array) -> Array:
        """float32, shape (..., dim); not clamped, a model may reach past its data."""
        return ((value - self.offset) / self.scale).astype(np.float32)


class Normalisers(NamedTuple):
    """One for each vector that the model reads or writes; `state` is None if it reads none."""

    state: Normaliser | None
    action: Normaliser


def read_statistics(path: Path, card: WamCard) -> Normalisers:
    """The normalisers of a model, from its `dataset_stats.json`.

    Raises:
        ConfigError: The file or a part of it is missing, or of another size than the card's.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"no {path} (dataset statistics): {error.strerror}; it lies beside the checkpoint as "
            "<name>_dataset_stats.json, or in the run folder of a training"
        ) from None
    except ValueError as error:
        raise ConfigError(f"{path} (dataset statistics) is no JSON: {error}") from None
    sizes, kind = card.sizes, card.normalisation
    state = _normaliser(path, stored, "state", sizes.state_dim, kind) if sizes.state_dim else None
    return Normalisers(state, _normaliser(path, stored, "action", sizes.action_dim, kind))


def _normaliser(path: Path, stored: object, name: str, dim: int, kind: Normalisation) -> Normaliser:
    group = _member(path, stored, name)
    if GENERIC_KEY in group:
        key = GENERIC_KEY
    elif len(group) == 1:
        key = next(iter(group))
    else:
        raise ConfigError(
            f"{path}: {name} has keys {sorted(group)}, expected {GENERIC_KEY!r} or a single one"
        )
    numbers = _member(path, group, key)
    where = f"{path}: {name}.{key}"
    if kind is Normalisation.MIN_MAX:
        return Normaliser.min_max(
            _vector(where, numbers, "global_min", dim), _vector(where, numbers, "global_max", dim)
        )
    return Normaliser.mean_std(
        _vector(where, numbers, "global_mean", dim), _vector(where, numbers, "global_std", dim)
    )


def _member(path: Path, parent: object, name: str) -> dict[str, object]:
    found = parent.get(name) if isinstance(parent, dict) else None
    if not isinstance(found, dict):
        keys = sorted(parent) if isinstance(parent, dict) else type(parent).__name__
        raise ConfigError(f"{path}: expected an object {name!r}, found {keys}; is it FastWAM's?")
    return found


def _vector(where: str, numbers: dict[str, object], name: str, dim: int) -> Array:
    if name not in numbers:
        raise ConfigError(f"{where}: no {name!r}, found {sorted(numbers)}")
    try:
        vector = np.asarray(numbers[name], np.float32)
    except (TypeError, ValueError):
        raise ConfigError(f"{where}.{name}: expected {dim} numbers") from None
    if vector.shape != (dim,):
        raise ConfigError(
            f"{where}.{name}: got shape {list(vector.shape)}, expected [{dim}] as in the model's "
            "card; these are the statistics of other data"
        )
    if not np.isfinite(vector).all():
        raise ConfigError(f"{where}.{name}: got NaN or infinity; compute the statistics again")
    return vector


def write_statistics(
    path: Path, *, state: Array, action: Array, num_episodes: int, num_transition: int
) -> None:
    """Writes `dataset_stats.json` of windows, in FastWAM's layout.

    `global_*` are over windows and steps, `stepwise_*` over windows. Quantiles are plain ones
    over all the data, and `std` is of the whole; upstream mixes those of single episodes
    (specification, section 8).

    Args:
        state: float32, shape (N, 1, state_dim): of each window's first step.
        action: float32, shape (N, horizon, action_dim).
        num_episodes: That the windows come from.
        num_transition: Steps of all episodes.
    """
    stored = {
        "state": {GENERIC_KEY: _summary(state)},
        "action": {GENERIC_KEY: _summary(action)},
        "num_episodes": num_episodes,
        "num_transition": num_transition,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")


def _summary(windows: Array) -> dict[str, list[object]]:
    if windows.ndim != 3 or not len(windows):
        raise ValueError(
            f"windows: got shape {list(windows.shape)}, expected [windows, steps, dim], not empty"
        )
    exact = windows.astype(np.float64)
    every_step = exact.reshape(-1, exact.shape[-1])
    return {
        f"{scope}_{quantity}": _quantity(data, quantity).tolist()
        for scope, data in (("stepwise", exact), ("global", every_step))
        for quantity in QUANTITIES
    }


def _quantity(data: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """A statistic over the first axis."""
    if name.startswith("q"):
        return np.asarray(np.quantile(data, int(name[1:]) / 100, axis=0))
    return np.asarray(getattr(np, name)(data, axis=0))
