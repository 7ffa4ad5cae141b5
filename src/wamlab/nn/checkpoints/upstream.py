"""Names in the checkpoints of Fast-WAM's own code: a dictionary with `mot` and `proprio_encoder`.

Source: Fast-WAM code at commit 45d8e14, specification section 8.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import torch
from torch import Tensor

from wamlab.core.errors import ConfigError

PREFIX = "mot.mixtures."
LEGACY_PREFIX = "dit."
RELEASED_DTYPE = "torch.bfloat16"


def recognises(names: Collection[str]) -> bool:
    """Whether tensors of these names, one level of dictionaries joined by a dot, are such a file.

    Raises:
        ConfigError: If it is of the first layout, which has the video expert alone.
    """
    if any(name.startswith("mot.") for name in names):
        return True
    if any(name.startswith(LEGACY_PREFIX) for name in names):
        raise ConfigError(
            "holds `dit` and no `mot`: Fast-WAM's first layout, which has the video expert only; "
            "expected a checkpoint that can act. Save it again with a version that writes `mot`"
        )
    return False


def our_name(name: str) -> str:
    return name.removeprefix(PREFIX)


def write(path: Path, tensors: Iterable[tuple[str, Tensor]]) -> None:
    """Writes a file that Fast-WAM's own code opens; needs memory for all of it at once.

    Args:
        tensors: Under our names.
    """
    mot: dict[str, Tensor] = {}
    proprio_encoder: dict[str, Tensor] = {}
    for name, tensor in tensors:
        # A clone: torch.save would write the whole mapped file behind each view of it.
        if name.startswith("proprio_encoder."):
            proprio_encoder[name.removeprefix("proprio_encoder.")] = tensor.clone()
        else:
            mot[f"mixtures.{name}"] = tensor.clone()
    dtypes = {str(tensor.dtype) for tensor in mot.values()}
    content: dict[str, object] = {
        "mot": mot,
        "step": 0,  # weights without an optimizer: nothing to continue from
        "torch_dtype": dtypes.pop() if len(dtypes) == 1 else RELEASED_DTYPE,
    }
    if proprio_encoder:
        content["proprio_encoder"] = proprio_encoder
    torch.save(content, path)
