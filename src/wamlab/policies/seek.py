"""A proportional controller that solves pointmass: something that succeeds, in no time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wamlab.core.episodes import EpisodeKey
from wamlab.core.protocols import PlanRequest
from wamlab.core.specs import Field, PolicySpec
from wamlab.core.types import ActionChunk


class SeekPolicy:
    """Moves against its offset from the target, with noise that makes some episodes fail."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """Settings of the policy.

        Attributes:
            gain: Fraction of the offset that one action covers.
            noise_m: Half width of the uniform noise on each action.
            horizon: Actions per chunk.
            cameras: Cameras that it asks for, although it reads none; for tests of the engine.
        """

        gain: float = 0.25
        noise_m: float = 0.0
        horizon: int = 8
        cameras: frozenset[str] = frozenset()

    def __init__(self, config: Config) -> None:
        self.config = config
        self.spec = PolicySpec(
            cameras=config.cameras,
            state=(Field("offset", 2, "m, from the target"),),
            action=(Field("displacement", 2, "m"),),
            horizon=config.horizon,
        )

    def begin(self, key: EpisodeKey) -> None:
        pass

    def plan(self, requests: Sequence[PlanRequest]) -> list[ActionChunk]:
        return [self._plan_one(request) for request in requests]

    def end(self, key: EpisodeKey) -> None:
        pass

    def _plan_one(self, request: PlanRequest) -> ActionChunk:
        config, newest = self.config, request.observations[-1]
        noise = request.key.rng(f"policy/{newest.step}")
        remaining = (1 - config.gain) ** np.arange(config.horizon)[:, None]
        jitter = noise.uniform(-config.noise_m, config.noise_m, (config.horizon, 2))
        actions = -config.gain * remaining * newest.state + jitter
        return ActionChunk(actions=actions.astype(np.float32))
