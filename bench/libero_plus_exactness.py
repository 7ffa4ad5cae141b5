"""Compares disturbed tasks with the official construction, as many of each axis as asked for.

usage: python bench/libero_plus_exactness.py [NUM_PER_AXIS] [AXIS ...]    (default 3, all axes)

Model fields, full states and first images, in an episode of a few steps; about 40 CPU seconds
each. Motion blur, fog and glass draw at random: their functions have a test of their own, so of
the noise axis only Gaussian and zoom blur are drawn here.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

os.environ.setdefault("MUJOCO_GL", "osmesa")
sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.benchmarks.official_libero_plus import differences

from wamlab.benchmarks.libero_plus import Axis, package

DRAWS_NOTHING = range(11, 31)


def sample(axis: str, num: int) -> list[tuple[str, str]]:
    """Suite and name of tasks of an axis that run here; the same at every call."""
    known = [
        (variant.suite, variant.name)
        for suite in package.SUITES
        for variant in package.variants(suite)
        if variant.axis == axis and not variant.missing
        if not variant.noise or variant.noise in DRAWS_NOTHING
    ]
    rng = np.random.default_rng(len(axis))
    chosen = rng.choice(len(known), min(num, len(known)), replace=False) if known else []
    return [known[index] for index in chosen]


def main() -> int:
    num = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    num_unequal = 0
    for axis in sys.argv[2:] or [axis.value for axis in Axis]:
        tasks = sample(axis, num)
        if not tasks:
            print(f"{axis}: no task runs without the authors' asset pack")
        for suite, name in tasks:
            with tempfile.TemporaryDirectory() as folder:
                found = differences(suite, name, Path(folder))
            num_unequal += bool(found)
            print(f"{axis} {suite} {name}: {'; '.join(found) or 'equal'}", flush=True)
    return int(num_unequal > 0)


if __name__ == "__main__":
    sys.exit(main())
