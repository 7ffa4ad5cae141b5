"""What a complete evaluation of a benchmark is, and what its suites are called in tables."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from wamlab.core.episodes import EpisodeKey


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


BENCHMARK_LABELS = MappingProxyType({"libero": "LIBERO"})
"""Benchmarks whose name is not written like their module."""


def stratum(key: EpisodeKey) -> str:
    """The column an episode belongs to: its suite, and its perturbation if it has one."""
    return key.suite if key.axis == "none" else f"{key.suite}/{key.axis}{key.severity}"


def benchmark_label(benchmark: str) -> str:
    return BENCHMARK_LABELS.get(benchmark, benchmark)


def suite_label(benchmark: str, suite: str) -> str:
    name, slash, perturbation = suite.partition("/")
    standard = STANDARD.get(benchmark, {}).get(name)
    return f"{standard.label if standard else name}{slash}{perturbation}"
