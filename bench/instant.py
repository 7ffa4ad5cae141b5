"""A policy that answers at once: what is left is the simulator, the cameras and the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wamlab.core.episodes import EpisodeKey
from wamlab.core.protocols import PlanRequest
from wamlab.core.specs import Field, PolicySpec
from wamlab.core.types import ActionChunk


class InstantPolicy:
    """Reads cameras and state as a learned policy does, and holds still."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """Settings of the policy.

        Attributes:
            cameras: Cameras that it reads.
            state: Layout of the state that it reads.
            action: Layout of one action.
            command: The action, one number for each dimension.
            horizon: Actions per chunk.
        """

        cameras: tuple[str, ...]
        state: tuple[Field, ...]
        action: tuple[Field, ...]
        command: tuple[float, ...]
        horizon: int

    def __init__(self, config: Config) -> None:
        self.spec = PolicySpec(
            cameras=frozenset(config.cameras),
            state=config.state,
            action=config.action,
            horizon=config.horizon,
        )
        chunk = np.tile(np.asarray(config.command, np.float32), (config.horizon, 1))
        self._answer = ActionChunk(actions=chunk)

    def begin(self, key: EpisodeKey) -> None:
        pass

    def plan(self, requests: Sequence[PlanRequest]) -> list[ActionChunk]:
        return [self._answer] * len(requests)

    def end(self, key: EpisodeKey) -> None:
        pass
