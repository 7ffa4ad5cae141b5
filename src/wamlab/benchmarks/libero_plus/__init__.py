"""LIBERO-Plus: 10,030 disturbed LIBERO tasks on seven axes in five levels, one episode each.

7,045 of them run on what package indices hold; the others need the authors' asset pack. Without
it they are listed and counted, never dropped silently. docs/libero_plus.md says what is official.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata

from wamlab.benchmarks.libero import Fixtures, Libero, Renderer, check_versions, resolved
from wamlab.benchmarks.libero_plus import asset_pack, package
from wamlab.benchmarks.libero_plus.variants import Axis, Variant
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError, unknown_name
from wamlab.core.health import Check, Depth, Level
from wamlab.core.protocols import Env

__all__ = ["Axis", "Instruction", "LiberoPlus", "NoisyCameras", "RobotStart"]

LEVELS = (1, 2, 3, 4, 5)
UNLABELLED = 0  # 121 light tasks have no official level


class RobotStart(StrEnum):
    """What the robot axis does."""

    OFFICIAL = "official"  # the initial state overwrites the arm; only the null-space pull is left
    TRUE = "true"  # the arm starts where the task says


class NoisyCameras(StrEnum):
    """Whose images sensor noise disturbs."""

    OFFICIAL = "official"  # agentview alone; the wrist camera stays clean
    BOTH = "both"


class Instruction(StrEnum):
    """What the policy is told on the axes that do not disturb the instruction."""

    TASK = "task"  # the LIBERO task's instruction
    OFFICIAL_FAULT = (
        "official_fault"  # the file's name as words: "... view 0 0 100 0 0 initstate 3"
    )


class LiberoPlus:
    """The LIBERO-Plus tasks under one of the published LIBERO protocols."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """What to evaluate, and how.

        Attributes:
            suites: Suites in the order of the report.
            axes: What is disturbed.
            levels: Official difficulties, 1 to 5; 0 stands for the tasks that have none.
            tasks: Official ids within each suite, from 1; None for all.
            seeds: Repetitions; the official protocol has one.
            runnable_only: Leaves out the tasks that cannot run here; `skipped()` names them.
            robot_start: What the robot axis does.
            noisy_cameras: Whose images sensor noise disturbs.
            instruction: What the policy is told.
            protocol: LIBERO protocol: settling steps, step limits, images.
            step_limit: Overrides the protocol's step limit in every suite; None keeps it.
            fixtures: Where fixtures stand.
            renderer: Which OpenGL draws the images.
            image_px: Height and width of the images; None keeps the protocol's.
        """

        suites: tuple[str, ...] = package.SUITES
        axes: tuple[Axis, ...] = tuple(Axis)
        levels: tuple[int, ...] = (*LEVELS, UNLABELLED)
        tasks: tuple[int, ...] | None = None
        seeds: tuple[int, ...] = (0,)
        runnable_only: bool = False
        robot_start: RobotStart = RobotStart.OFFICIAL
        noisy_cameras: NoisyCameras = NoisyCameras.OFFICIAL
        instruction: Instruction = Instruction.TASK
        protocol: str = "openpi"
        step_limit: int | None = None
        fixtures: Fixtures = Fixtures.EPISODE
        renderer: Renderer = Renderer.AUTO
        image_px: int | None = None

        def __post_init__(self) -> None:
            for name in ("suites", "axes", "levels", "tasks", "seeds"):
                if getattr(self, name) == ():
                    raise ConfigError(f"{name}: got none, expected at least one")
            for suite in self.suites:
                if suite not in package.SUITES:
                    raise unknown_name("suite", suite, package.SUITES)
            for axis in self.axes:
                if axis not in tuple(Axis):
                    raise unknown_name("axis", axis, tuple(Axis))
            for level in self.levels:
                if level not in (*LEVELS, UNLABELLED):
                    raise ConfigError(f"level: got {level}, expected 1 to 5, or 0 for unlabelled")
            self.undisturbed()

        def undisturbed(self) -> Libero.Config:
            """The LIBERO settings behind these."""
            return Libero.Config(
                suites=self.suites,
                num_inits=1,
                seeds=self.seeds,
                protocol=self.protocol,
                step_limit=self.step_limit,
                fixtures=self.fixtures,
                renderer=self.renderer,
                image_px=self.image_px,
            )

    spec = Libero.spec

    def __init__(self, config: Config) -> None:
        self.config = config
        self._libero = Libero(config.undisturbed())

    def episodes(self) -> Sequence[EpisodeKey]:
        """The tasks asked for, in the official order.

        Raises:
            ConfigError: If a task id does not exist, or nothing is left.
        """
        skips = self.config.runnable_only
        keys = [key for key, variant in self._asked() if not (skips and _lacks(variant))]
        if not keys:
            raise ConfigError(
                f"no task of {', '.join(self.config.suites)} has axes "
                f"{', '.join(self.config.axes)} and levels {self.config.levels} and can run here; "
                "widen the choice"
            )
        return keys

    def skipped(self) -> Mapping[EpisodeKey, str]:
        """Tasks asked for that cannot run here -> what they need."""
        found = ((key, _lacks(variant)) for key, variant in self._asked())
        return {key: f"needs {lacks}" for key, lacks in found if lacks}

    def twin(self, key: EpisodeKey) -> EpisodeKey:
        """The same episode of `benchmarks.libero`, undisturbed; a twin is its own."""
        return key if _is_twin(key) else package.twin(self.variant(key), seed=key.seed)

    def variant(self, key: EpisodeKey) -> Variant:
        """What the task's official name says; not of a twin, which is no variant."""
        return package.variant(key.suite, key.task)

    def simulator(self, key: EpisodeKey) -> str:
        """Names the model that an episode needs; one environment serves all that share it."""
        return f"{key.suite}/{package.scene(key)}"

    def step_limit(self, key: EpisodeKey) -> int:
        return self._libero.step_limit(key)

    def instruction(self, key: EpisodeKey) -> str:
        return self._libero.instruction(key) if _is_twin(key) else self._words(self.variant(key))

    def make_env(self, key: EpisodeKey) -> Env:
        """A simulator for all tasks with the same scene (about 5 s and 2 GB).

        Raises:
            ConfigError: If the task needs files that are not here, or a version does not fit.
        """
        variant = package.loadable(key)
        if lacks := _lacks(variant):
            raise ConfigError(
                f"{variant.suite} task {variant.number} ({variant.name}) needs {lacks}; "
                "leave such tasks out with runnable_only=True"
            )
        check_versions()
        renderer = resolved(self.config.renderer)
        os.environ["MUJOCO_GL"] = os.environ["PYOPENGL_PLATFORM"] = renderer
        from wamlab.benchmarks.libero.env import LiberoEnv  # after MUJOCO_GL is set
        from wamlab.benchmarks.libero_plus.env import LiberoPlusEnv

        protocol = self._libero.protocol
        inner = LiberoEnv(
            files=(asset_pack.files_for if variant.needs_pack else package.task_files)(variant),
            settle_steps=protocol.settle_steps,
            image_px=self._libero.image_px,
            rotated=protocol.rotated,
            reference_fixtures=self.config.fixtures is Fixtures.REFERENCE,
        )
        both = self.config.noisy_cameras is NoisyCameras.BOTH
        return LiberoPlusEnv(
            inner,
            scene=(variant.suite, variant.scene),
            rotated=protocol.rotated,
            instruction=self.instruction,
            noisy_cameras=self.spec.cameras if both else frozenset({"agentview"}),
            moves_arm=self.config.robot_start is RobotStart.TRUE,
        )

    def fingerprint(self) -> Mapping[str, str]:
        packed = [v for _, v in self._asked() if v.needs_pack] if asset_pack.root() else []
        return {
            **self._libero.fingerprint(),
            **({"asset_pack": asset_pack.digest(packed)} if packed else {}),
            package.DISTRIBUTION: metadata.version(package.DISTRIBUTION),
            "scipy": metadata.version("scipy"),
            "robot_start": self.config.robot_start,
            "noisy_cameras": self.config.noisy_cameras,
            "instruction": self.config.instruction,
        }

    def checks(self, depth: Depth, say: Callable[[str], None]) -> Iterator[Check]:
        """Whether the files are here, then what LIBERO asks of this machine."""
        from wamlab.benchmarks.libero_plus.health import files_check, pack_check

        yield (files := files_check())
        if files.level is not Level.RED:
            yield pack_check(self.skipped(), leaves_out=self.config.runnable_only)
        yield from self._libero.checks(depth, say)

    def _words(self, variant: Variant) -> str:
        if self.config.instruction is Instruction.OFFICIAL_FAULT:
            return package.instruction_with_suffix(variant)
        return package.instruction(variant)

    def _asked(self) -> Iterator[tuple[EpisodeKey, Variant]]:
        config = self.config
        for suite in config.suites:
            known = package.variants(suite)
            for number in config.tasks or range(1, len(known) + 1):
                if not 1 <= number <= len(known):
                    raise ConfigError(f"task: {suite} has tasks 1 to {len(known)}, got {number}")
                variant = known[number - 1]
                if variant.axis not in config.axes or variant.level not in config.levels:
                    continue
                for seed in config.seeds:
                    yield _key(variant, seed), variant


def _lacks(variant: Variant) -> str:
    """What the task needs that is not here; empty if it runs."""
    return asset_pack.lacks(variant) if variant.needs_pack else ""


def _is_twin(key: EpisodeKey) -> bool:
    return key.benchmark == package.UNDISTURBED


def _key(variant: Variant, seed: int) -> EpisodeKey:
    return EpisodeKey(
        benchmark="libero_plus",
        suite=variant.suite,
        task=variant.task,
        init=0,
        seed=seed,
        axis=variant.axis.value,
        severity=variant.level,
    )
