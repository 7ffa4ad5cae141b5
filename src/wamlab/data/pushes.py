"""Pushes: now and then somebody moves the robot's hand aside while it is demonstrating.

What the hand then does is worth learning: a policy's own errors lead to places where a faultless
demonstrator never is (Laskey et al., "DART", 2017). The push itself is not: no window is learned
from that holds an action which was not the demonstrator's own. Unlike DART, what is written down is
what was executed, so that actions, states and pictures belong together, and a chunk of actions
holds no answer to a push that has not come yet.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wamlab.core.episodes import EpisodeKey

MIN_STEPS, MAX_STEPS = 5, 12
MIN_STRENGTH = 0.3  # of the largest motion command
MAX_RISE = 0.4  # of the horizontal motion, up or down


class Pushes:
    """The pushes of one episode, decided by its name alone."""

    def __init__(self, key: EpisodeKey, rate: float) -> None:
        """Nobody pushes yet.

        Args:
            rate: Probability that a push begins at a step in which there is none.
        """
        self._rng, self._rate = key.rng("pushes"), rate
        self._left = 0
        self._motion = np.zeros(3)

    def next(self) -> NDArray[np.float64] | None:
        """Where the hand is pushed in the coming step, x, y, z as fractions of 1; None: nowhere."""
        if self._left == 0:
            if self._rate == 0 or self._rng.random() >= self._rate:
                return None
            self._left = int(self._rng.integers(MIN_STEPS, MAX_STEPS + 1))
            angle, rise = self._rng.uniform(0, 2 * np.pi), self._rng.uniform(-MAX_RISE, MAX_RISE)
            strength = self._rng.uniform(MIN_STRENGTH, 1)
            self._motion = strength * np.array([np.cos(angle), np.sin(angle), rise])
        self._left -= 1
        return self._motion


def pushed(
    action: NDArray[np.float32], motion: NDArray[np.float64], num_motion: int
) -> NDArray[np.float32]:
    """The push in place of an action; the gripper stays as it was commanded.

    Args:
        num_motion: Numbers of the action that move the robot; the first two or three of them are
            a position.
    """
    found = np.array(action, np.float32)
    found[:num_motion] = 0
    size = min(num_motion, len(motion))
    found[:size] = motion[:size]
    return found


def starts_without(is_push: NDArray[np.bool_], horizon: int) -> NDArray[np.bool_]:
    """Whether a window may start at each step: no push is among its actions.

    Args:
        is_push: Bool, shape (num_steps,).
    """
    before = np.concatenate([[0], np.cumsum(is_push)])
    last = np.minimum(np.arange(len(is_push)) + horizon, len(is_push))
    free: NDArray[np.bool_] = before[last] == before[:-1]
    return free
