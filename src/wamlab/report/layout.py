"""What a complete evaluation of a benchmark is, and what its suites are called in tables."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from wamlab.core.episodes import EpisodeKey, EpisodeRecord
from wamlab.report.texts import Text, same, say


class StandardSuite(NamedTuple):
    """A suite as publications evaluate it."""

    label: str
    num_tasks: int
    num_inits: int


STANDARD: Mapping[str, Mapping[str, StandardSuite]] = MappingProxyType(
    {
        # Liu et al. (2023), LIBERO; the four suites whose mean papers print as the average.
        "libero": {
            "libero_spatial": StandardSuite("Spatial", 10, 50),
            "libero_object": StandardSuite("Object", 10, 50),
            "libero_goal": StandardSuite("Goal", 10, 50),
            "libero_10": StandardSuite("Long", 10, 50),
        }
    }
)
"""Benchmark -> suite -> its standard size. A benchmark that is absent has no standard."""

AXES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"libero_plus": ("camera", "robot", "language", "light", "background", "noise", "layout")}
)
"""Benchmark that disturbs another one -> its axes in the order of tables: its columns."""


def _by_axis(*counts: int) -> Mapping[str, int]:
    return dict(zip(AXES["libero_plus"], counts, strict=True))


OFFICIAL_TASKS: Mapping[str, Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {
        # task_classification.json of sylvestf/LIBERO-plus, commit 4976dc3; 10,030 tasks.
        "libero_plus": {
            "libero_spatial": _by_axis(376, 350, 390, 292, 258, 351, 385),
            "libero_object": _by_axis(396, 398, 354, 297, 248, 422, 403),
            "libero_goal": _by_axis(408, 409, 410, 279, 281, 379, 425),
            "libero_10": _by_axis(419, 393, 383, 274, 289, 449, 312),
        }
    }
)
"""Benchmark -> suite -> axis -> how many tasks it has."""

BENCHMARK_LABELS = MappingProxyType(
    {"libero": "LIBERO", "libero_plus": "LIBERO-Plus", "robotwin": "RoboTwin 2.0"}
)
"""Benchmarks whose name is not written like their module."""


def stratum(key: EpisodeKey) -> str:
    """The column an episode belongs to: its suite, and its perturbation if it has one.

    Of a benchmark that disturbs another one the columns are its axes.
    """
    if key.axis == "none":
        return key.suite
    return key.axis if key.benchmark in AXES else f"{key.suite}/{key.axis}{key.severity}"


def cluster(record: EpisodeRecord) -> str:
    """What an episode shares with others of its column: the task, the undisturbed one if any.

    Disturbed episodes whose record does not name a twin are all of one: nothing can be said of
    new tasks then.
    """
    key = record.key
    if key.benchmark not in AXES or key.axis == "none":
        return key.task
    return f"{record.twin.suite}/{record.twin.task}" if record.twin else "?"


def task_name(key: EpisodeKey) -> str:
    """Names a task within its column; official ids of disturbed tasks start anew in each suite."""
    return f"{key.suite}/{key.task}" if key.benchmark in AXES and key.axis != "none" else key.task


def benchmark_label(benchmark: str) -> str:
    return BENCHMARK_LABELS.get(benchmark, benchmark)


def column_text(benchmark: str, column: str) -> Text:
    """What a column is called, in both languages."""
    if column in AXES.get(benchmark, ()):
        return say(f"axis_{column}")
    return same(suite_label(benchmark, column))


def suite_label(benchmark: str, suite: str) -> str:
    if suite in AXES.get(benchmark, ()):
        return say(f"axis_{suite}").en
    name, slash, perturbation = suite.partition("/")
    standard = STANDARD.get(benchmark, {}).get(name)
    return f"{standard.label if standard else name}{slash}{perturbation}"
