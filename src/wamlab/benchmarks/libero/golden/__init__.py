"""What the reference stack does on LIBERO, as tables; bench/make_golden.py makes them again.

- `settle.json`: where each movable object rests after 30 idle steps (MuJoCo 3.3.2).
- `frames.json`: hashes of the first images, by MuJoCo version and renderer.
- `frames.npz`: one task's first images themselves, to measure how far another renderer is off.
- `files.json`: digests of the official assets, task files and initial states.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wamlab.benchmarks.libero.probe import Probe, Resting
from wamlab.core.config import from_json, to_json

FOLDER = Path(__file__).parent
IMAGE_TASK = ("libero_spatial", "005")  # the task of frames.npz, and of the quick settle test

Rests = Mapping[str, Mapping[str, Resting]]
"""Initial state -> object -> where it rests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """The content of settle.json.

    Attributes:
        mujoco: Version that the table was made under.
        tasks: "suite/task" -> where its objects rest.
    """

    mujoco: str
    robosuite: str
    idle_steps: int
    tasks: Mapping[str, Rests]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The content of frames.json.

    Attributes:
        renderers: "MuJoCo version, renderer" -> "suite/task" -> camera -> hash.
    """

    renderers: Mapping[str, Mapping[str, Mapping[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The content of files.json.

    Attributes:
        names_and_sizes: Digest over the asset files, without reading them.
        assets: Asset distribution -> digest over contents.
        tasks: Suite -> digest over the contents of its task files and initial states.
    """

    names_and_sizes: str
    assets: Mapping[str, str]
    tasks: Mapping[str, str]


@lru_cache(maxsize=1)
def settling() -> Settling:
    return from_json(Settling, json.loads((FOLDER / "settle.json").read_text()))


@lru_cache(maxsize=1)
def frames() -> Frames:
    return from_json(Frames, json.loads((FOLDER / "frames.json").read_text()))


@lru_cache(maxsize=1)
def files() -> Files:
    return from_json(Files, json.loads((FOLDER / "files.json").read_text()))


def images() -> dict[str, NDArray[np.uint8]]:
    """Camera -> first image of IMAGE_TASK, uint8, shape (256, 256, 3)."""
    with np.load(FOLDER / "frames.npz") as file:
        return {camera: file[camera] for camera in file.files}


def renderer_key(probe: Probe) -> str:
    """Names what decides pixels: MuJoCo draws, the driver rasterises."""
    return f"MuJoCo {probe.mujoco}, {probe.gl_renderer}"


def write(settled: Settling, hashes: Frames, contents: Files) -> None:
    """Writes the tables, one task a line so that changes can be reviewed."""
    for name, table in (("settle", settled), ("frames", hashes), ("files", contents)):
        (FOLDER / f"{name}.json").write_text(_dump(to_json(table), depth=3) + "\n")


def _dump(tree: object, depth: int, indent: str = "") -> str:
    if depth == 0 or not isinstance(tree, dict):
        return json.dumps(tree, sort_keys=True)
    inner = indent + " "
    lines = [
        f"{inner}{json.dumps(key)}: {_dump(value, depth - 1, inner)}"
        for key, value in sorted(tree.items())
    ]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
