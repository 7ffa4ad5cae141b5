"""Opens demonstrations of any known format, and refuses those of another convention."""

from __future__ import annotations

from pathlib import Path

from wamlab.core.errors import ConfigError
from wamlab.data import layout
from wamlab.data.convention import Gripper
from wamlab.data.demonstration import Dataset
from wamlab.data.lerobot_reader import read_lerobot
from wamlab.data.libero_hdf5 import read_libero


def read_dataset(
    path: Path, *, fps: float | None = None, gripper: Gripper | None = Gripper.OPEN_1
) -> Dataset:
    """Reads a LeRobot dataset (v2.1, v3.0) or LIBERO's HDF5 files.

    Args:
        path: Folder of a LeRobot dataset, an .hdf5 file, or a folder of such files.
        fps: Control rate of the robot that shall be trained; None takes any.
        gripper: What the last action dimension must say; None takes any.

    Raises:
        ConfigError: If the dataset is incomplete, damaged, or of another rate or convention.
    """
    if (path / layout.INFO).exists():
        dataset = read_lerobot(path)
    elif path.suffix == ".hdf5" or (path.is_dir() and any(path.glob("*.hdf5"))):
        dataset = read_libero(path)
    else:
        raise ConfigError(
            f"{path}: no dataset, expected a folder with {layout.INFO}, or LIBERO's .hdf5 files; "
            "wamlab demos makes one"
        )
    if fps is not None and dataset.fps != fps:
        raise ConfigError(
            f"{path}: {dataset.fps:g} steps per second, expected {fps:g}; actions would move the "
            "robot at another speed"
        )
    if gripper is not None and dataset.gripper is not gripper:
        raise ConfigError(
            f"{path}: its gripper is {dataset.gripper.value!r}, expected {gripper.value!r}; "
            "convert the last action dimension, or name the other convention"
        )
    return dataset
