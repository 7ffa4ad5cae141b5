"""Steps of denoising that take over an earlier velocity in place of computing one.

DreamZero's cache of its transformer (2602.15922 and its code): where two velocities of the video
point the same way, the next steps go on with the last one, of video and actions alike; then one is
computed. The first two always are. Here with one threshold, there with two. Not exact: what it
costs in success is for an evaluation to say (docs/latency.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wamlab.core.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """When to take over, and for how long.

    Attributes:
        above: Cosine of the angle between the last two computed velocities of the video.
        num_steps: Steps that take over, before one is computed.
    """

    above: float
    num_steps: int

    def __post_init__(self) -> None:
        if not -1 <= self.above <= 1:
            raise ConfigError(f"reuse_above: got {self.above}, expected a cosine, -1 to 1")
        if self.num_steps < 1:
            raise ConfigError(f"reuse_steps: got {self.num_steps}, expected at least 1")


class Velocities:
    """The last computed velocities of one plan.

    Attributes:
        video: Of the frames after the observed one.
        action: Of the actions, where they are sampled along with the video.
    """

    video: Tensor
    action: Tensor

    def __init__(self, reuse: Reuse | None) -> None:
        self._reuse = reuse
        self._num_due = 0
        self._knows_one = False

    def are_due(self) -> bool:
        """Whether this step takes over; to be asked once a step."""
        if self._num_due == 0:
            return False
        self._num_due -= 1
        return True

    def learn_video(self, velocity: Tensor) -> None:
        """Takes a computed one, and decides on the steps that follow.

        Raises:
            ValueError: If it is of several samples, which would have to decide together.
        """
        if self._reuse is not None:
            if len(velocity) != 1:
                raise ValueError(f"got {len(velocity)} samples, expected one to decide for")
            if self._knows_one and _cosine(self.video, velocity) > self._reuse.above:
                self._num_due = self._reuse.num_steps
        self.video = velocity
        self._knows_one = True


def _cosine(one: Tensor, other: Tensor) -> float:
    return float(torch.cosine_similarity(one.flatten().float(), other.flatten().float(), dim=0))
