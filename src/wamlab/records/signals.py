"""What one episode did, step by step: enough to execute it again."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import StoreError


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """The numbers of one episode.

    Attributes:
        actions: Executed actions, float32, shape (num_steps, action_dim).
        state: Proprioception before each action and after the last one, float32, shape
            (num_steps + 1, state_dim); one row less if the last step raised.
        plan_step: Control step at which each plan was made, int64, shape (num_plans,).
    """

    actions: NDArray[np.float32]
    state: NDArray[np.float32]
    plan_step: NDArray[np.int64]


def signals_path(folder: Path, key: EpisodeKey) -> Path:
    return folder / "signals" / f"{key.slug}.npz"


def encode_signals(signals: Signals) -> bytes:
    """The content of the file."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, actions=signals.actions, state=signals.state, plan_step=signals.plan_step
    )
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
        return Signals(
            actions=arrays["actions"], state=arrays["state"], plan_step=arrays["plan_step"]
        )
