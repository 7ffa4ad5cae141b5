"""Demonstrations as every reader gives them and every consumer takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from wamlab.core.errors import ConfigError
from wamlab.data.convention import Gripper


class Film(Protocol):
    """What one camera saw during an episode, decoded when it is asked for."""

    def __len__(self) -> int: ...

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """The frames of these steps, any order, repeats allowed: (num, height, width, 3)."""


class ArrayFilm(NamedTuple):
    """A film that is in memory already."""

    images: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.images)

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        return self.images[list(indices)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demonstration:
    """One episode of somebody who can do it.

    Attributes:
        name: Where it comes from: an episode's key, or file and number.
        instruction: The task in words.
        state: Proprioception before each action, float32, shape (num_steps, state_dim).
        action: What was done, float32, shape (num_steps, action_dim).
        films: Camera -> what it saw before each action, upright as a policy reads it.
        image_every: Steps from one picture to the next; the rows between repeat it, so a window
            must not start there.
        is_push: Whether an action was not the demonstrator's own (`data.pushes`), bool, shape
            (num_steps,); no window may hold it. None: all were.
    """

    name: str
    instruction: str
    state: NDArray[np.float32]
    action: NDArray[np.float32]
    films: Mapping[str, Film]
    image_every: int = 1
    is_push: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        for part in ("state", "action"):
            values = getattr(self, part)
            bad = np.flatnonzero(~np.isfinite(values).all(axis=-1))
            if len(bad):
                raise ConfigError(
                    f"{self.name}: {part} of step {bad[0]} is NaN or infinite ({len(bad)} such "
                    "steps), expected finite numbers; leave the episode out or record it again"
                )
        lengths = {"state": len(self.state)} | {c: len(film) for c, film in self.films.items()}
        for part, length in lengths.items():
            if length != len(self.action):
                raise ConfigError(
                    f"{self.name}: {part} has {length} steps, action has {len(self.action)}; "
                    "expected one of each per step; the dataset is incomplete"
                )

    @property
    def num_steps(self) -> int:
        return len(self.action)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """Demonstrations of one robot under one convention.

    Attributes:
        source: Folder or file that they were read from.
        fps: Control steps per second.
        gripper: What the last action dimension says.
    """

    source: Path
    fps: float
    gripper: Gripper
    demonstrations: tuple[Demonstration, ...]

    @property
    def num_steps(self) -> int:
        return sum(demonstration.num_steps for demonstration in self.demonstrations)

    @property
    def instructions(self) -> tuple[str, ...]:
        """Every task once, in order of appearance."""
        return tuple(dict.fromkeys(each.instruction for each in self.demonstrations))

    @property
    def action(self) -> NDArray[np.float32]:
        """Of all steps, float32, shape (num_steps, action_dim)."""
        return np.concatenate([each.action for each in self.demonstrations])

    @property
    def state(self) -> NDArray[np.float32]:
        """Of all steps, float32, shape (num_steps, state_dim)."""
        return np.concatenate([each.state for each in self.demonstrations])

    @property
    def episode_index(self) -> NDArray[np.int64]:
        """Which demonstration each step belongs to, int64, shape (num_steps,)."""
        lengths = [each.num_steps for each in self.demonstrations]
        return np.repeat(np.arange(len(lengths)), lengths)
