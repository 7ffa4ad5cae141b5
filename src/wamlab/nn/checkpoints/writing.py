"""Writes a safetensors file tensor by tensor, so that a model never stands in memory as a whole.

Source: the format's description in https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from wamlab.nn.checkpoints.files import DTYPES, Entry
from wamlab.nn.checkpoints.manifest import Progress

CODES = {dtype: code for code, dtype in DTYPES.items()}
FLOATS = {"bf16": torch.bfloat16, "fp32": torch.float32}
"""Types that a user may ask for."""
ALIGNMENT = 8  # bytes; the header is padded, so that numbers can be mapped in place


def converted_dtype(dtype: torch.dtype, wanted: torch.dtype | None) -> torch.dtype:
    """The type after conversion; only floating-point numbers are converted."""
    return wanted if wanted is not None and dtype.is_floating_point else dtype


def write_safetensors(
    path: Path,
    entries: Mapping[str, Entry],
    tensors: Iterable[tuple[str, Tensor]],
    progress: Progress | None = None,
) -> str:
    """Writes a file and returns its SHA-256.

    Args:
        entries: Shapes and types to write, in the order of `tensors`.
        tensors: Converted to the type of their entry, one at a time.
    """
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    total = 0
    for name, entry in entries.items():
        end = total + entry.num_elements * entry.dtype.itemsize
        header[name] = {
            "dtype": CODES[entry.dtype],
            "shape": list(entry.shape),
            "data_offsets": [total, end],
        }
        total = end
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % ALIGNMENT)
    digest, done = hashlib.sha256(), 0
    with path.open("wb") as file:
        write = _teed(file.write, digest.update)
        write(len(head).to_bytes(8, "little") + head)
        for name, tensor in tensors:
            numbers = tensor.detach().to(device="cpu", dtype=entries[name].dtype)
            write(numbers.reshape(-1).view(torch.uint8).numpy().data)
            done += numbers.nbytes
            if progress:
                progress(done, total)
    assert done == total, "the tensors were not those of the entries"
    return digest.hexdigest()


def _teed(*sinks: Callable[[bytes | memoryview], object]) -> Callable[[bytes | memoryview], None]:
    def write(data: bytes | memoryview) -> None:
        for sink in sinks:
            sink(data)

    return write
