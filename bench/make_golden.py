"""Makes the doctor's golden tables for LIBERO again.

  python bench/make_golden.py [SUITE ...] [--renderer NAME] [--frames-only]

Run it under the reference versions (MuJoCo 3.3.2, robosuite 1.4.0); about 10 s a task on two
cores. It keeps what the tables have for other suites and renderers, and writes after each task.

  SUITE              suites to do                         [the four standard suites]
  --renderer NAME    osmesa or egl                        [osmesa]
  --frames-only      add first images of another renderer, leave resting places as they are
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from importlib import metadata
from typing import Any

import numpy as np

from wamlab.benchmarks.libero import check_versions, contents, golden, package
from wamlab.benchmarks.libero.probe import IDLE_STEPS, Probe, probe
from wamlab.benchmarks.libero.protocols import STANDARD_SUITES, SUITE_SIZES


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("suites", nargs="*", default=STANDARD_SUITES)
    parser.add_argument("--renderer", default="osmesa")
    parser.add_argument("--frames-only", action="store_true")
    asked = parser.parse_args()
    check_versions()
    settled, hashes = kept_tables()
    digests = golden.Files(
        names_and_sizes=package.assets_digest(),
        assets={name: contents.asset_digest(name) for name in contents.ASSET_DISTRIBUTIONS},
        tasks={suite: contents.tasks_digest(suite) for suite in SUITE_SIZES},
    )
    for suite in asked.suites:
        for task in (f"{index:03d}" for index in range(SUITE_SIZES[suite])):
            result = probe(suite, task, asked.renderer)
            place = f"{suite}/{task}"
            hashes = with_frames(hashes, place, result)
            if not asked.frames_only:
                settled = replace(settled, tasks={**settled.tasks, place: result.rests})
                if (suite, task) == golden.IMAGE_TASK:
                    images: Any = {name: result.image(name) for name in result.images}
                    np.savez_compressed(golden.FOLDER / "frames.npz", **images)
            golden.write(settled, hashes, digests)
            print(f"{place}: {result.construct_s:.1f} s, {result.frame_ms:.0f} ms", flush=True)


def kept_tables() -> tuple[golden.Settling, golden.Frames]:
    """The tables as they are; resting places only if they are of the same versions."""
    versions = {name: metadata.version(name) for name in ("mujoco", "robosuite")}
    settled = golden.Settling(**versions, idle_steps=IDLE_STEPS, tasks={})
    hashes = golden.Frames(renderers={})
    if (golden.FOLDER / "settle.json").is_file():
        hashes = golden.frames()
        if replace(golden.settling(), tasks={}) == settled:
            settled = golden.settling()
    return settled, hashes


def with_frames(hashes: golden.Frames, place: str, result: Probe) -> golden.Frames:
    key = golden.renderer_key(result)
    known = {**hashes.renderers.get(key, {}), place: result.image_hashes()}
    return golden.Frames(renderers={**hashes.renderers, key: known})


if __name__ == "__main__":
    main()
