"""Latents of every window of a dataset, computed once and kept in a file.

`<digest>.latents` holds the numbers, window after window; `<digest>.done` one byte for each
window, 1 once its latents are on disk. An interrupted computation goes on where it was, and any
number of processes share the work.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wamlab.core.errors import ConfigError, StoreError
from wamlab.training.objective import FrozenEncoder
from wamlab.training.processes import Processes
from wamlab.training.progress import Progress

WINDOWS_AT_ONCE = 8
FLUSH_EVERY_S = 5.0
NUMPY_TYPES = {torch.float32: np.float32, torch.bfloat16: np.uint16}
"""numpy knows no bfloat16; its bytes are kept as whole numbers."""


class Frames(Protocol):
    """Windows that can be looked at."""

    def __len__(self) -> int: ...
    def frames(self, index: int) -> NDArray[np.uint8]: ...
    def digest(self) -> str: ...


class LatentFile:
    """Latents of each window, read where they are needed."""

    def __init__(
        self, path: Path, shape: tuple[int, ...], num_windows: int, dtype: torch.dtype
    ) -> None:
        """Opens the files, and makes them if they are not there.

        Args:
            shape: Of one window's latents.
            dtype: Of the training, so that nothing is rounded that would not be.

        Raises:
            ConfigError: If there is no room for them.
        """
        self.path = path
        self._dtype = dtype
        stored = np.dtype(NUMPY_TYPES[dtype])
        self.num_bytes = num_windows * math.prod(shape) * stored.itemsize
        self._numbers = _mapped(path, stored, (num_windows, *shape))
        self._done = _mapped(path.with_suffix(".done"), np.dtype(np.uint8), (num_windows,))

    def missing(self) -> NDArray[np.int64]:
        """Windows that have no latents yet."""
        return np.flatnonzero(self._done == 0)

    def read(self, indices: NDArray[np.int64]) -> Tensor:
        """Latents of some windows, shape (B, C, F, Y, X)."""
        chosen = torch.from_numpy(self._numbers[indices])
        return chosen if self._dtype == torch.float32 else chosen.view(self._dtype)

    def write(self, indices: NDArray[np.int64], latents: Tensor) -> None:
        """Takes latents of some windows; they count once `flush` is over."""
        numbers = latents.to("cpu", self._dtype)
        bits = numbers if self._dtype == torch.float32 else numbers.view(torch.uint16)
        self._numbers[indices] = bits.numpy()

    def flush(self, indices: NDArray[np.int64]) -> None:
        """Puts latents on disk, and only then marks their windows as done."""
        self._numbers.flush()
        self._done[indices] = 1
        self._done.flush()


def latents_of(
    windows: Frames,
    encoder: FrozenEncoder,
    folder: Path,
    processes: Processes,
    dtype: torch.dtype,
    progress: Callable[[Progress], None],
) -> LatentFile:
    """The latents of all windows: those of an earlier training, or computed now.

    Raises:
        ConfigError: If the disk has no room.
        StoreError: If it cannot be written to.
    """
    known = f"{windows.digest()} {_identity(encoder)} {dtype}"
    path = folder / f"{hashlib.sha256(known.encode()).hexdigest()[:16]}.latents"
    with torch.no_grad():
        first = _encoded(windows, encoder, np.array([0]), processes.device)
    if processes.writes:
        LatentFile(path, tuple(first.shape[1:]), len(windows), dtype)
    processes.meet()
    file = LatentFile(path, tuple(first.shape[1:]), len(windows), dtype)
    share = np.array_split(file.missing(), processes.count)[processes.rank]
    if len(share):
        _fill(file, share, windows, encoder, processes.device, progress)
    processes.meet()
    return file


def _fill(
    file: LatentFile,
    share: NDArray[np.int64],
    windows: Frames,
    encoder: FrozenEncoder,
    device: torch.device,
    progress: Callable[[Progress], None],
) -> None:
    start, written = monotonic(), monotonic()
    num_done, num_flushed = 0, 0
    size = f"{file.num_bytes / 1e9:.3g} GB in {file.path}"
    progress(Progress(stage="latents", num_done=0, num_total=len(share), text=size))
    for indices in _chunks(share):
        with torch.no_grad():
            file.write(indices, _encoded(windows, encoder, indices, device))
        num_done += len(indices)
        if monotonic() - written > FLUSH_EVERY_S or num_done == len(share):
            try:
                file.flush(share[num_flushed:num_done])
            except OSError as error:
                raise StoreError(
                    f"{file.path}: cannot be written ({error.strerror}); free space and run the "
                    "same command to continue"
                ) from error
            num_flushed, written = num_done, monotonic()
        eta_s = (monotonic() - start) / num_done * (len(share) - num_done)
        progress(
            Progress(
                stage="latents", num_done=num_done, num_total=len(share), text=size, eta_s=eta_s
            )
        )


def _chunks(share: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(share), WINDOWS_AT_ONCE):
        yield share[start : start + WINDOWS_AT_ONCE]


def _encoded(
    windows: Frames, encoder: FrozenEncoder, indices: NDArray[np.int64], device: torch.device
) -> Tensor:
    frames = np.stack([windows.frames(int(index)) for index in indices])
    return encoder.encode(torch.from_numpy(frames).to(device))


def _identity(encoder: FrozenEncoder) -> str:
    """Names an encoder by all of its numbers."""
    known = hashlib.sha256()
    for name, tensor in sorted(encoder.model.state_dict().items()):
        known.update(name.encode())
        known.update(tensor.detach().to("cpu").contiguous().reshape(-1).view(torch.uint8).numpy())
    return known.hexdigest()


def _mapped(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """A file of numbers, zero where nothing was written; its room on the disk is taken at once.

    Without that, a disk that fills up later would end the process in the middle of a write.
    """
    num_bytes = math.prod(shape) * dtype.itemsize
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("ab") as file:
            if file.tell() < num_bytes:
                os.posix_fallocate(file.fileno(), 0, num_bytes)
    except OSError as error:
        if not path.stat().st_size:
            path.unlink()
        raise ConfigError(
            f"{path}: no room for {num_bytes / 1e9:.3g} GB ({error.strerror}); name another folder "
            "with --set data.cache=DIR, or encode in every step with --set data.cache=none"
        ) from error
    return np.memmap(path, dtype, "r+", shape=shape)
