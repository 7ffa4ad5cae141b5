"""One LIBERO task in one process: exact, but without the work that nobody reads.

Beside the plain environment (`OffScreenRenderEnv`, as openpi's example uses it) this one
resets softly, renders only what a policy reads, and steps physics without repeating itself.
State and images stay equal bit by bit (tests/benchmarks/test_exactness.py).
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from math import acos, isclose, sqrt
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from wamlab.benchmarks.libero import package
from wamlab.benchmarks.libero.cameras import Cameras
from wamlab.benchmarks.libero.edits import Edit, Editor, Pose
from wamlab.benchmarks.libero.fixtures import FixtureStream, placements_when_loaded
from wamlab.benchmarks.libero.osc import arm_controller
from wamlab.benchmarks.libero.rooms import add_objects, room
from wamlab.benchmarks.libero.scene import SceneReader
from wamlab.benchmarks.libero.third_party import (
    OffScreenRenderEnv,
    get_libero_path,
)
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError, ContractError, SimulatorError
from wamlab.core.perturbation import Simulation
from wamlab.core.protocols import Sense, StepResult
from wamlab.core.types import Observation

IDLE = np.array([0, 0, 0, 0, 0, 0, -1], np.float32)  # stays in place, gripper open
FRAME_PX = 256


class LiberoEnv:
    """The simulator of one task, for all of its episodes."""

    def __init__(
        self,
        *,
        files: package.TaskFiles,
        settle_steps: int,
        image_px: int,
        rotated: bool,
        reference_fixtures: bool,
    ) -> None:
        _check_paths()
        add_objects(files.objects)
        self._settle_steps = settle_steps
        self._instruction, self._inits = files.instruction, files.init_states
        # Cameras are drawn by `Cameras`, so robosuite creates no image sensors of its own.
        with placements_when_loaded() as loaded:
            self._wrapper = OffScreenRenderEnv(
                bddl_file_name=str(files.definition),
                camera_heights=image_px,
                camera_widths=image_px,
                use_camera_obs=False,
                ignore_done=True,  # the engine owns the step limit
                **room(files),
            )
        env = self._env = self._wrapper.env
        env.hard_reset = False
        env._observables = {}
        self._model, self._data = env.sim.model._model, env.sim.data._data
        self._num_substeps = int(env.control_timestep / env.model_timestep)
        self._fixture_bodies = [
            env.sim.model.body_name2id(fixture.root_body) for fixture in env.fixtures_dict.values()
        ]
        self._fixtures = FixtureStream(env, loaded=loaded[-1], reference=reference_fixtures)
        self._cameras = Cameras(env, size_px=image_px, rotated=rotated)
        self._scene = SceneReader(env)
        self._editor = Editor(env, self._inits)
        self._state_size = mujoco.mj_stateSize(self._model, _STATE)
        self._arm = arm_controller(env)
        self._last_gripper = -1.0
        self._change_start: Callable[[], None] = _leave_alone

    @property
    def robot(self) -> str:
        """Class name of the robot, e.g. "MountedPanda"."""
        return str(self._env.robots[0].name)

    @property
    def agentview(self) -> Pose:
        """Where the camera of that name stands in the loaded task."""
        return self._editor.agentview

    def edit(self, edit: Edit) -> None:
        """Turns the loaded task into a disturbed one, undoing any edit before; then reset it."""
        self._instruction, self._inits = edit.instruction, self._editor.apply(edit)

    def simulation(self) -> Simulation:
        arm = np.asarray(self._env.robots[0]._ref_joint_pos_indexes, np.int64)
        return Simulation(self._model, self._data, arm)

    def at_start(self, change: Callable[[], None]) -> None:
        self._change_start = change

    def reset(self, key: EpisodeKey, sense: Sense) -> Observation:
        self._fixtures.reset(key)
        self._arm = arm_controller(self._env)
        self._env.sim.set_state_from_flattened(self._inits[key.init])
        self._change_start()
        self._env.sim.forward()
        self._env._check_success()
        self._env._post_process()
        # robosuite samples sensors by a timer; it has counted two forced updates by now.
        self._sampler = _SensorTimer(self._env, num_forced=2)
        self._step = 0
        nothing = Sense()
        for remaining in range(self._settle_steps - 1, -1, -1):
            state, images, _ = self._advance(IDLE, sense if remaining == 0 else nothing)
        if self._settle_steps == 0:
            state, images = self._read_state(), self._render(sense)
        self._step = 0
        return self._observe(sense, state, images)

    def step(self, action: NDArray[np.float32], sense: Sense) -> StepResult:
        if action.shape != (7,):
            raise ContractError(
                f"action: got shape {list(action.shape)}, expected [7]; see Libero.spec.action"
            )
        state, images, success = self._advance(action, sense)
        self._step += 1
        observation = self._observe(sense, state, images)
        return StepResult(observation=observation, success=success, terminated=False)

    def frame(self) -> NDArray[np.uint8]:
        return self._cameras.render("agentview", FRAME_PX)

    def state_bytes(self) -> bytes:
        state = np.empty(self._state_size)
        mujoco.mj_getState(self._model, self._data, state, _STATE)
        bodies = self._fixture_bodies
        gripper = self._env.robots[0].gripper.current_action
        return b"".join(
            np.ascontiguousarray(part).tobytes()
            for part in (
                state,
                self._model.body_pos[bodies],
                self._model.body_quat[bodies],
                gripper,
            )
        )

    def has_released(self) -> bool:
        return self._last_gripper < 0

    def idle_action(self) -> NDArray[np.float32]:
        return IDLE.copy()

    def close(self) -> None:
        # robosuite's render context frees its display lists from `__del__`, in whatever OpenGL
        # context is current then: another environment of this process would lose its meshes.
        self._env.sim._render_context_offscreen.gl_ctx.make_current()
        self._wrapper.close()
        del self._wrapper, self._env, self._fixtures, self._cameras, self._scene, self._arm
        del self._editor, self._model, self._data
        gc.collect()

    def _advance(
        self, action: NDArray[np.float32], sense: Sense
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.uint8]], bool]:
        """One control step: 25 physics steps, sensors sampled where robosuite samples them.

        Returns:
            The state vector, the images asked for, and the success predicate.
        """
        command = np.asarray(action, np.float64)
        state, images = None, None
        for substep in range(self._num_substeps):
            self._arm.physics_step(command, is_first=substep == 0)
            if self._sampler.tick():
                # Poses here are those before the last integration; rendering after the step
                # would show the arm about 1 mm further than the reference does.
                state, images = self._read_state(), self._render(sense)
        self._last_gripper = float(command[6])
        success = bool(self._env._check_success())
        self._env._post_process()
        if state is None or images is None:
            raise SimulatorError("no sensor sample fell into this control step")
        return state, images, success

    def _render(self, sense: Sense) -> dict[str, NDArray[np.uint8]]:
        return {camera: self._cameras.render(camera) for camera in sorted(sense.cameras)}

    def _read_state(self) -> NDArray[np.float32]:
        """Position, axis-angle and finger joints, as openpi's and FastWAM's examples build it."""
        robot, data = self._env.robots[0], self._data
        w, x, y, z = self._env.sim.data.get_body_xquat(robot.robot_model.eef_name)
        fingers = data.qpos[robot._ref_gripper_joint_pos_indexes]
        turn = axis_angle(x, y, z, w)
        position = data.site_xpos[robot.eef_site_id]
        return np.concatenate([position, turn, fingers]).astype(np.float32)

    def _observe(
        self,
        sense: Sense,
        state: NDArray[np.float32],
        images: dict[str, NDArray[np.uint8]],
    ) -> Observation:
        return Observation(
            images=images,
            state=state,
            instruction=self._instruction,
            step=self._step,
            scene=self._scene.read(with_layout=self._step == 0) if sense.scene else None,
        )


class _SensorTimer:
    """When robosuite's observables sample: the same float arithmetic as `Observable.update`.

    Source: robosuite 1.4.0 utils/observables.py. The sample falls on the 24th of 25 physics
    steps because the two forced updates of a reset advance the timer too.
    """

    def __init__(self, env: Any, *, num_forced: int) -> None:  # noqa: ANN401
        self._dt: float = env.model_timestep
        self._period: float = 1.0 / env.control_freq
        self._elapsed = 0.0
        for _ in range(num_forced):
            self._elapsed += self._dt
        self._sampled = True

    def tick(self) -> bool:
        """Whether sensors sample after this physics step."""
        self._elapsed += self._dt
        samples = not self._sampled and self._period >= self._elapsed
        if samples:
            self._sampled = True
        if self._elapsed >= self._period:
            self._elapsed %= self._period
            self._sampled = False
        return samples


def axis_angle(x: float, y: float, z: float, w: float) -> NDArray[np.float64]:
    """Rotation vector of a unit quaternion, rad, shape (3,).

    Without the antipodal normalisation that keeps angles below pi: checkpoints were trained on
    the raw form (openpi examples/libero/main.py `_quat2axisangle`, robosuite quat2axisangle).
    """
    w = min(1.0, max(-1.0, w))
    norm = sqrt(1.0 - w * w)
    if isclose(norm, 0.0):
        return np.zeros(3)
    return np.array([x, y, z]) * 2.0 * acos(w) / norm


def _leave_alone() -> None:
    """What happens at the start of an episode that nobody perturbs."""


_STATE = mujoco.mjtState.mjSTATE_INTEGRATION


def _check_paths() -> None:
    """LIBERO reads a per-user file that may point its assets elsewhere; refuse that."""
    found, expected = str(get_libero_path("assets")), str(package.assets_root())
    if found != expected:
        raise ConfigError(
            f"LIBERO assets: a config.yaml redirects them to {found}, expected {expected}; "
            "unset LIBERO_CONFIG_PATH or remove that file"
        )
