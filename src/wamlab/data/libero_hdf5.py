"""Reads LIBERO's own demonstrations: one HDF5 file a task, robomimic's layout.

Source: Lifelong-Robot-Learning/LIBERO scripts/create_dataset.py and libero/lifelong/datasets.py.
Images are stored as OpenGL's rows and columns come; turned by 180 degrees they are what every
released checkpoint sees (`Protocol.rotated`). The gripper is -1 open, +1 closed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from wamlab.core.errors import ConfigError
from wamlab.data.convention import Gripper, converted
from wamlab.data.demonstration import Dataset, Demonstration

FPS = 20.0  # control_freq of every LIBERO file
CAMERAS = {"agentview": "agentview_rgb", "wrist": "eye_in_hand_rgb"}
STATE = ("ee_states", "gripper_states")  # position and axis-angle; two finger joints


@dataclass(frozen=True, slots=True, kw_only=True)
class Hdf5Film:
    """One camera of one demonstration, read and turned where it is used."""

    path: Path
    dataset: str
    num_frames: int

    def __len__(self) -> int:
        return self.num_frames

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """The frames of these steps: uint8, shape (len(indices), height, width, 3)."""
        unique, places = np.unique(np.asarray(indices), return_inverse=True)
        with h5py.File(self.path) as file:
            images: NDArray[np.uint8] = file[self.dataset][unique]
        return np.ascontiguousarray(images[places, ::-1, ::-1])


def read_libero(path: Path) -> Dataset:
    """Opens one file or all files of a folder; the gripper comes out as 0 closed, 1 open.

    Raises:
        ConfigError: If a file lacks something, or a number is NaN.
    """
    files = sorted(path.glob("*.hdf5")) if path.is_dir() else [path]
    if not files:
        raise ConfigError(f"{path}: holds no .hdf5 file, expected LIBERO's *_demo.hdf5")
    return Dataset(
        source=path,
        fps=FPS,
        gripper=Gripper.OPEN_1,
        demonstrations=tuple(each for file in files for each in _demonstrations(file)),
    )


def _demonstrations(path: Path) -> list[Demonstration]:
    try:
        with h5py.File(path) as file:
            data = file["data"]
            instruction = json.loads(data.attrs["problem_info"])["language_instruction"]
            names = sorted(data, key=lambda name: int(name.rpartition("_")[2]))
            return [_demonstration(path, data[name], str(instruction).strip()) for name in names]
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(
            f"{path}: {error}; expected LIBERO's layout, data/demo_0/obs/agentview_rgb and so on"
        ) from error


def _demonstration(path: Path, group: h5py.Group, instruction: str) -> Demonstration:
    state = np.concatenate([group[f"obs/{part}"][()] for part in STATE], axis=1)
    action = group["actions"][()].astype(np.float32)
    return Demonstration(
        name=f"{path.stem}/{group.name.rpartition('/')[2]}",
        instruction=instruction,
        state=state.astype(np.float32),
        action=converted(action, Gripper.CLOSED_1, Gripper.OPEN_1),
        films={
            camera: Hdf5Film(
                path=path,
                dataset=f"{group.name}/obs/{key}",
                num_frames=len(group[f"obs/{key}"]),
            )
            for camera, key in CAMERAS.items()
        },
    )
