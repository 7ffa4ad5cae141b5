"""Scripted experts that read the simulator's state: the ceiling of every table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ContractError
from wamlab.core.protocols import PlanRequest
from wamlab.core.specs import Field, PolicySpec
from wamlab.core.types import ActionChunk
from wamlab.policies.experts.control import OPEN, Arm, Manner, Steps
from wamlab.policies.experts.tasks import solve
from wamlab.policies.experts.view import View

__all__ = ["ScriptedExpert"]


class ScriptedExpert:
    """Solves LIBERO tasks with hand-written skills, from the simulator's full state."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """Settings of the policy."""

    spec = PolicySpec(
        cameras=frozenset(),
        state=(),
        action=(
            Field("position_delta", 3, "0.05 m per unit"),
            Field("rotation_delta", 3, "0.5 rad per unit, axis-angle, world frame"),
            Field("gripper", 1, "open -1, closed +1"),
        ),
        horizon=1,
        needs_scene=True,
    )

    def __init__(self, config: Config) -> None:
        self.config = config
        self._episodes: dict[EpisodeKey, _Episode] = {}

    def begin(self, key: EpisodeKey) -> None:
        self._episodes[key] = _Episode(key, self.config)

    def plan(self, requests: Sequence[PlanRequest]) -> list[ActionChunk]:
        return [
            ActionChunk(actions=self._episodes[request.key].next_action(request)[None])
            for request in requests
        ]

    def end(self, key: EpisodeKey) -> None:
        del self._episodes[key]


class _Episode:
    """A skill in progress."""

    def __init__(self, key: EpisodeKey, config: ScriptedExpert.Config) -> None:
        self._rng = key.rng("policy")
        self._config = config
        self._view: View | None = None
        self._steps: Steps[None] | None = None
        self._planned_step = -1
        self._action = np.zeros(7, np.float32)

    def next_action(self, request: PlanRequest) -> NDArray[np.float32]:
        """The action for the newest observation, float32, shape (7,)."""
        newest = request.observations[-1]
        if newest.step == self._planned_step:  # asked again: skills do not run twice
            return self._action
        if newest.scene is None:
            raise ContractError(
                f"step {newest.step}: the observation has no scene, expected one with every "
                "plan; the policy's spec asks for it (needs_scene)"
            )
        if self._view is None or self._steps is None:
            self._view = View(newest.scene)
            arm = Arm(self._view, Manner(), self._rng)
            self._steps = _with_rest(arm)
        else:
            self._view.update(newest.scene)
        self._action = np.clip(next(self._steps), -1, 1).astype(np.float32)
        self._planned_step = newest.step
        return self._action


def _with_rest(arm: Arm) -> Steps[None]:
    """The task, then stillness with an open hand."""
    yield from solve(arm, arm.view.layout.goals)
    while True:
        yield np.array([0, 0, 0, 0, 0, 0, OPEN])
