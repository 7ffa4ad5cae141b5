"""Writes a LeRobot dataset, version 3.0, from recorded episodes.

Each episode keeps a video file of its own, which the format allows: films are linked into place
as the recorders wrote them, never encoded or copied again. Tables are rewritten as a whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wamlab.core.config import Json
from wamlab.core.errors import ConfigError, StoreError
from wamlab.core.specs import Field
from wamlab.data import layout
from wamlab.data.convention import Gripper
from wamlab.data.film import CODEC, PIXELS, probe
from wamlab.data.moments import Moments, moments, pooled

PARTS = ("data", "videos", "meta")  # the last one makes the dataset readable
BUILDING = ".building"


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One episode to be written.

    Attributes:
        name: Its key.
        state: Float32, shape (num_steps, state_dim).
        action: In the dataset's convention, float32, shape (num_steps, action_dim).
        films: Camera -> an MP4 file of num_steps frames.
        image_moments: Camera -> statistics of its images.
        is_push: Whether the action was somebody's push, bool, shape (num_steps,).
    """

    name: str
    instruction: str
    state: NDArray[np.float32]
    action: NDArray[np.float32]
    films: Mapping[str, Path]
    image_moments: Mapping[str, Moments]
    is_push: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What all episodes of a dataset have in common.

    Attributes:
        robot: LeRobot's robot_type, e.g. "libero".
        origin: What else info.json should tell: configs, fingerprint, commit.
        image_every: Rows from one picture to the next; those between repeat it.
    """

    robot: str
    fps: float
    state: tuple[Field, ...]
    action: tuple[Field, ...]
    gripper: Gripper
    origin: Mapping[str, Json]
    image_every: int = 1


def write_dataset(folder: Path, takes: Sequence[Take], about: About) -> None:
    """Replaces the dataset in a folder; what else lies there stays.

    Raises:
        ConfigError: If there is no episode, or the frame rate is no whole number.
        StoreError: If the disk is full; the old dataset is gone then, its recordings are not.
    """
    if not takes:
        raise ConfigError(
            f"{folder}: no successful, settled episode was recorded; nothing to write"
        )
    if about.fps != round(about.fps):
        raise ConfigError(f"fps: got {about.fps:g}, LeRobot datasets need a whole number")
    building = folder / BUILDING
    try:
        shutil.rmtree(building, ignore_errors=True)
        _write_all(building, takes, about)
        for part in reversed(PARTS):
            shutil.rmtree(folder / part, ignore_errors=True)
        for part in PARTS:
            (building / part).rename(folder / part)
        building.rmdir()
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be written ({error.strerror or error}). Every recorded episode is "
            "safe; free space and run the same command to continue"
        ) from error


def _write_all(folder: Path, takes: Sequence[Take], about: About) -> None:
    tasks = list(dict.fromkeys(take.instruction for take in takes))
    for index, take in enumerate(takes):
        for camera, film in take.films.items():
            place = folder / layout.VIDEO.format(
                video_key=layout.image_key(camera), **_video_place(index)
            )
            place.parent.mkdir(parents=True, exist_ok=True)
            _link(film, place)
    _write_steps(folder / layout.DATA.format(chunk_index=0, file_index=0), takes, tasks, about)
    by_episode = [_episode_moments(take) for take in takes]
    rows = _episode_rows(takes, by_episode, about.fps)
    _write(folder / layout.EPISODES.format(chunk_index=0, file_index=0), pa.Table.from_pylist(rows))
    _write(folder / layout.TASKS, _task_table(tasks))
    whole = {key: pooled([each[key] for each in by_episode]) for key in by_episode[0]}
    _write_json(folder / layout.STATS, {key: _plain(value) for key, value in whole.items()})
    _write_json(folder / layout.INFO, _info(takes, len(tasks), about))


def _video_place(episode: int) -> dict[str, int]:
    chunk, file = divmod(episode, layout.FILES_PER_CHUNK)
    return {"chunk_index": chunk, "file_index": file}


def _write_steps(path: Path, takes: Sequence[Take], tasks: list[str], about: About) -> None:
    """One row a step, one row group an episode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema(
        [
            (layout.STATE, pa.list_(pa.float32(), takes[0].state.shape[1])),
            (layout.ACTION, pa.list_(pa.float32(), takes[0].action.shape[1])),
            ("timestamp", pa.float32()),
            *((name, pa.int64()) for name in ("frame_index", "episode_index", "index")),
            ("task_index", pa.int64()),
            *([(layout.IS_PUSH, pa.bool_())] if _has_pushes(takes) else []),
        ]
    )
    start = 0
    with pq.ParquetWriter(path, schema, compression="snappy") as writer:
        for episode, take in enumerate(takes):
            steps = np.arange(len(take.action))
            columns = [
                pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
                for values in (take.state, take.action)
            ]
            writer.write_table(
                pa.Table.from_arrays(
                    [
                        *columns,
                        pa.array((steps / about.fps).astype(np.float32)),
                        pa.array(steps),
                        pa.array(np.full(len(steps), episode)),
                        pa.array(start + steps),
                        pa.array(np.full(len(steps), tasks.index(take.instruction))),
                        *([pa.array(take.is_push)] if _has_pushes(takes) else []),
                    ],
                    schema=schema,
                )
            )
            start += len(steps)


def _episode_moments(take: Take) -> dict[str, Moments]:
    images = {layout.image_key(camera): take.image_moments[camera] for camera in take.films}
    return {layout.STATE: moments(take.state), layout.ACTION: moments(take.action), **images}


def _episode_rows(
    takes: Sequence[Take], by_episode: Sequence[Mapping[str, Moments]], fps: float
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    start = 0
    for index, (take, found) in enumerate(zip(takes, by_episode, strict=True)):
        length = len(take.action)
        row: dict[str, object] = {
            "episode_index": index,
            "tasks": [take.instruction],
            "length": length,
            "data/chunk_index": 0,
            "data/file_index": 0,
            "dataset_from_index": start,
            "dataset_to_index": start + length,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
            "episode_key": take.name,
        }
        for camera in take.films:
            prefix = f"videos/{layout.image_key(camera)}"
            row |= {f"{prefix}/{name}": value for name, value in _video_place(index).items()}
            row |= {f"{prefix}/from_timestamp": 0.0, f"{prefix}/to_timestamp": length / fps}
        for key, values in found.items():
            row |= {f"stats/{key}/{name}": value for name, value in _plain(values).items()}
        rows.append(row)
        start += length
    return rows


def _task_table(tasks: Sequence[str]) -> pa.Table:
    """A pandas frame indexed by instruction, as LeRobot reads it, made without pandas."""
    index = {"name": "task", "field_name": "task", "pandas_type": "unicode", "numpy_type": "object"}
    column = {
        "name": "task_index",
        "field_name": "task_index",
        "pandas_type": "int64",
        "numpy_type": "int64",
    }
    head = {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object"}
    described = {
        "index_columns": ["task"],
        "column_indexes": [head | {"metadata": {"encoding": "UTF-8"}}],
        "columns": [column | {"metadata": None}, index | {"metadata": None}],
        "pandas_version": "2.2.0",
    }
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": list(tasks)})
    return table.replace_schema_metadata({"pandas": json.dumps(described)})


def _info(takes: Sequence[Take], num_tasks: int, about: About) -> dict[str, object]:
    return {
        "codebase_version": layout.V3,
        "robot_type": about.robot,
        "total_episodes": len(takes),
        "total_frames": sum(len(take.action) for take in takes),
        "total_tasks": num_tasks,
        "chunks_size": layout.FILES_PER_CHUNK,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": round(about.fps),
        "splits": {"train": f"0:{len(takes)}"},
        "data_path": layout.DATA,
        "video_path": layout.VIDEO,
        "features": _features(takes[0], about, has_pushes=_has_pushes(takes)),
        layout.OURS: {
            "gripper": about.gripper.value,
            "state": [field._asdict() for field in about.state],
            "action": [field._asdict() for field in about.action],
            "image_every": about.image_every,
            **about.origin,
        },
    }


def _has_pushes(takes: Sequence[Take]) -> bool:
    """Whether the dataset says which actions were pushes; without any it is as others write it."""
    return any(take.is_push.any() for take in takes)


def _features(take: Take, about: About, *, has_pushes: bool) -> dict[str, object]:
    fps = round(about.fps)
    features: dict[str, object] = {}
    for camera, film in take.films.items():
        found = probe(film)
        features[layout.image_key(camera)] = {
            "dtype": "video",
            "shape": [found.height, found.width, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": found.height,
                "video.width": found.width,
                "video.codec": CODEC,
                "video.pix_fmt": PIXELS,
                "video.is_depth_map": False,
                "video.fps": fps,
                "video.channels": 3,
                "has_audio": False,
            },
        }
    for key, fields in ((layout.STATE, about.state), (layout.ACTION, about.action)):
        names = [f"{field.name}_{i}" for field in fields for i in range(field.size)]
        features[key] = {"dtype": "float32", "shape": [len(names)], "names": names}
    features["timestamp"] = {"dtype": "float32", "shape": [1], "names": None}
    for key in ("frame_index", "episode_index", "index", "task_index"):
        features[key] = {"dtype": "int64", "shape": [1], "names": None}
    if has_pushes:
        features[layout.IS_PUSH] = {"dtype": "bool", "shape": [1], "names": None}
    return features


def _plain(values: Moments) -> dict[str, object]:
    return {
        name: value.astype(np.int64).tolist() if name == "count" else value.tolist()
        for name, value in values.items()
    }


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="snappy")


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=4, allow_nan=False) + "\n")


def _link(film: Path, place: Path) -> None:
    """The same file in a second place; a copy where the file system cannot link."""
    try:
        os.link(film, place)
    except OSError:
        shutil.copyfile(film, place)
