"""The plain LIBERO loop that every other harness runs: the yardstick of the exactness tests.

Hard reset before each episode, both cameras rendered at every control step, robosuite's own
physics loop, one global random generator seeded once. Nothing of the adapter is used.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass

os.environ.setdefault("MUJOCO_GL", "osmesa")
os.environ.setdefault("PYOPENGL_PLATFORM", "osmesa")

import mujoco
import numpy as np

from wamlab.benchmarks.libero import Fixtures, Libero, Renderer, package
from wamlab.benchmarks.libero.cameras import NAME_IN_MODEL
from wamlab.benchmarks.libero.env import IDLE as IDLE_ACTION
from wamlab.benchmarks.libero.third_party import OffScreenRenderEnv
from wamlab.core.episodes import EpisodeKey
from wamlab.core.protocols import Sense
from wamlab.core.types import Observation


class PlainLibero:
    """openpi's example loop around `OffScreenRenderEnv`."""

    def __init__(self, suite: str, task: str, *, image_px: int = 256, cameras: bool = True) -> None:
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
            observation, *_ = self.wrapper.step(IDLE_ACTION.tolist())
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


@dataclass
class Moment:
    """What one environment said after one control step (or after a reset)."""

    where: str
    state: bytes
    proprioception: np.ndarray
    success: bool
    images: dict[str, np.ndarray]


def differences(suite: str, task: int, *, num_inits: int, num_steps: int, every: int) -> list[str]:
    """Runs both environments, one after the other, and names every value that is not equal.

    Full simulator state, proprioception and success are compared after every control step, both
    images every `every` steps (only then does ours render; the plain one renders always). The
    actions are random, with idle steps between them. (One after the other, because robosuite
    draws into whatever OpenGL context is current: two living environments would mix.)
    """
    config = Libero.Config(
        suites=(suite,),
        tasks=(task,),
        num_inits=num_inits,
        fixtures=Fixtures.REFERENCE,
        renderer=Renderer(os.environ["MUJOCO_GL"]),
    )
    expected = list(_plain(Libero(config), num_steps, every))
    gc.collect()
    found = []
    for got, want in zip(_ours(Libero(config), num_steps, every), expected, strict=True):
        parts = {
            "state": got.state == want.state,
            "proprioception": np.array_equal(got.proprioception, want.proprioception),
            "success": got.success == want.success,
        }
        parts |= {
            camera: np.array_equal(image, want.images[camera])
            for camera, image in got.images.items()
        }
        assert got.where == want.where
        assert got.images.keys() == want.images.keys()
        found += [f"{got.where}: {part}" for part, equal in parts.items() if not equal]
    return found


def _actions(key: EpisodeKey, num_steps: int) -> np.ndarray:
    actions = key.rng("actions").uniform(-1, 1, (num_steps, 7)).astype(np.float32)
    actions[6::7] = IDLE_ACTION
    return actions


def _plain(benchmark: Libero, num_steps: int, every: int) -> Iterator[Moment]:
    keys = benchmark.episodes()
    plain = PlainLibero(keys[0].suite, keys[0].task)

    def moment(key: EpisodeKey, step: int, observation: dict, success: bool) -> Moment:
        names = ("eef_pos", "gripper_qpos")
        images = {
            camera: observation[f"{NAME_IN_MODEL[camera]}_image"][::-1, ::-1].copy()
            for camera in (benchmark.spec.cameras if step % every == 0 else ())
        }
        return Moment(
            where=f"{key} step {step}",
            state=plain.state(),
            proprioception=np.concatenate([observation[f"robot0_{n}"] for n in names]).astype(
                np.float32
            ),
            success=bool(success),
            images=images,
        )

    for key in keys:
        yield moment(key, 0, plain.reset(key.init, benchmark.protocol.settle_steps), False)
        for step, action in enumerate(_actions(key, num_steps), 1):
            yield moment(key, step, *plain.step(action))
    plain.close()


def _ours(benchmark: Libero, num_steps: int, every: int) -> Iterator[Moment]:
    keys = benchmark.episodes()
    ours = benchmark.make_env(keys[0])
    everything, nothing = Sense(benchmark.spec.cameras), Sense()

    def moment(key: EpisodeKey, observation: Observation, success: bool) -> Moment:
        return Moment(
            where=f"{key} step {observation.step}",
            state=ours.state_bytes(),
            proprioception=observation.state[[0, 1, 2, 6, 7]],
            success=success,
            images=dict(observation.images),
        )

    for key in keys:
        yield moment(key, ours.reset(key, everything), False)
        for step, action in enumerate(_actions(key, num_steps), 1):
            result = ours.step(action, everything if step % every == 0 else nothing)
            yield moment(key, result.observation, result.success)
    ours.close()
