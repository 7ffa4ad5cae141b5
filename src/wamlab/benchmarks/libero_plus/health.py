"""Are the LIBERO-Plus files here, and which tasks stay out for want of the asset pack?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from importlib import metadata

from wamlab.benchmarks.libero_plus import asset_pack, package
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError
from wamlab.core.health import Check, Level

SUBJECT = "libero_plus"
NUM_TASKS = {
    "libero_spatial": 2402,
    "libero_object": 2518,
    "libero_goal": 2591,
    "libero_10": 2519,
}


def files_check() -> Check:
    """Whether the task files are here and are those that the levels were assigned to."""
    expected = f"{package.DISTRIBUTION} {package.VERSION} with {sum(NUM_TASKS.values())} tasks"
    try:
        counts = {suite: len(package.variants(suite)) for suite in package.SUITES}
    except ConfigError as error:
        found, fits = str(error), False
    else:
        version = metadata.version(package.DISTRIBUTION)
        found, fits = f"{package.DISTRIBUTION} {version}: {counts}", counts == NUM_TASKS
    return Check(
        subject=SUBJECT,
        name="task files",
        level=Level.GREEN if fits else Level.RED,
        found=found,
        expected=expected,
        remedy="" if fits else f"run {package.INSTALL}",
    )


def pack_check(skipped: Mapping[EpisodeKey, str], *, leaves_out: bool) -> Check:
    """How many of the tasks asked for cannot run here.

    Args:
        leaves_out: Whether the config leaves them out; else a run would stop at the first.
    """
    axes = Counter(key.axis for key in skipped)
    by_axis = ", ".join(f"{axis} {count}" for axis, count in sorted(axes.items()))
    if not skipped:
        level, found, remedy = Level.GREEN, "no task asked for lacks any of its files", ""
    elif leaves_out:
        level, found = Level.AMBER, f"{len(skipped)} tasks are left out: {by_axis}"
        remedy = "count them beside every rate; every other task runs"
    else:
        level, found = Level.RED, f"{len(skipped)} tasks asked for cannot run: {by_axis}"
        remedy = (
            f"leave them out with runnable_only=True, or name the pack's folder in "
            f"{asset_pack.WHERE} (docs/libero_plus.md)"
        )
    return Check(
        subject=SUBJECT,
        name="asset pack",
        level=level,
        found=f"{found}; {_pack()}",
        expected="the authors' asset pack, which no package index has",
        remedy=remedy,
    )


def _pack() -> str:
    """Whether the pack is on this machine, and whole."""
    folder = asset_pack.root()
    if folder is None:
        return f"{asset_pack.WHERE} names no folder with the pack"
    if not folder.is_dir():
        return f"{asset_pack.WHERE}={folder} is no folder"
    try:
        num = len(asset_pack.complete(folder))
    except ConfigError as error:
        return str(error)
    return f"{folder} has every file that {num} of {len(asset_pack.needed())} tasks name"
