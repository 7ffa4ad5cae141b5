"""Executes a recorded episode again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wamlab.cli._parser import Parser
from wamlab.cli._runs import find_episode
from wamlab.core.errors import ConfigError
from wamlab.engine.replay import replay
from wamlab.records.store import load_run

HELP = """\
usage: wamlab replay RUN EPISODE [--out FILE] [--video-every N]

Resets the simulator, executes the recorded actions, compares every simulator state and
every image that the policy read with the run (bit by bit), and films it.

  RUN              run folder
  EPISODE          its key, or a part of it that no other episode has, e.g. init03
  --out FILE       the film                                [RUN/videos/<episode>.replay.mp4]
  --video-every N  control steps between two frames        [1]

exit status: 0 the same episode; 1 another one, so something that decides results has changed
"""


def run(arguments: Sequence[str]) -> int:
    parser = Parser("replay")
    parser.add_argument("run", type=Path)
    parser.add_argument("episode")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--video-every", type=int, default=1)
    asked = parser.parse_args(arguments)
    if asked.video_every < 1:
        raise ConfigError(f"--video-every: got {asked.video_every}, expected at least 1")
    loaded = load_run(asked.run)
    record = find_episode(loaded.records, asked.episode)
    film = asked.out or asked.run / "videos" / f"{record.key.slug}.replay.mp4"
    again = replay(loaded, record, film, video_every=asked.video_every)
    print(f"{record.key}: {record.stop} after {record.num_steps} steps")
    print(f"film: {film} ({again.num_frames} frames)")
    if again.is_equal:
        print(f"the same episode: trace {record.trace}")
        return 0
    stop, num_steps = again.record.stop, again.record.num_steps
    print(f"another episode: {stop} after {num_steps} steps, trace {again.record.trace}")
    for change in again.changes:
        print(f"  {change}")
    return 1
