"""Cuts demonstrations into what one training example needs: an observation and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wamlab.core.errors import ConfigError
from wamlab.data.convention import Gripper
from wamlab.data.demonstration import Dataset, Demonstration
from wamlab.data.pushes import starts_without


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpec:
    """The shape of a window: `horizon` + 1 consecutive steps.

    Attributes:
        horizon: Actions in a window.
        num_frames: Images of each camera, evenly spaced from the first step to the last:
            Fast-WAM has 9 in 33 steps, every fourth. 1 takes the first step alone.
    """

    horizon: int = 32
    num_frames: int = 9

    def __post_init__(self) -> None:
        if self.horizon < 1 or self.num_frames < 1:
            raise ConfigError(
                f"window: got horizon={self.horizon}, num_frames={self.num_frames}, expected at "
                "least 1"
            )
        if self.num_frames > 1 and self.horizon % (self.num_frames - 1):
            raise ConfigError(
                f"num_frames: got {self.num_frames}, whose {self.num_frames - 1} gaps do not "
                f"divide a horizon of {self.horizon}"
            )

    @property
    def stride(self) -> int:
        """Steps between two images."""
        return self.horizon // max(1, self.num_frames - 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """Steps that follow each other, without their images.

    Past the end of the demonstration the last step is repeated and flagged.

    Attributes:
        demonstration: Index in the dataset.
        start: Step of the observation.
        state: At the start, float32, shape (state_dim,).
        action: Raw, float32, shape (horizon, action_dim). Flagged rows do not move: their deltas
            are 0, the gripper keeps its last value.
        action_is_pad: Bool, shape (horizon,).
        frame_steps: Step of each image, clipped to the demonstration, int64, (num_frames,).
        frame_is_pad: Bool, shape (num_frames,).
    """

    demonstration: int
    start: int
    state: NDArray[np.float32]
    action: NDArray[np.float32]
    action_is_pad: NDArray[np.bool_]
    frame_steps: NDArray[np.int64]
    frame_is_pad: NDArray[np.bool_]


class WindowValues(NamedTuple):
    """Numbers of many windows: float32, shapes (num, 1, state_dim), (num, horizon, action_dim)."""

    state: NDArray[np.float32]
    action: NDArray[np.float32]


class Windows(Sequence[Window]):
    """Every window of a dataset: one starts at each step that has a picture of its own.

    Windows with an action that was not the demonstrator's own are none (`data.pushes`).

    Source: FastWAM (commit 45d8e14), its LeRobot data set: padded deltas are zero before they
    are normalised, a padded gripper repeats its last value.
    """

    def __init__(self, dataset: Dataset, spec: WindowSpec) -> None:
        self.dataset, self.spec = dataset, spec
        demonstrations = dataset.demonstrations
        for each in demonstrations:
            if spec.num_frames > 1 and spec.stride % each.image_every:
                raise ConfigError(
                    f"{each.name}: has a picture every {each.image_every} steps, a window needs "
                    f"one every {spec.stride}; record it again with --image-every {spec.stride}"
                )
        starts = [_starts(each, spec.horizon) for each in demonstrations]
        self._start = np.concatenate(starts)
        self._owner = np.repeat(np.arange(len(starts)), [len(each) for each in starts])

    def __len__(self) -> int:
        return len(self._owner)

    def __iter__(self) -> Iterator[Window]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Window:  # type: ignore[override]  # no slices
        """A window, counted over the whole dataset in order of demonstration and step."""
        if not 0 <= index < len(self):
            raise IndexError(f"window {index} of {len(self)}")
        owner, start = int(self._owner[index]), int(self._start[index])
        return window(
            self.dataset.demonstrations[owner], self.dataset.gripper, self.spec, owner, start
        )

    def starting_where(self, allowed: Sequence[NDArray[np.bool_]]) -> NDArray[np.int64]:
        """Indices of the windows that start at some steps.

        Args:
            allowed: For each demonstration, bool, shape (num_steps,).
        """
        pairs = zip(self._owner, self._start, strict=True)
        return np.flatnonzero([allowed[int(owner)][int(start)] for owner, start in pairs])

    def values(self) -> WindowValues:
        """State and actions of every window, for statistics (`nn.statistics.write_statistics`)."""
        windows = list(self)
        return WindowValues(
            state=np.stack([each.state for each in windows])[:, None],
            action=np.stack([each.action for each in windows]),
        )

    def images(self, window: Window, camera: str) -> NDArray[np.uint8]:
        """Decodes a window's images: uint8, shape (num_frames, height, width, 3)."""
        film = self.dataset.demonstrations[window.demonstration].films[camera]
        return film.frames([int(step) for step in window.frame_steps])


def _starts(demonstration: Demonstration, horizon: int) -> NDArray[np.int64]:
    pictured = np.arange(0, demonstration.num_steps, demonstration.image_every)
    if demonstration.is_push is None:
        return pictured
    return pictured[starts_without(demonstration.is_push, horizon)[pictured]]


def window(
    demonstration: Demonstration, gripper: Gripper, spec: WindowSpec, index: int, start: int
) -> Window:
    """One window of one demonstration.

    Args:
        index: Of the demonstration in its dataset.
        start: Step of the observation.
    """
    last = demonstration.num_steps - 1
    steps = start + np.arange(spec.horizon)
    frames = start + spec.stride * np.arange(spec.num_frames)
    is_pad = steps > last
    action = demonstration.action[np.minimum(steps, last)].copy()
    num_deltas = action.shape[1] - (gripper is not Gripper.NONE)
    action[is_pad, :num_deltas] = 0
    return Window(
        demonstration=index,
        start=start,
        state=demonstration.state[start],
        action=action,
        action_is_pad=is_pad,
        frame_steps=np.minimum(frames, last),
        frame_is_pad=frames > last,
    )
