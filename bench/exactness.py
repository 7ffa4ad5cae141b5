"""Compares the fast LIBERO environment with the plain one, bit by bit, over whole suites.

    python bench/exactness.py [--suites libero_spatial ...] [--tasks 0 1 ...] [--out FILE]

About 30 s a task. Prints one line a task and ends with exit status 1 if any value differs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from time import perf_counter

os.environ.setdefault("MUJOCO_GL", "osmesa")
os.environ.setdefault("PYOPENGL_PLATFORM", os.environ["MUJOCO_GL"])
sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.benchmarks.plain_libero import differences

from wamlab.benchmarks.libero.protocols import STANDARD_SUITES, SUITE_SIZES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suites", nargs="+", default=list(STANDARD_SUITES), choices=SUITE_SIZES)
    parser.add_argument("--tasks", nargs="+", type=int, help="task indices [all]")
    parser.add_argument("--inits", type=int, default=2, help="episodes of each task [2]")
    parser.add_argument("--steps", type=int, default=20, help="control steps [20]")
    parser.add_argument("--out", type=Path, help="append one JSON object a task to this file")
    options = parser.parse_args()
    num_wrong = 0
    for suite in options.suites:
        for task in options.tasks or range(SUITE_SIZES[suite]):
            start = perf_counter()
            found = differences(
                suite, task, num_inits=options.inits, num_steps=options.steps, every=5
            )
            num_wrong += bool(found)
            seconds = round(perf_counter() - start, 1)
            print(
                f"{suite} {task:03d} {'equal' if not found else found[:4]} {seconds} s", flush=True
            )
            if options.out:
                row = {"suite": suite, "task": task, "differences": found, "seconds": seconds}
                with options.out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    return 1 if num_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
