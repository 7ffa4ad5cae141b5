"""Watches the episodes of a benchmark and writes down what a policy could learn from them.

A benchmark around a benchmark: the engine runs it like any other, with its watchdogs, retries
and resuming, and the policy sees what it would see without.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamlab.core.config import build
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError, StoreError
from wamlab.core.protocols import Benchmark, Env, Sense, StepResult
from wamlab.core.specs import BenchmarkSpec
from wamlab.core.types import Observation
from wamlab.data.convention import Gripper, converted
from wamlab.data.film import encode_film
from wamlab.data.lerobot_writer import Take
from wamlab.data.moments import image_moments
from wamlab.data.pushes import Pushes, pushed
from wamlab.engine.around import Around
from wamlab.engine.schedule import simulators_of
from wamlab.records.files import write_whole

NO_OP = 1e-4
"""A motion command below this norm stays where it is (openvla,
experiments/robot/libero/regenerate_libero_dataset.py, is_noop)."""


class Recording:
    """A benchmark whose successful episodes leave a demonstration in a folder.

    A demonstration ends when the robot has let go after its success. It is on disk before the
    engine hears of the end of the episode, so a record of a success has a demonstration.
    """

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """What to record.

        Attributes:
            benchmark: The `Config` of the benchmark that is watched.
            folder: Where demonstrations go.
            drop_no_ops: Do not execute, and do not record, actions that neither move the hand
                nor change the gripper.
            image_every: Render the cameras at every so many recorded steps; the rows between
                repeat the picture. Rendering is most of what recording costs.
            push_rate: Share of undisturbed steps at which somebody begins to push the hand aside
                (`data.pushes`); until the success.
        """

        benchmark: Any
        folder: Path
        drop_no_ops: bool = True
        image_every: int = 1
        push_rate: float = 0.0

    def __init__(self, config: Config) -> None:
        self.config = config
        self._benchmark: Benchmark = build(config.benchmark)
        if not self._benchmark.spec.cameras:
            raise ConfigError("benchmark: renders no camera, expected one to record")
        if config.image_every < 1:
            raise ConfigError(f"image_every: got {config.image_every}, expected at least 1")
        if not 0 <= config.push_rate < 1:
            raise ConfigError(f"push_rate: got {config.push_rate}, expected 0 or more, below 1")
        self._gripper = Gripper.of(self._benchmark.spec.action)

    @property
    def spec(self) -> BenchmarkSpec:
        return self._benchmark.spec

    def episodes(self) -> Sequence[EpisodeKey]:
        return self._benchmark.episodes()

    def step_limit(self, key: EpisodeKey) -> int:
        return self._benchmark.step_limit(key)

    def instruction(self, key: EpisodeKey) -> str:
        return self._benchmark.instruction(key)

    def simulator(self, key: EpisodeKey) -> str:
        return simulators_of(self._benchmark)(key)

    def make_env(self, key: EpisodeKey) -> Env:
        return RecordingEnv(
            self._benchmark.make_env(key),
            self.spec.cameras,
            self._gripper,
            self.spec.control_hz,
            self.config,
        )

    def fingerprint(self) -> Mapping[str, str]:
        return self._benchmark.fingerprint()


class RecordingEnv(Around):
    """Senses every camera, at every step or every few, until the demonstration is over."""

    def __init__(
        self,
        env: Env,
        cameras: frozenset[str],
        gripper: Gripper,
        fps: float,
        config: Recording.Config,
    ) -> None:
        super().__init__(env)
        self._cameras, self._gripper, self._fps = cameras, gripper, fps
        self._folder, self._drop_no_ops = config.folder, config.drop_no_ops
        self._image_every, self._push_rate = config.image_every, config.push_rate
        self._idle = env.idle_action()

    def reset(self, key: EpisodeKey, sense: Sense) -> Observation:
        self._key, self._step = key, 0
        self._states: list[NDArray[np.float32]] = []
        self._actions: list[NDArray[np.float32]] = []
        self._images: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in self._cameras}
        self._pushes, self._is_push = Pushes(key, self._push_rate), list[bool]()
        self._records, self._succeeded = True, False
        self._newest = self._env.reset(key, self._wanted(sense))
        return self._seen(sense)

    def step(self, action: NDArray[np.float32], sense: Sense) -> StepResult:
        self._step += 1
        if self._succeeded and self._records and self._rests(action):
            self._finish()
        if not self._records:
            result = self._env.step(action, sense)
            return replace(result, observation=replace(result.observation, step=self._step))
        motion = None if self._succeeded else self._pushes.next()
        if motion is not None:
            action = pushed(action, motion, len(action) - (self._gripper is not Gripper.NONE))
        elif self._drop_no_ops and not self._succeeded and self._is_no_op(action, sense):
            return StepResult(observation=self._seen(sense), success=False, terminated=False)
        self._states.append(self._newest.state)
        self._actions.append(np.array(action, np.float32))
        self._is_push.append(motion is not None)
        fresh = self._is_pictured(len(self._states) - 1)
        for camera, images in self._images.items():
            images.append(self._newest.images[camera] if fresh else images[-1])
        result = self._env.step(action, self._wanted(sense))
        self._newest = result.observation
        self._succeeded |= result.success
        return replace(result, observation=self._seen(sense))

    def _wanted(self, sense: Sense) -> Sense:
        """What the next row needs, and what the policy asked for."""
        fresh = self._is_pictured(len(self._states))
        return Sense(cameras=self._cameras if fresh else sense.cameras, scene=sense.scene)

    def _is_pictured(self, row: int) -> bool:
        return row % self._image_every == 0

    def _seen(self, sense: Sense) -> Observation:
        """The newest observation with what the policy asked for."""
        scene = self._newest.scene if sense.scene else None
        if scene is not None and self._step > 0:
            scene = replace(scene, layout=None)
        images = {camera: self._newest.images[camera] for camera in sense.cameras}
        return replace(self._newest, images=images, scene=scene, step=self._step)

    def _rests(self, action: NDArray[np.float32]) -> bool:
        return np.array_equal(action, self._idle)

    def _is_no_op(self, action: NDArray[np.float32], sense: Sense) -> bool:
        """Whether an action changes nothing, so that the policy may see the same scene again."""
        if sense.scene and self._newest.scene is None:
            return False
        has_gripper = self._gripper is not Gripper.NONE
        motion = action[:-1] if has_gripper else action
        before = self._actions[-1] if self._actions else self._idle
        return bool(np.linalg.norm(motion) < NO_OP) and not (
            has_gripper and action[-1] != before[-1]
        )

    def _finish(self) -> None:
        """Puts the demonstration on disk, its numbers last: they make it whole.

        Raises:
            StoreError: If the disk is full; the engine runs the episode again later.
        """
        self._records = False
        numbers: dict[str, Any] = {
            "state": np.array(self._states, np.float32),
            "is_push": np.array(self._is_push),
            "action": converted(
                np.array(self._actions), self._gripper, _dataset_gripper(self._gripper)
            ),
        }
        try:
            for camera, images in self._images.items():
                film = encode_film(images, self._fps)
                write_whole(_film_path(self._folder, self._key, camera), film)
                found = image_moments(images)
                numbers |= {f"{camera}/{name}": value for name, value in found.items()}
            buffer = io.BytesIO()
            np.savez(buffer, **numbers)
            write_whole(_numbers_path(self._folder, self._key), buffer.getvalue())
        except OSError as error:
            raise StoreError(
                f"{self._folder}: the demonstration cannot be written ({error.strerror}); free "
                "space and run the same command to continue"
            ) from error
        self._images = {}


def recorded(folder: Path, key: EpisodeKey, instruction: str, cameras: Sequence[str]) -> Take:
    """The demonstration that an episode left.

    Raises:
        StoreError: If somebody took it away.
    """
    path = _numbers_path(folder, key)
    films = {camera: _film_path(folder, key, camera) for camera in cameras}
    missing = [place for place in (path, *films.values()) if not place.exists()]
    if missing:
        raise StoreError(
            f"{missing[0]}: no such file, although the episode was recorded; remove its line "
            f"from {folder.parent / 'episodes.jsonl'} and run the same command to record it again"
        )
    with np.load(path) as numbers:
        return Take(
            name=str(key),
            instruction=instruction,
            state=numbers["state"],
            action=numbers["action"],
            # recordings from before there were pushes
            is_push=numbers.get("is_push", np.zeros(len(numbers["action"]), bool)),
            films=films,
            image_moments={
                camera: {
                    name.partition("/")[2]: numbers[name]
                    for name in numbers.files
                    if name.startswith(f"{camera}/")
                }
                for camera in cameras
            },
        )


def _dataset_gripper(gripper: Gripper) -> Gripper:
    """What datasets say, whatever the simulator says."""
    return Gripper.NONE if gripper is Gripper.NONE else Gripper.OPEN_1


def _numbers_path(folder: Path, key: EpisodeKey) -> Path:
    return folder / f"{key.slug}.npz"


def _film_path(folder: Path, key: EpisodeKey, camera: str) -> Path:
    return folder / f"{key.slug}.{camera}.mp4"
