"""Which windows a step sees, and its random numbers: pure functions of seed and position.

A position counts the samples of a training over all its steps and processes. Neither a resumed
training nor one with another number of processes draws anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

ORDER, NOISE = 0, 1  # streams of random numbers, apart from each other


def positions(step: int, batch_size: int, rank: int, num_processes: int) -> range:
    """Positions that one process handles in a step; those of all processes make up the batch.

    Args:
        step: From 0.
    """
    share = batch_size // num_processes
    start = step * batch_size + rank * share
    return range(start, start + share)


def windows_at(places: Sequence[int], num_windows: int, seed: int) -> NDArray[np.int64]:
    """The windows at some positions: every one of the dataset once before any comes again."""
    return np.array(
        [
            _shuffled(num_windows, seed, place // num_windows)[place % num_windows]
            for place in places
        ],
        np.int64,
    )


def generators_at(places: Sequence[int], seed: int) -> list[torch.Generator]:
    """A generator for each position."""
    found = []
    for place in places:
        state = np.random.SeedSequence((seed, NOISE, place)).generate_state(2, np.uint32)
        # 63 bits: torch takes no seed beyond int64.
        number = (int(state[0]) << 32 | int(state[1])) >> 1
        found.append(torch.Generator().manual_seed(number))
    return found


@lru_cache(maxsize=2)  # a batch may lie across the end of an epoch
def _shuffled(num_windows: int, seed: int, epoch: int) -> NDArray[np.int64]:
    rng = np.random.default_rng((seed, ORDER, epoch))
    return rng.permutation(num_windows)
