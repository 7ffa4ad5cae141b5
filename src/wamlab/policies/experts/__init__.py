"""Scripted experts that read the simulator's state: the ceiling of every table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError, ContractError
from wamlab.core.protocols import PlanRequest
from wamlab.core.specs import Field, PolicySpec
from wamlab.core.types import ActionChunk
from wamlab.policies.experts.control import OPEN, Arm, Manner, Steps
from wamlab.policies.experts.faults import (
    DEFAULT_MAGNITUDE,
    Fault,
    faulty_actions,
    faulty_goals,
    faulty_manner,
)
from wamlab.policies.experts.tasks import solve
from wamlab.policies.experts.view import View

__all__ = ["Fault", "ScriptedExpert"]


class ScriptedExpert:
    """Solves LIBERO tasks with hand-written skills, from the simulator's full state."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """Settings of the policy.

        Attributes:
            fault: What it does wrong in every episode.
            magnitude: How wrong, in the fault's unit (faults.py); None takes its default.
            speed: Range of the factor on all speeds, drawn for each episode.
            grasp_temperature: Spread of the choice among grasps; 0 takes the best, 0.3 varies
                the side without taking one that collides.
            waypoint_noise_m: Standard deviation of points that are only passed.
            miss_rate: Share of grasps that are off at first, and done again if they held nothing.
            miss_aside_m: How far off they are at most, horizontally.
            miss_height_m: Lowest and highest place of such a grasp, above the right one. From
                3.5 cm up it clears what is held by its top 2 cm, and always closes on air.
        """

        fault: Fault = Fault.NONE
        magnitude: float | None = None
        speed: tuple[float, float] = (1.0, 1.0)
        grasp_temperature: float = 0.0
        waypoint_noise_m: float = 0.0
        miss_rate: float = 0.0
        miss_aside_m: float = 0.04
        miss_height_m: tuple[float, float] = (0.035, 0.06)

        def __post_init__(self) -> None:
            slowest, fastest = self.speed
            if not 0 < slowest <= fastest <= 1:
                raise ConfigError(f"speed: got {self.speed}, expected 0 < slowest <= fastest <= 1")
            lowest, highest = self.miss_height_m
            if not 0 <= lowest <= highest:
                raise ConfigError(
                    f"miss_height_m: got {self.miss_height_m}, expected 0 <= lowest <= highest"
                )
            for name in ("grasp_temperature", "waypoint_noise_m", "miss_aside_m"):
                if not getattr(self, name) >= 0:
                    raise ConfigError(f"{name}: got {getattr(self, name)}, expected 0 or more")
            if not 0 <= self.miss_rate <= 1:
                raise ConfigError(f"miss_rate: got {self.miss_rate}, expected 0 to 1")
            if self.magnitude is not None and not self.magnitude > 0:
                raise ConfigError(f"magnitude: got {self.magnitude}, expected more than 0")
            if self.fault is Fault.NONE and self.magnitude is not None:
                raise ConfigError(
                    f"magnitude: got {self.magnitude} without a fault; name one of "
                    f"{', '.join(fault for fault in Fault if fault is not Fault.NONE)}"
                )

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
        self._steps: Steps[None] = _rest()
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
        if self._view is None:
            self._view = View(newest.scene)
            self._steps = _performance(self._view, self._config, self._rng)
        else:
            self._view.update(newest.scene)
        self._action = np.clip(next(self._steps), -1, 1).astype(np.float32)
        self._planned_step = newest.step
        return self._action


def _performance(
    view: View, config: ScriptedExpert.Config, rng: np.random.Generator
) -> Steps[None]:
    """The task with the faults that were asked for, then stillness with an open hand."""
    fault, magnitude = config.fault, config.magnitude
    if magnitude is None:
        magnitude = DEFAULT_MAGNITUDE[fault]
    manner = Manner(
        speed=float(rng.uniform(*config.speed)),
        grasp_temperature=config.grasp_temperature,
        waypoint_noise_m=config.waypoint_noise_m,
        miss_rate=config.miss_rate,
        miss_aside_m=config.miss_aside_m,
        miss_height_m=config.miss_height_m,
    )
    arm = Arm(view, faulty_manner(manner, fault, magnitude, rng), rng)
    steps = solve(arm, faulty_goals(view, fault))
    yield from faulty_actions(steps, fault, magnitude, rng)
    yield from _rest()


def _rest() -> Steps[None]:
    while True:
        yield np.array([0, 0, 0, 0, 0, 0, OPEN])
