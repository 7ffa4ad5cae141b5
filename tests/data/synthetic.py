"""Small datasets whose frames tell their own number."""

import json
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wamlab.core.specs import Field
from wamlab.data import layout
from wamlab.data.convention import Gripper
from wamlab.data.film import encode_film
from wamlab.data.lerobot_writer import About, Take, write_dataset
from wamlab.data.moments import image_moments

FPS = 20.0
LENGTHS = (10, 45, 7)
TASKS = ("put the bowl on the plate", "open the drawer", "put the bowl on the plate")
CAMERAS = ("agentview", "wrist")
STATE = (Field("eef_position", 3, "m"), Field("gripper_joints", 2, "m"))
ACTION = (Field("position_delta", 3, "0.05 m per unit"), Field("gripper", 1, "open -1, closed +1"))
PIXEL_TOLERANCE = 4  # of 255: 8-bit YUV and crf 15 on plain colours
ABOUT = About(
    robot="toy",
    fps=FPS,
    state=STATE,
    action=ACTION,
    gripper=Gripper.OPEN_1,
    origin={"commit": "abc", "fingerprint": {"renderer": "none"}},
)


def image(episode, camera, step):
    """A plain colour that says which frame it is."""
    return np.full((32, 48, 3), (5 * step, 60 * episode + 40, 120 * camera + 40), np.uint8)


def images(episode, camera, length):
    return [image(episode, camera, step) for step in range(length)]


def numbers(episode, length):
    """State and action, the latter with its gripper at 0 or 1."""
    rng = np.random.default_rng(episode)
    state = rng.normal(size=(length, 5)).astype(np.float32)
    action = rng.uniform(-1, 1, (length, 4)).astype(np.float32)
    action[:, -1] = rng.integers(0, 2, length)
    return state, action


def takes(folder: Path):
    """What recorders leave, one for each of LENGTHS."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for episode, length in enumerate(LENGTHS):
        films, found = {}, {}
        for index, camera in enumerate(CAMERAS):
            films[camera] = folder / f"{episode}.{camera}.mp4"
            films[camera].write_bytes(encode_film(images(episode, index, length), FPS))
            found[camera] = image_moments(images(episode, index, length))
        state, action = numbers(episode, length)
        made.append(
            Take(
                name=f"toy/{episode}",
                instruction=TASKS[episode],
                state=state,
                action=action,
                films=films,
                image_moments=found,
                is_push=np.zeros(length, bool),
            )
        )
    return made


def write_v3(folder: Path):
    write_dataset(folder, takes(folder / "takes"), ABOUT)
    return folder


def write_v2(folder: Path):
    """A dataset as LeRobot 0.3 wrote it: one file for each episode, no word on conventions."""
    data = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
    video = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
    keys = [layout.image_key(camera) for camera in CAMERAS]
    features = {key: {"dtype": "video", "shape": [32, 48, 3]} for key in keys}
    features |= {layout.STATE: {"dtype": "float32"}, layout.ACTION: {"dtype": "float32"}}
    info = {
        "codebase_version": "v2.1",
        "fps": 20,
        "chunks_size": 1000,
        "data_path": data,
        "video_path": video,
        "features": features,
    }
    lines = []
    for take, episode in zip(takes(folder / "takes"), range(len(LENGTHS)), strict=True):
        place = {"episode_chunk": 0, "episode_index": episode}
        table = pa.table(
            {
                layout.STATE: list(take.state),
                layout.ACTION: list(take.action),
                "episode_index": [episode] * len(take.action),
                "frame_index": list(range(len(take.action))),
            }
        )
        put(folder / data.format(**place), lambda path, table=table: pq.write_table(table, path))
        for camera, film in take.films.items():
            path = folder / video.format(video_key=layout.image_key(camera), **place)
            put(path, lambda path, film=film: path.write_bytes(film.read_bytes()))
        lines.append(
            {"episode_index": episode, "tasks": [take.instruction], "length": len(take.action)}
        )
    put(folder / layout.INFO, lambda path: path.write_text(json.dumps(info)))
    text = "".join(json.dumps(line) + "\n" for line in lines)
    put(folder / layout.V2_EPISODES, lambda path: path.write_text(text))
    return folder


def write_hdf5(path: Path):
    """A file as LIBERO ships it: images upside down, the gripper at -1 or 1."""
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["problem_info"] = json.dumps({"language_instruction": TASKS[0]})
        for episode, length in enumerate(LENGTHS):
            rng = np.random.default_rng(episode)
            demo = data.create_group(f"demo_{episode}")
            action = rng.uniform(-1, 1, (length, 7))
            action[:, -1] = rng.choice([-1, 1], length)
            demo["actions"] = action
            demo["obs/ee_states"] = rng.normal(size=(length, 6))
            demo["obs/gripper_states"] = rng.normal(size=(length, 2))
            demo["obs/agentview_rgb"] = corner_images(length)
            demo["obs/eye_in_hand_rgb"] = corner_images(length)
    return path


def corner_images(length):
    """Black but for the first pixel of the first row, which holds the step."""
    made = np.zeros((length, 8, 8, 3), np.uint8)
    made[:, 0, 0] = np.arange(length)[:, None]
    return made


def put(path: Path, write):
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path)
