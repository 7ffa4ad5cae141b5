"""Where fixtures stand: robosuite draws it from numpy's global generator at every reset.

Two modes. `episode`: the generator is seeded from the episode's key. `reference`: the k-th
episode of a task gets what a serial run of the reference harness (openpi, FastWAM: seed once,
then one hard reset per episode) would have drawn, whatever ran before in this process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from wamlab.benchmarks.libero.third_party import MujocoEnv, RandomizationError
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import SimulatorError

REFERENCE_SEED = 7  # openpi examples/libero/main.py, `seed: int = 7`
MAX_PLACEMENTS = 1000


class Placements(NamedTuple):
    """Poses of all bodies in their parents: shapes (num_bodies, 3) and (num_bodies, 4), w first."""

    pos: NDArray[np.float64]
    quat: NDArray[np.float64]


class FixtureStream:
    """Resets robosuite's environment so that placements depend on the episode alone."""

    def __init__(self, env: Any, *, loaded: Placements, reference: bool) -> None:  # noqa: ANN401
        self._env = env
        self._loaded = loaded
        env.sim.reset = self._as_loaded
        self._reference = reference
        # LIBERO appends its joint samplers again at every hard reset and never clears them;
        # each costs draws, so the leak is part of the reference sequence.
        self._samplers = list(env.object_property_initializers)
        # Before the k-th reset: the generator's state and how often the samplers are listed.
        self._before: list[tuple[Any, int]] = []

    def reset(self, key: EpisodeKey) -> None:
        """A soft reset with the random draws of that episode."""
        with _global_generator_restored():
            if self._reference:
                self._seek(key.init)
                self._reset(self._before[key.init][1])
            else:
                np.random.seed(int(key.rng("fixtures").integers(1 << 32)))
                self._reset(None)

    def _as_loaded(self) -> None:
        """Brings the simulation to where loading the model anew would bring it.

        Loading solves the constraints twice with all bodies where the model file puts them
        (once for the model, once for the render context); what that leaves is the solver's
        warm start, from which the last bits of the episode follow.
        """
        model, data = self._env.sim.model._model, self._env.sim.data._data
        mujoco.mj_resetData(model, data)
        model.body_pos[:], model.body_quat[:] = self._loaded
        for _ in range(2):
            mujoco.mj_forward(model, data)

    def _seek(self, index: int) -> None:
        """Brings the global generator to where the `index`-th reset of a serial run starts."""
        if not self._before:
            np.random.seed(REFERENCE_SEED)
            self._before.append((np.random.get_state(), 1))
        while len(self._before) <= index:
            state, listed = self._before[-1]
            np.random.set_state(state)
            listed = self._reset(listed)
            self._before.append((np.random.get_state(), listed))
        np.random.set_state(self._before[index][0])

    def _reset(self, listed: int | None) -> int:
        """Resets softly, drawing again while placements collide, as the reference does.

        Args:
            listed: How often the joint samplers were listed before; each hard reset of the
                reference lists them once more. None lists them once, always.

        Returns:
            How often they are listed afterwards.
        """
        times = listed or 0
        for _ in range(MAX_PLACEMENTS):
            times = times + 1 if listed is not None else 1
            self._env.object_property_initializers[:] = self._samplers * times
            try:
                self._env.reset()
            except RandomizationError:
                continue
            # robosuite 1.4.0 keeps the fingers' target across soft resets (0.57 in the state)
            for robot in self._env.robots:
                robot.gripper.current_action = np.zeros_like(robot.gripper.current_action)
            return times
        raise SimulatorError(f"no placement without collision in {MAX_PLACEMENTS} draws")


@contextmanager
def placements_when_loaded() -> Iterator[list[Placements]]:
    """Collects the body poses of each model that robosuite loads meanwhile, before it moves any."""
    original = MujocoEnv._initialize_sim
    collected: list[Placements] = []

    def initialize(env: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        original(env, *args, **kwargs)
        model = env.sim.model._model
        collected.append(Placements(model.body_pos.copy(), model.body_quat.copy()))

    MujocoEnv._initialize_sim = initialize
    try:
        yield collected
    finally:
        MujocoEnv._initialize_sim = original


@contextmanager
def _global_generator_restored() -> Iterator[None]:
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)
