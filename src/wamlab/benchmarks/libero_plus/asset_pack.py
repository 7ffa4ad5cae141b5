"""The authors' asset pack: what the tasks that LIBERO's own files do not suffice for load from it.

Read from the task files and the classes of the official code, as text; nothing of it runs. The
pack is the folder `assets` of their repository. Where it lies is a fact of a machine and no
setting of a run, so an environment variable says it; which files a run reads is in its fingerprint.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from wamlab.benchmarks.libero import package as libero
from wamlab.benchmarks.libero_plus import package
from wamlab.benchmarks.libero_plus.variants import Variant
from wamlab.core.errors import ConfigError

WHERE = "WAMLAB_LIBERO_PLUS_ASSETS"

_CLASS = re.compile(r"^class (\w+)\(", re.M)
_SCENE = re.compile(r'"scene_xml": "([^"]+)"')
_STYLES = re.compile(r'"floor_style": "(.*?)",\s*"wall_style": "(.*?)"', re.S)
_OBJECT = re.compile(r"assets/(new_objects/[^\"']+\.xml)")
_PROBLEM = re.compile(r"\(problem\s+([^\s)]+)\)")
_OBJECTS = re.compile(r"\(:objects(.*?)\)", re.S)
_STYLE = re.compile(r'^\s*"([^"\n]+)": "([^"\n]+)",', re.M)


class Parts(NamedTuple):
    """What a task loads; names below the folder `assets`.

    Attributes:
        scene: The model of the room; None for the one that its objects always stand in.
        floor_and_wall: Images; None for the room's own.
        objects: Kind, as the task file writes it -> model, of those that LIBERO has not.
    """

    scene: str | None
    floor_and_wall: tuple[str, str] | None
    objects: Mapping[str, str]

    def names(self) -> Iterator[str]:
        if self.scene:
            yield self.scene
        yield from self.floor_and_wall or ()
        yield from self.objects.values()


def root() -> Path | None:
    """The folder that the user named; None if none was."""
    named = os.environ.get(WHERE, "")
    return Path(named) if named else None


def parts(variant: Variant) -> Parts:
    """What the official code loads for a task.

    Raises:
        ConfigError: If the LIBERO-Plus files are not here, or the task's room is none of theirs.
    """
    definition = package.definition_file(variant)
    text = definition.read_text("utf-8")
    problem, listed = _PROBLEM.search(text), _OBJECTS.search(text)
    room = _rooms().get(problem[1].lower()) if problem else None
    if room is None:
        raise ConfigError(
            f"{definition} names no room of {package.DISTRIBUTION} {package.VERSION}; "
            f"reinstall it: {package.INSTALL} --force-reinstall"
        )
    models = _object_files()
    kinds = re.findall(r"-\s+(\S+)", listed[1] if listed else "")
    return Parts(*room, {k.lower(): models[_plain(k)] for k in kinds if _plain(k) in models})


@lru_cache(maxsize=1)
def needed() -> Mapping[str, frozenset[str]]:
    """Suite and task id, e.g. "libero_goal/0042" -> files below `assets` that LIBERO lacks.

    Raises:
        ConfigError: If the LIBERO-Plus files are not here.
    """
    base = libero.assets_root()
    return {
        _name(variant): frozenset(
            name for name in parts(variant).names() if not (base / name).is_file()
        )
        for suite in package.SUITES
        for variant in package.variants(suite)
        if variant.needs_pack
    }


def lacks(variant: Variant) -> str:
    """What keeps the task from running here; empty if nothing does.

    Only of a task that needs the pack.
    """
    folder = root()
    if folder is None:
        return "the authors' asset pack"
    if _name(variant) in complete(folder):
        return ""
    return "files of the authors' asset pack that are not in the one here"


@lru_cache(maxsize=2)
def complete(folder: Path) -> frozenset[str]:
    """The tasks of which every file is below that folder, and every file that those name."""
    whole: dict[str, bool] = {}

    def is_whole(name: str) -> bool:
        if name not in whole:
            whole[name] = all(path.is_file() for path in _with_references(folder / name))
        return whole[name]

    return frozenset(task for task, names in needed().items() if all(map(is_whole, names)))


def files_for(variant: Variant) -> libero.TaskFiles:
    """What a simulator loads for a task that needs the pack, which must be whole for it.

    Lights, floors, walls and tables stand in LIBERO's own task; further objects bring theirs.
    """
    files, found = package.task_files(variant), parts(variant)
    images = found.floor_and_wall
    return files._replace(
        scene=located(found.scene) if found.scene else None,
        floor_and_wall=(located(images[0]), located(images[1])) if images else None,
        objects={kind: located(name) for kind, name in found.objects.items()},
    )


def located(name: str) -> Path:
    """Where a file below `assets` is: among LIBERO's, else in the pack."""
    path = libero.assets_root() / name
    folder = root()
    return path if path.is_file() or folder is None else folder.resolve() / name


def digest(variants: Iterable[Variant]) -> str:
    """Over names and sizes of all files in the pack that these tasks read."""
    folder = root()
    if folder is None:
        return ""
    names = {name for variant in variants for name in needed()[_name(variant)]}
    paths = {path for name in names for path in _with_references(folder / name) if path.is_file()}
    lines = sorted(f"{os.path.relpath(path, folder)} {path.stat().st_size}" for path in paths)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def _name(variant: Variant) -> str:
    return f"{variant.suite}/{variant.task}"


@lru_cache(maxsize=4096)
def _with_references(path: Path) -> tuple[Path, ...]:
    """A file, and those that it names if it is a model; floor and wall are set by the task."""
    if path.suffix != ".xml" or not path.is_file():
        return (path,)
    try:
        named = ElementTree.parse(path).iter()
    except ElementTree.ParseError as error:
        raise ConfigError(
            f"{path} is no XML ({error}); unpack the asset pack again, or unset {WHERE}"
        ) from error
    return (
        path,
        *(
            path.parent / element.attrib["file"]
            for element in named
            if "file" in element.attrib and element.get("name") not in libero.FLOOR_AND_WALL
        ),
    )


@lru_cache(maxsize=1)
def _rooms() -> Mapping[str, tuple[str | None, tuple[str, str] | None]]:
    """Problem class -> its scene, and the images of its floor and wall."""
    envs = package.package_root() / "envs"
    floors, walls = (
        dict(_STYLE.findall(part))
        for part in (envs / "arenas" / "style.py").read_text("utf-8").split("WALL_STYLE")[:2]
    )
    found = {}
    for path in sorted((envs / "problems").glob("*.py")):
        for block in re.split(r"^@register_problem", path.read_text("utf-8"), flags=re.M):
            name, scene, styles = _CLASS.search(block), _SCENE.search(block), _STYLES.search(block)
            if name is None:
                continue
            images = (floors[styles[1]], walls[styles[2]]) if styles else None
            found[name[1].lower()] = (
                scene[1] if scene else None,
                (f"textures/{images[0]}", f"textures/{images[1]}") if images else None,
            )
    return found


@lru_cache(maxsize=1)
def _object_files() -> Mapping[str, str]:
    """Kind of an added object -> its model."""
    found = {}
    for path in sorted((package.package_root() / "envs" / "objects").glob("*.py")):
        for block in re.split(r"^@register_object", path.read_text("utf-8"), flags=re.M):
            name, model = _CLASS.search(block), _OBJECT.search(block)
            if name and model:
                found[_plain(re.sub(r"(?<!^)([A-Z])", r"_\1", name[1]))] = model[1]
    return found


def _plain(kind: str) -> str:
    """Task files write "canned_food__1", classes CannedFood_1."""
    return re.sub("_+", "_", kind).lower()
