"""Runs in .venv-lerobot: reads and writes data sets with the official package.

read ROOT OUT   all numbers and some frames of a data set, as an .npz file
write ROOT      a data set of two episodes whose frames tell their own number
"""

import sys

import numpy as np
from lerobot.datasets.lerobot_dataset import LeRobotDataset

LENGTHS = (12, 9)
STEPS = (0, 11, 12, 20)
KEYS = ("observation.images.image", "observation.images.wrist_image")


def read(root, out):
    dataset = LeRobotDataset("local/ours", root=root, delta_timestamps={"action": [0.0, 0.05]})
    rows = [dataset[index] for index in range(len(dataset))]
    frames = {
        key: np.stack([np.round(row[key].numpy().transpose(1, 2, 0) * 255) for row in rows])
        for key in KEYS
    }
    pushes = {"is_push": [bool(row["is_push"]) for row in rows]} if "is_push" in rows[0] else {}
    np.savez(
        out,
        state=np.stack([row["observation.state"].numpy() for row in rows]),
        action=np.stack([row["action"][0].numpy() for row in rows]),
        last_is_pad=np.array([bool(row["action_is_pad"][1]) for row in rows]),
        episode=np.array([int(row["episode_index"]) for row in rows]),
        task=np.array([row["task"] for row in rows]),
        fps=dataset.fps,
        max_action=dataset.meta.stats["action"]["max"],
        **frames,
        **pushes,
    )


def write(root):
    image = {"dtype": "video", "shape": (64, 64, 3), "names": ["height", "width", "channels"]}
    features = dict.fromkeys(KEYS, image)
    features["observation.state"] = {"dtype": "float32", "shape": (3,), "names": list("abc")}
    features["action"] = {"dtype": "float32", "shape": (2,), "names": ["move", "gripper"]}
    dataset = LeRobotDataset.create("local/theirs", fps=20, features=features, root=root)
    for episode, length in enumerate(LENGTHS):
        for step in range(length):
            frame = {
                "observation.state": np.array([episode, step, 0.5], np.float32),
                "action": np.array([0.1 * step, step % 2], np.float32),
                "task": f"task {episode}",
            }
            for camera, key in enumerate(KEYS):
                colour = (20 * step, 100 * episode + 20, 100 * camera + 20)
                frame[key] = np.full((64, 64, 3), colour, np.uint8)
            dataset.add_frame(frame)
        dataset.save_episode()
    dataset.finalize()


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](*sys.argv[2:])
