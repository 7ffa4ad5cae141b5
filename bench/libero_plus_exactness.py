"""Compares disturbed tasks with the official construction, as many of each axis as asked for.

usage: python bench/libero_plus_exactness.py [NUM_PER_AXIS] [AXIS ...] [--out FILE]
       (default: 3 of every axis, runs/libero_plus_exactness.jsonl)

Model fields, full states and first images, in an episode of a few steps; about 40 CPU seconds
each. Every result is a line of the file; what has one is not compared again, so that the same
command continues, and a larger number adds to a smaller one. Motion blur, fog and glass draw at
random: their functions have a test of their own, so of the noise axis only Gaussian and zoom blur
are drawn here.
"""

from __future__ import annotations

import argparse
import json
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
    """Suite and name of tasks of an axis that run here; a smaller sample begins a larger one."""
    known = [
        (variant.suite, variant.name)
        for suite in package.SUITES
        for variant in package.variants(suite)
        if variant.axis == axis and not variant.needs_pack
        if not variant.noise or variant.noise in DRAWS_NOTHING
    ]
    order = np.random.default_rng(len(axis)).permutation(len(known))
    return [known[index] for index in order[:num]]


def compared(file: Path) -> dict[tuple[str, str], list[str]]:
    """Suite and name -> what differed, for the tasks that have a result."""
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    found = [json.loads(line) for line in lines]
    return {(one["suite"], one["name"]): one["differences"] for one in found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("num", type=int, nargs="?", default=3)
    parser.add_argument("axes", nargs="*", default=[axis.value for axis in Axis])
    parser.add_argument("--out", type=Path, default=Path("runs/libero_plus_exactness.jsonl"))
    asked = parser.parse_args()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    num_unequal = 0
    for axis in asked.axes:
        tasks = sample(axis, asked.num)
        if not tasks:
            print(f"{axis}: no task runs without the authors' asset pack")
        for suite, name in tasks:
            known = compared(asked.out)
            if (suite, name) in known:
                found = known[suite, name]
            else:
                with tempfile.TemporaryDirectory() as folder:
                    found = differences(suite, name, Path(folder))
                line = {"axis": axis, "suite": suite, "name": name, "differences": found}
                with asked.out.open("a") as file:
                    file.write(json.dumps(line) + "\n")
            num_unequal += bool(found)
            print(f"{axis} {suite} {name}: {'; '.join(found) or 'equal'}", flush=True)
    return int(num_unequal > 0)


if __name__ == "__main__":
    sys.exit(main())
