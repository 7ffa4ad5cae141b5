"""Reads LeRobot datasets of versions 2.1 and 3.0; videos are decoded where they are used."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wamlab.core.errors import ConfigError
from wamlab.data import layout
from wamlab.data.convention import Gripper
from wamlab.data.demonstration import Dataset, Demonstration
from wamlab.data.film import VideoFilm, probe


@dataclass(frozen=True, slots=True, kw_only=True)
class _Episode:
    """Where one episode lies.

    Attributes:
        table: Parquet file with its steps.
        films: Camera -> file, first frame, one past the last.
    """

    index: int
    name: str
    instruction: str
    length: int
    table: Path
    films: Mapping[str, tuple[Path, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Info:
    """What meta/info.json says, as far as it is needed here."""

    version: str
    fps: float
    data_path: str
    video_path: str
    chunks_size: int
    video_keys: tuple[str, ...]
    gripper: Gripper | None  # None: the dataset does not say
    image_every: int
    has_pushes: bool

    @classmethod
    def read(cls, folder: Path) -> _Info:
        path = folder / layout.INFO
        content = _json(path)
        try:
            features = content["features"]
            as_images = [key for key, value in features.items() if value["dtype"] == "image"]
            if as_images:
                raise ConfigError(
                    f"{path}: {as_images[0]} is stored as images, expected videos; convert the "
                    "dataset with LeRobot's tools"
                )
            missing = {layout.STATE, layout.ACTION} - set(features)
            if missing:
                raise ConfigError(
                    f"{path}: has no {', '.join(sorted(missing))}; its features are "
                    f"{', '.join(features)}"
                )
            ours = content.get(layout.OURS, {})
            said = ours.get("gripper")
            info = cls(
                version=content["codebase_version"],
                fps=float(content["fps"]),
                data_path=content["data_path"],
                video_path=content.get("video_path") or "",
                chunks_size=int(content["chunks_size"]),
                video_keys=tuple(k for k, value in features.items() if value["dtype"] == "video"),
                gripper=None if said is None else Gripper(said),
                image_every=int(ours.get("image_every", 1)),
                has_pushes=layout.IS_PUSH in features,
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(f"{path}: {error!r}; expected info.json of LeRobot") from error
        if info.version not in (layout.V2, layout.V3):
            raise ConfigError(
                f"{path}: version {info.version!r}, expected {layout.V2} or {layout.V3}; convert "
                "the dataset with LeRobot's tools"
            )
        return info


def read_lerobot(folder: Path) -> Dataset:
    """Opens a dataset and checks that nothing is missing; decodes no frame.

    Raises:
        ConfigError: If a file is missing, cut off or of another frame rate, or a number is NaN.
        StoreError: If a video cannot be opened.
    """
    info = _Info.read(folder)
    episodes = (
        _episodes_v3(folder, info) if info.version == layout.V3 else _episodes_v2(folder, info)
    )
    if not episodes:
        raise ConfigError(f"{folder}: holds no episode")
    _check_films(episodes, info.fps)
    steps = _steps(episodes, has_pushes=info.has_pushes)
    demonstrations = tuple(
        Demonstration(
            name=episode.name,
            instruction=episode.instruction,
            state=steps[episode.index].state,
            action=steps[episode.index].action,
            is_push=steps[episode.index].is_push,
            films={
                camera: VideoFilm(path=path, first=start, num_frames=end - start, fps=info.fps)
                for camera, (path, start, end) in episode.films.items()
            },
            image_every=info.image_every,
        )
        for episode in episodes
    )
    gripper = info.gripper
    if gripper is None:
        gripper = Gripper.seen_in(np.concatenate([each.action for each in demonstrations]))
    return Dataset(source=folder, fps=info.fps, gripper=gripper, demonstrations=demonstrations)


def _episodes_v3(folder: Path, info: _Info) -> list[_Episode]:
    files = sorted((folder / "meta" / "episodes").glob("*/*.parquet"))
    rows = [row for file in files for row in _table(file).to_pylist()]
    episodes = []
    for row in sorted(rows, key=lambda row: int(row["episode_index"])):
        films = {}
        for key in info.video_keys:
            place = {
                "video_key": key,
                "chunk_index": row[f"videos/{key}/chunk_index"],
                "file_index": row[f"videos/{key}/file_index"],
            }
            start, end = (
                round(row[f"videos/{key}/{edge}_timestamp"] * info.fps) for edge in ("from", "to")
            )
            films[layout.camera_of(key)] = (folder / info.video_path.format(**place), start, end)
        data = {"chunk_index": row["data/chunk_index"], "file_index": row["data/file_index"]}
        episodes.append(
            _Episode(
                index=row["episode_index"],
                name=row.get("episode_key") or f"{folder.name}/{row['episode_index']}",
                instruction=row["tasks"][0],
                length=row["length"],
                table=folder / info.data_path.format(**data),
                films=films,
            )
        )
    return episodes


def _episodes_v2(folder: Path, info: _Info) -> list[_Episode]:
    path = folder / layout.V2_EPISODES
    if not path.exists():
        raise ConfigError(f"{path}: no such file; the dataset is incomplete, copy it again")
    episodes = []
    for line in path.read_text().splitlines():
        row = json.loads(line)
        index, length = int(row["episode_index"]), int(row["length"])
        place = {"episode_chunk": index // info.chunks_size, "episode_index": index}
        episodes.append(
            _Episode(
                index=index,
                name=f"{folder.name}/{index}",
                instruction=row["tasks"][0],
                length=length,
                table=folder / info.data_path.format(**place),
                films={
                    layout.camera_of(key): (
                        folder / info.video_path.format(video_key=key, **place),
                        0,
                        length,
                    )
                    for key in info.video_keys
                },
            )
        )
    return sorted(episodes, key=lambda episode: episode.index)


def _check_films(episodes: Sequence[_Episode], fps: float) -> None:
    """Compares every video file's header with what its episodes expect."""
    needed: dict[Path, int] = {}
    for episode in episodes:
        for path, start, end in episode.films.values():
            if end - start != episode.length:
                raise ConfigError(
                    f"{episode.name}: {path.name} gives it {end - start} frames, the table "
                    f"{episode.length} steps; expected one frame per step"
                )
            needed[path] = max(end, needed.get(path, 0))
    for path, num_frames in needed.items():
        if not path.exists():
            raise ConfigError(f"{path}: no such video; the dataset is incomplete, copy it again")
        found = probe(path)
        if abs(found.fps - fps) > 1e-3 * fps:
            raise ConfigError(
                f"{path}: {found.fps:g} frames per second, info.json says {fps:g}; one of them is "
                "wrong, so states and images would not belong together"
            )
        if found.num_frames != num_frames:
            raise ConfigError(
                f"{path}: has {found.num_frames} frames, its episodes {num_frames} steps; the "
                "file is cut off or of another dataset"
            )


class _Steps(NamedTuple):
    """What the table says of one episode, in order of its steps."""

    state: NDArray[np.float32]
    action: NDArray[np.float32]
    is_push: NDArray[np.bool_] | None


def _steps(episodes: Sequence[_Episode], *, has_pushes: bool) -> dict[int, _Steps]:
    """Episode -> its steps."""
    columns = ["episode_index", "frame_index", layout.STATE, layout.ACTION]
    columns += [layout.IS_PUSH] if has_pushes else []
    found: dict[int, _Steps] = {}
    for path in dict.fromkeys(episode.table for episode in episodes):
        table = _table(path, columns)
        owner = table["episode_index"].to_numpy()
        frame = table["frame_index"].to_numpy()
        state, action = _matrix(table, layout.STATE), _matrix(table, layout.ACTION)
        for index in np.unique(owner):
            rows = np.flatnonzero(owner == index)
            rows = rows[np.argsort(frame[rows])]
            is_push = table[layout.IS_PUSH].to_numpy()[rows] if has_pushes else None
            found[int(index)] = _Steps(state[rows], action[rows], is_push)
    for episode in episodes:
        length = len(found[episode.index].state) if episode.index in found else 0
        if length != episode.length:
            raise ConfigError(
                f"{episode.table}: has {length} steps of episode {episode.index}, its entry in "
                f"meta says {episode.length}; the dataset is incomplete"
            )
    return found


def _matrix(table: pa.Table, key: str) -> NDArray[np.float32]:
    """A column of lists as float32, shape (num_rows, length of the lists)."""
    column = table[key].combine_chunks()
    values: NDArray[np.float32] = np.asarray(column.flatten(), np.float32)
    width = len(values) // max(1, len(column))
    return values.reshape(len(column), width)


def _table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, columns=None if columns is None else list(columns))
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); copy the dataset again") from error


def _json(path: Path) -> Any:  # noqa: ANN401 - JSON; each use names what it expects
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({error}); expected a LeRobot dataset"
        ) from error
