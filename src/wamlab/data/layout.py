"""Names and places of a LeRobot dataset on disk.

Source: huggingface/lerobot src/lerobot/datasets (utils.py, dataset_metadata.py), version 0.4.4:
v3.0 keeps many episodes in one file and says in meta/episodes where each begins; v2.1 has one
file for each episode.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

V3, V2 = "v3.0", "v2.1"
INFO, STATS, TASKS = "meta/info.json", "meta/stats.json", "meta/tasks.parquet"
EPISODES = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
V2_EPISODES, V2_TASKS = "meta/episodes.jsonl", "meta/tasks.jsonl"

FILES_PER_CHUNK = 1000

STATE, ACTION = "observation.state", "action"
IMAGES = "observation.images."
IS_PUSH = "is_push"  # ours: the action was not the demonstrator's own
OURS = "wamlab"  # our field in info.json; LeRobot's reader ignores it with a warning

# camera of a benchmark -> the name that LIBERO datasets give it (yuanty/LIBERO-fastwam)
CAMERA_NAMES: Mapping[str, str] = MappingProxyType({"agentview": "image", "wrist": "wrist_image"})
CAMERAS: Mapping[str, str] = MappingProxyType(
    {name: camera for camera, name in CAMERA_NAMES.items()}
)


def image_key(camera: str) -> str:
    """The feature that holds a camera's images."""
    return IMAGES + CAMERA_NAMES.get(camera, camera)


def camera_of(key: str) -> str:
    """The inverse of `image_key`."""
    name = key.removeprefix(IMAGES)
    return CAMERAS.get(name, name)
