"""What every runner in the comparison has to do, and the JSON that it prints.

One episode is 10 settling steps and 100 control steps of libero_spatial task 0, holding still,
with two 256 x 256 cameras. Both kinds of step are environment steps and both are counted.
"""

from __future__ import annotations

import argparse
import ctypes.util
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

SUITE = "libero_spatial"
TASK = 0  # vla-eval can only be told to take the first tasks of a suite
SETTLE_STEPS = 10
CONTROL_STEPS = 100
STEPS_PER_EPISODE = SETTLE_STEPS + CONTROL_STEPS
NUM_INITS = 50
IMAGE_PX = 256
SEED = 7  # openpi examples/libero/main.py, and the default of vla-eval's LIBERO entry
HOLD = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0)  # no motion, gripper open


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """A runner's throughput over its counted episodes.

    Attributes:
        env_steps_per_s: Settling and control steps per second, summed over the workers.
        workers: Simulator processes at work side by side.
        episodes: Counted episodes of all workers, warm-up excluded.
        seconds: Wall time of the counted episodes of the slowest worker, resets included.
        versions: Package -> version, of the packages that decide the speed.
    """

    env_steps_per_s: float
    workers: int
    episodes: int
    seconds: float
    versions: Mapping[str, str]


class MissingEnvironment(Exception):  # noqa: N818 - a state of the machine, not a fault
    """Something that the runner needs is not installed; the message says how to get it."""


def speed(episode_ends_s: Sequence[Sequence[float]], versions: Mapping[str, str]) -> Speed:
    """Throughput from the moments at which each worker's episodes ended.

    A worker's clock runs from the end of its first episode, which holds imports, compilation
    and the construction of the simulator, to the end of its last. The rates of workers that ran
    side by side are added. The last one to finish runs its final seconds alone, which flatters
    the runner a little; no other choice would count whole episodes only.

    Args:
        episode_ends_s: For each worker, in seconds, ascending, at least two entries.
        versions: Copied into the result.
    """
    counts = [len(ends) - 1 for ends in episode_ends_s]
    spans_s = [ends[-1] - ends[0] for ends in episode_ends_s]
    rates = [count * STEPS_PER_EPISODE / span for count, span in zip(counts, spans_s, strict=True)]
    return Speed(
        env_steps_per_s=round(sum(rates), 3),
        workers=len(episode_ends_s),
        episodes=sum(counts),
        seconds=round(max(spans_s), 2),
        versions=versions,
    )


def print_json(result: Speed) -> None:
    sys.stdout.write(json.dumps(asdict(result)) + "\n")


def check_osmesa() -> None:
    """Raises `MissingEnvironment` if the software renderer's library is not on this machine."""
    if ctypes.util.find_library("OSMesa") is None:
        raise MissingEnvironment(
            "libOSMesa is not installed, software rendering needs it: apt-get install libosmesa6"
        )


def at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"got {number}, expected at least 1")
    return number
