"""Where a policy closes its hand: replays a LIBERO run's episodes and measures to each object.

python bench/closings.py runs/unseen_joint                # prints medians of successes and failures
python bench/closings.py runs/unseen_joint --out closings.jsonl

An episode is its recorded actions, so nothing is planned and nothing rendered (40 episodes of ten
tasks: 100 CPU seconds, loading included). For libero_object: the target is the first thing that the
goal names, and the basket is no object to grasp.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from wamlab.benchmarks.libero import Libero
from wamlab.core.episodes import EpisodeKey, EpisodeRecord, Outcome
from wamlab.core.protocols import Env, Sense
from wamlab.core.scene import Scene, SceneLayout
from wamlab.records.signals import load_signals
from wamlab.records.store import LoadedRun, load_run

HELD_STEPS = 8  # shorter closings are opened again before the fingers meet
LIFTED_M = 0.05
SCENE = Sense(scene=True)


Line = dict[str, Any]


def replayed(
    env: Env, key: EpisodeKey, actions: NDArray[np.float32]
) -> tuple[list[Scene], SceneLayout]:
    """Scenes before each action and after the last one, and the layout."""
    seen = [env.reset(key, SCENE).scene]
    seen += [env.step(action, SCENE).observation.scene for action in actions]
    scenes = [scene for scene in seen if scene is not None]
    layout = scenes[0].layout
    assert layout is not None, "only later scenes leave it out"
    return scenes, layout


def closings(run: LoadedRun, env: Env, record: EpisodeRecord) -> list[Line]:
    """One line for each time that the hand closed."""
    signals = load_signals(run.folder, record.key)
    scenes, layout = replayed(env, record.key, signals.actions)
    target = layout.goals[0][1]
    closed = np.concatenate([[False], signals.actions[:, -1] > 0, [False]])
    edges = np.flatnonzero(np.diff(closed.astype(int)))
    found = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        hand = signals.state[start, :3]
        offsets = {
            name: scenes[start].body_pos[body] - hand
            for name, body in layout.objects.items()
            if "basket" not in name
        }
        body = layout.objects[target]
        heights = [scene.body_pos[body][2] for scene in scenes[start : end + 1]]
        found.append({
            "episode": str(record.key),
            "success": record.outcome is Outcome.SUCCESS,
            "step": int(start),
            "num_steps": int(end - start),
            "target": target,
            "nearest": min(offsets, key=lambda name: np.linalg.norm(offsets[name][:2])),
            "horizontal_m": float(np.linalg.norm(offsets[target][:2])),
            "lifted_m": float(max(heights) - heights[0]),
        })  # fmt: skip
    return found


def told(lines: Sequence[Line]) -> Iterator[str]:
    """Medians over episodes of the first closing that lasts."""
    for success in (True, False):
        episodes = [
            list(group)
            for _, group in groupby(
                (line for line in lines if line["success"] == success), lambda one: one["episode"]
            )
        ]
        firsts = [
            next((one for one in each if one["num_steps"] >= HELD_STEPS), each[0])
            for each in episodes
        ]
        if not firsts:
            continue
        off_cm = 100 * np.array([one["horizontal_m"] for one in firsts])
        low, middle, high = np.percentile(off_cm, [25, 50, 75])
        right = np.mean([one["nearest"] == one["target"] for one in firsts])
        num_lifted = sum(any(one["lifted_m"] > LIFTED_M for one in each) for each in episodes)
        yield (
            f"{'successes' if success else 'failures':10} {len(episodes):4}  first closing "
            f"{middle:.1f} cm off [{low:.1f}, {high:.1f}], target nearest in {100 * right:.0f} %, "
            f"closings {np.median([len(each) for each in episodes]):.0f}, lifted {num_lifted}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    run = load_run(asked.run)
    records = sorted((r for r in run.records if r.num_steps), key=lambda one: one.key)
    suites = tuple({record.key.suite for record in records})
    benchmark = Libero(Libero.Config(suites=suites, protocol=run.info.fingerprint["protocol"]))
    lines: list[Line] = []
    env: Env | None = None
    loaded = None
    for record in track(records, console=None, transient=True):
        place = record.key.suite, record.key.task
        if env is None or place != loaded:
            if env is not None:
                env.close()
            env, loaded = benchmark.make_env(record.key), place
        lines += closings(run, env, record)
    print("\n".join(told(lines)))
    if asked.out:
        asked.out.write_text("".join(json.dumps(line) + "\n" for line in lines))


if __name__ == "__main__":
    main()
