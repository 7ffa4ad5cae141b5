"""Starts one task's simulator in a process of its own and tells what it did.

A renderer that is broken crashes or hangs the process that it is in; here that is a result.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import statistics
import subprocess
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wamlab.benchmarks.libero import package
from wamlab.core.config import from_json, to_json
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import SimulatorError, WamlabError
from wamlab.core.protocols import Sense

if TYPE_CHECKING:
    from wamlab.benchmarks.libero.env import LiberoEnv

SETTLE_INITS = (0, 1, 2)
IDLE_STEPS = 30  # everything rests after 5 to 10; FastWAM's protocol waits 30
IMAGE_PX = 256
NUM_TIMED_FRAMES = 5
TIMEOUT_S = 180.0  # 8 s in general; 20 s when numba compiles first; more on a loaded machine
CAMERAS = frozenset({"agentview", "wrist"})


class Resting(NamedTuple):
    """Where an object is after the idle steps.

    Attributes:
        at_m: Position, m, world frame.
        fall_m: How far it has come down since the initial state, m.
    """

    at_m: tuple[float, float, float]
    fall_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one task's simulator did.

    Attributes:
        gl_renderer: What OpenGL calls the renderer, with the driver's version.
        construct_s: Import and construction, s.
        frame_ms: Median wall time of one 256x256 agentview, ms.
        images: Camera -> what it shows in initial state 0 before any physics step: uint8,
            shape (256, 256, 3), compressed and in base64.
        rests: Initial state -> movable object -> where it rests.
    """

    mujoco: str
    gl_renderer: str
    construct_s: float
    frame_ms: float
    images: Mapping[str, str]
    rests: Mapping[str, Mapping[str, Resting]]

    def image(self, camera: str) -> NDArray[np.uint8]:
        """The first image of a camera, uint8, shape (256, 256, 3)."""
        data = zlib.decompress(base64.b64decode(self.images[camera]))
        return np.frombuffer(data, np.uint8).reshape(IMAGE_PX, IMAGE_PX, 3)

    def image_hashes(self) -> dict[str, str]:
        """Camera -> 16 hexadecimal digits of the SHA-256 of its pixels."""
        return {c: sha256(self.image(c).tobytes()).hexdigest()[:16] for c in sorted(self.images)}


def probe(suite: str, task: str, renderer: str, *, timeout_s: float = TIMEOUT_S) -> Probe:
    """Starts the simulator of a task, looks, lets everything fall, and ends it.

    Args:
        renderer: "osmesa" or "egl".

    Raises:
        SimulatorError: If it crashes, refuses or does not end in time.
    """
    environment = {**os.environ, "MUJOCO_GL": renderer, "PYOPENGL_PLATFORM": renderer}
    environment["PYTHONPATH"] = os.pathsep.join(entry or os.curdir for entry in sys.path)
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__, suite, task],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SimulatorError(f"the simulator did not answer within {timeout_s:g} s") from None
    if done.returncode != 0:
        raise SimulatorError(_epitaph(done.returncode, done.stderr))
    return from_json(Probe, json.loads(done.stdout))


def main(suite: str, task: str) -> None:
    """The child's side: prints a `Probe` as JSON."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # LIBERO and its libraries print to stdout
    started = perf_counter()
    from wamlab.benchmarks.libero.env import LiberoEnv  # MUJOCO_GL comes from the parent

    env = LiberoEnv(
        files=package.task_files(suite, task),
        settle_steps=0,
        image_px=IMAGE_PX,
        rotated=True,
        reference_fixtures=False,
    )
    construct_s = perf_counter() - started
    keys = [
        EpisodeKey(benchmark="libero", suite=suite, task=task, init=init) for init in SETTLE_INITS
    ]
    images = env.reset(keys[0], Sense(CAMERAS)).images
    frame_ms = _frame_ms(env)
    result = Probe(
        mujoco=_mujoco_version(),
        gl_renderer=_gl_renderer(),
        construct_s=construct_s,
        frame_ms=frame_ms,
        images={name: _packed(image) for name, image in images.items()},
        rests={str(key.init): _settle(env, key) for key in keys},
    )
    env.close()
    with answer:
        json.dump(to_json(result), answer)


def _settle(env: LiberoEnv, key: EpisodeKey) -> dict[str, Resting]:
    sense = Sense(scene=True)
    before = env.reset(key, sense).scene
    for _ in range(IDLE_STEPS):
        observation = env.step(env.idle_action(), sense).observation
    after = observation.scene
    if before is None or before.layout is None or after is None:
        raise RuntimeError("the scene was asked for and is missing")
    layout = before.layout
    # A joint without a scalar position is a free one: its body is an object, not a fixture.
    movable = {int(body) for body in layout.joint_body[np.isnan(before.joint_q)]}
    return {
        name: Resting(
            at_m=_point(after.body_pos[body]),
            fall_m=round(float(before.body_pos[body][2] - after.body_pos[body][2]), 6),
        )
        for name, body in sorted(layout.objects.items())
        if body in movable
    }


def _point(position: NDArray[np.float64]) -> tuple[float, float, float]:
    """To the micrometre."""
    x, y, z = (round(float(value), 6) for value in position)
    return x, y, z


def _frame_ms(env: LiberoEnv) -> float:
    times = []
    for _ in range(NUM_TIMED_FRAMES):
        started = perf_counter()
        env.frame()
        times.append(1e3 * (perf_counter() - started))
    return round(statistics.median(times), 1)


def _mujoco_version() -> str:
    import mujoco

    return str(mujoco.__version__)


def _gl_renderer() -> str:
    """Of the context that has just drawn."""
    from OpenGL import GL

    return ", ".join(GL.glGetString(name).decode() for name in (GL.GL_RENDERER, GL.GL_VERSION))


def _packed(image: NDArray[np.uint8]) -> str:
    return base64.b64encode(zlib.compress(image.tobytes(), 1)).decode()


def _epitaph(code: int, printed: str) -> str:
    """How the process ended, and the last line that it printed."""
    end = f"exit code {code}" if code > 0 else f"killed by {signal.Signals(-code).name}"
    last_line = next((line.strip() for line in reversed(printed.split("\n")) if line.strip()), "")
    return f"the simulator ended with {end}: {last_line}" if last_line else f"it was {end}"


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except WamlabError as error:
        raise SystemExit(str(error)) from None
