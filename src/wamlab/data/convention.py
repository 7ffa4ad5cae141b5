"""What the numbers of an action mean, so that two meanings are never mixed."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from wamlab.core.errors import ConfigError
from wamlab.core.specs import Field

GRIPPER = "gripper"  # name of the field, the last one of an action


class Gripper(StrEnum):
    """What the last number of an action says."""

    OPEN_1 = "closed 0, open 1"  # datasets: yuanty/LIBERO-fastwam, OpenVLA's RLDS files
    CLOSED_1 = "open -1, closed +1"  # robosuite: LIBERO's HDF5 files, `Libero.spec.action`
    NONE = "no gripper"

    @classmethod
    def of(cls, action: Sequence[Field]) -> Gripper:
        """The meaning of a benchmark's actions.

        Raises:
            ConfigError: If there is a gripper of another meaning.
        """
        if not action or action[-1].name != GRIPPER:
            return cls.NONE
        try:
            return cls(action[-1].unit)
        except ValueError:
            raise ConfigError(
                f"gripper: got {action[-1].unit!r}, expected one of "
                f"{', '.join(repr(member.value) for member in cls if member is not cls.NONE)}"
            ) from None

    @classmethod
    def seen_in(cls, action: NDArray[np.float32]) -> Gripper:
        """Guesses the meaning from the values of an unlabelled dataset.

        Args:
            action: All actions of the dataset, float32, shape (num_steps, action_dim).

        Raises:
            ConfigError: If the values fit no known meaning.
        """
        low, high = float(action[:, -1].min()), float(action[:, -1].max())
        if low < 0 and low >= -1 and high <= 1:
            return cls.CLOSED_1
        if low >= 0 and high <= 1:
            return cls.OPEN_1
        raise ConfigError(
            f"gripper: the last action dimension goes from {low:g} to {high:g}, expected "
            f"{cls.OPEN_1.value!r} or {cls.CLOSED_1.value!r}; convert the actions"
        )


def converted(action: NDArray[np.float32], old: Gripper, new: Gripper) -> NDArray[np.float32]:
    """The same actions in another meaning; shape (..., action_dim).

    Raises:
        ConfigError: If only one of the two has a gripper.
    """
    if old is new:
        return action
    if Gripper.NONE in (old, new):
        raise ConfigError(f"gripper: got {old.value!r}, expected {new.value!r}")
    changed = action.copy()
    grip = action[..., -1]
    changed[..., -1] = (1 - grip) / 2 if new is Gripper.OPEN_1 else 1 - 2 * grip
    return changed
