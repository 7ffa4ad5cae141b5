"""What one episode did, step by step: enough to execute it again."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How far what came was from what the policy had imagined.

    One number for each imagined frame that the episode lived to see, in the order of time; a
    frame is lived through if the next plan was not made before its control step. The first
    frame of each plan is the observed one: its error is that of the policy's video codec alone,
    a floor for the others.

    Attributes:
        plan: Index of the plan that imagined it, int64, shape (num_compared,).
        step: Control step that it speaks of, int64, shape (num_compared,).
        error: Mean absolute difference of all pixels and channels, 0 to 255, float32, shape
            (num_compared,).
        psnr_db: Peak signal-to-noise ratio, 20 log10(255 / RMSE) of the same pixels, float32,
            shape (num_compared,); infinite where both are equal.
        still_error: The `error` of imagining that nothing moves: of the image that was seen
            when the plan was made, float32, shape (num_compared,). A model whose error is not
            below it has foreseen nothing.
    """

    plan: NDArray[np.int64]
    step: NDArray[np.int64]
    error: NDArray[np.float32]
    psnr_db: NDArray[np.float32]
    still_error: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """The numbers of one episode.

    Attributes:
        actions: Executed actions, float32, shape (num_steps, action_dim).
        state: Proprioception before each action and after the last one, float32, shape
            (num_steps + 1, state_dim); one row less if the last step raised.
        plan_step: Control step at which each plan was made, int64, shape (num_plans,).
        imagined: What was imagined beside what came, or None if it was not saved; in the file
            `imagined_plan`, `imagined_step` and so on.
    """

    actions: NDArray[np.float32]
    state: NDArray[np.float32]
    plan_step: NDArray[np.int64]
    imagined: Comparison | None = None


IMAGINED = {f"imagined_{field.name}": field.name for field in fields(Comparison)}
"""Name in the file -> field of `Comparison`."""


def signals_path(folder: Path, key: EpisodeKey) -> Path:
    return folder / "signals" / f"{key.slug}.npz"


def encode_signals(signals: Signals) -> bytes:
    """The content of the file."""
    arrays: dict[str, NDArray[Any]] = {
        "actions": signals.actions,
        "state": signals.state,
        "plan_step": signals.plan_step,
    }
    if signals.imagined is not None:
        arrays |= {name: getattr(signals.imagined, field) for name, field in IMAGINED.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # none is `allow_pickle`
    return buffer.getvalue()


def load_signals(folder: Path, key: EpisodeKey) -> Signals:
    """Reads the file of one episode.

    Raises:
        StoreError: If the run has no signals of that episode.
    """
    path = signals_path(folder, key)
    if not path.exists():
        raise StoreError(f"{path}: no such file; the episode has not been run in {folder}")
    with np.load(path) as arrays:
        compared = {field: arrays[name] for name, field in IMAGINED.items() if name in arrays}
        return Signals(
            actions=arrays["actions"],
            state=arrays["state"],
            plan_step=arrays["plan_step"],
            imagined=Comparison(**compared) if compared else None,
        )
