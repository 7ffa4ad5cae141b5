"""Functions of tensors that are recorded once as a CUDA graph and then replayed.

A plan of the full model is thousands of small kernels (30 blocks, 10 steps), each launched from
Python. A graph launches them all at once. It computes the same numbers with the same kernels; what
it needs is that shapes repeat and that nothing in between asks the card for a value.

A recording belongs to the shapes and types of its inputs, so each size of a batch has its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from wamlab.core.stages import listening

WARM_UPS = 3  # libraries choose and load their kernels in the first calls, which no graph may hold
MAX_RECORDINGS = 64

Tensors = tuple[Tensor | None, ...]


class Recording(NamedTuple):
    """One recorded call.

    Attributes:
        again: Computes the outputs anew from what the inputs hold by now, in place.
    """

    again: Callable[[], None]
    outputs: Tensors


class Recorder(Protocol):
    """Turns work on fixed tensors into something that can be done again."""

    def record(self, work: Callable[[], Tensors]) -> Recording: ...


class CudaGraphs:
    """Records CUDA graphs that share one pool of memory, since one replays at a time."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, work: Callable[[], Tensors]) -> Recording:
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                work()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            outputs = work()
        return Recording(graph.replay, outputs)


class Recorded:
    """A function whose calls are replayed; equal to it, and inputs and outputs are the caller's."""

    def __init__(self, work: Callable[..., Tensors], recorder: Recorder) -> None:
        """Takes a function of tensors that has no other inputs.

        Args:
            work: Called with as many tensors as the caller gives, None among them if the caller
                gives None. It may write into them.
        """
        self._work, self._recorder = work, recorder
        self._kept: OrderedDict[object, tuple[Tensors, Recording]] = OrderedDict()

    def __call__(self, *given: Tensor | None) -> Tensors:
        kind = tuple(None if one is None else (tuple(one.shape), one.dtype) for one in given)
        if kind not in self._kept:
            self._kept[kind] = self._recording(given)
            if len(self._kept) > MAX_RECORDINGS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(kind)
        inputs, recording = self._kept[kind]
        for held, new in zip(inputs, given, strict=True):
            if held is not None and new is not None:
                held.copy_(new)
        recording.again()
        # Copies: the next replay, of this recording or another, writes over the outputs.
        return tuple(None if one is None else one.clone() for one in recording.outputs)

    def _recording(self, given: Tensors) -> tuple[Tensors, Recording]:
        inputs = tuple(None if one is None else one.clone() for one in given)
        with listening(_Nobody()):  # stages inside a graph have no time of their own
            return inputs, self._recorder.record(lambda: self._work(*inputs))


class _Nobody:
    def stage_done(self, stage: str) -> None:
        del stage
