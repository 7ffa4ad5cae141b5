"""Strict loading of weights into modules: nothing missing, nothing left over, nothing copied twice.

Build the module under `torch.device("meta")`, where it takes no memory; its parameters then become
views of the mapped file, or are converted one by one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from wamlab.core.errors import ConfigError
from wamlab.nn.action_init import action_from_video, from_video
from wamlab.nn.checkpoints import Checkpoint, Format
from wamlab.nn.checkpoints.fit import check_fits
from wamlab.nn.checkpoints.sizes import Shape
from wamlab.nn.checkpoints.writing import converted_dtype

VIDEO = "video."
ACTION = "action."


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """Where every tensor of a module came from.

    Attributes:
        source: Path of the checkpoint.
        loaded: Names in the module that were read from the checkpoint.
        renamed: Name in the checkpoint -> name in the module, where they differ.
        dropped: Names in the checkpoint that nothing was made of.
        interpolated: Names made from the video expert's weights by `nn.action_init`.
        random: Names that were drawn at random.
        stored_dtypes: Of the tensors read, e.g. "bfloat16".
        dtype: That they were converted to; None if kept.
    """

    source: str
    format: Format
    loaded: tuple[str, ...]
    renamed: Mapping[str, str]
    dropped: tuple[str, ...]
    interpolated: tuple[str, ...] = ()
    random: tuple[str, ...] = ()
    stored_dtypes: tuple[str, ...]
    dtype: str | None

    def __str__(self) -> str:
        """One line for a log."""
        parts = [
            f"{len(self.loaded)} tensors of {self.source} ({self.format}, "
            f"{'/'.join(self.stored_dtypes)}{f' as {self.dtype}' if self.dtype else ''})",
            f"{len(self.renamed)} renamed",
            f"dropped: {', '.join(self.dropped) or 'nothing'}",
        ]
        if self.interpolated:
            parts.append(f"{len(self.interpolated)} interpolated from the video expert")
        parts.append(f"random: {', '.join(self.random) or 'nothing'}")
        return "; ".join(parts)


def load_weights(
    module: nn.Module,
    checkpoint: Checkpoint,
    dtype: torch.dtype | None = None,
    *,
    device: torch.device | str = "cpu",
    copy: bool = False,
) -> LoadReport:
    """Replaces every parameter and persistent buffer of a module by a checkpoint's.

    On the CPU and without conversion they are private views of the mapped file, which must stay
    in place while the module lives; writing to them leaves the file as it is.

    Args:
        module: On any device, at best meta; its `state_dict` has our names, or for a VAE or
            text encoder those of diffusers or transformers.
        dtype: To convert floating-point numbers to; as stored if not given.
        device: Where the weights go.
        copy: Read every tensor now, and map nothing: for weights that will be rearranged, which
            would otherwise be in memory twice.

    Raises:
        ConfigError: If a name is missing or unexpected or a shape differs; nothing was replaced.
        ValueError: If the module has a computed table on the meta device.
    """
    slots = _slots(module)
    check_fits(checkpoint, _wanted(slots, checkpoint.names))
    for name, tensor in checkpoint.stream(checkpoint.names):
        slots[name].fill(tensor, dtype, device, copy=copy)
    return _report(checkpoint, dtype)


def start_from_video(
    module: nn.Module,
    checkpoint: Checkpoint,
    *,
    generator: torch.Generator,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> LoadReport:
    """Gives a world action model the weights from which its training starts.

    What the checkpoint holds is read: the video expert, perhaps the blocks of an action expert.
    An action expert that it does not hold is interpolated from the video expert; the rest (its
    first and last layer, the embedding of the state) is drawn as `nn.Linear` draws it.

    Args:
        module: A model with `video.*`, `action.*` and perhaps `proprio_encoder.*`.
        checkpoint: Wan's video transformer, or a Fast-WAM base without first and last layer.
        generator: On the CPU.

    Raises:
        ConfigError: If the checkpoint is another one, does not fit, or is a whole model; nothing
            was replaced.
    """
    slots = _slots(module)
    shapes = {name: slot.shape for name, slot in slots.items()}
    blocks = [n for n in shapes if n.startswith(ACTION) and from_video(n.removeprefix(ACTION))]
    has_blocks = not set(blocks).isdisjoint(checkpoint.names)
    needed = {n for n in shapes if n.startswith(VIDEO) or n in checkpoint.names}
    needed |= set(blocks) if has_blocks else set()
    check_fits(checkpoint, {name: shapes[name] for name in sorted(needed)})
    if needed == set(shapes):
        raise ConfigError(
            f"{checkpoint.path}: is a whole model, expected one to start a training from, such as "
            f"{Format.WAN_VIDEO.words}; go on from a whole model with load_weights"
        )
    interpolated = [] if has_blocks else blocks
    made = {name.removeprefix(ACTION): shapes[name] for name in interpolated}
    drawn = [name for name in shapes if name not in needed and name not in interpolated]
    fallback = dtype or next(iter(checkpoint.entries.values())).dtype
    for name, tensor in action_from_video(checkpoint.part(VIDEO), made):
        slots[ACTION + name].fill(tensor, fallback, device)
    for name in drawn:
        slots[name].fill(_drawn(name, shapes, generator), fallback, device)
    for name, tensor in checkpoint.stream(checkpoint.names):
        slots[name].fill(tensor, dtype, device)
    return _report(checkpoint, dtype, interpolated=tuple(interpolated), random=tuple(drawn))


class _Slot:
    """One parameter or buffer, in every place of the module that shares it."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.places: list[tuple[nn.Module, str]] = []

    @property
    def shape(self) -> Shape:
        return tuple(self.tensor.shape)

    def fill(
        self,
        tensor: Tensor,
        dtype: torch.dtype | None,
        device: torch.device | str,
        *,
        copy: bool = False,
    ) -> None:
        wanted = converted_dtype(tensor.dtype, dtype)
        new = tensor.to(device=device, dtype=wanted, copy=copy)
        if isinstance(self.tensor, nn.Parameter):
            new = nn.Parameter(new, requires_grad=self.tensor.requires_grad)
        for module, name in self.places:
            setattr(module, name, new)
        self.tensor = new


def _slots(module: nn.Module) -> dict[str, _Slot]:
    """Name in the state_dict -> slot; tied parameters have several names and one slot.

    Raises:
        ValueError: If the module has a computed table on the meta device, where it is lost.
    """
    slots: dict[str, _Slot] = {}
    of_tensor: dict[int, _Slot] = {}
    for prefix, part in module.named_modules(remove_duplicate=False):
        own = dict(part.named_parameters(recurse=False, remove_duplicate=False))
        own |= dict(part.named_buffers(recurse=False, remove_duplicate=False))
        for local, tensor in own.items():
            name = f"{prefix}.{local}".removeprefix(".")
            if local in part._non_persistent_buffers_set:
                if tensor.is_meta:
                    raise ValueError(
                        f"{name}: is computed, not stored, and was built on the meta device; "
                        "build it outside of torch.device('meta')"
                    )
                continue
            slot = of_tensor.setdefault(id(tensor), _Slot(tensor))
            slot.places.append((part, local))
            slots[name] = slot
    return slots


def _wanted(slots: Mapping[str, _Slot], stored: Collection[str]) -> dict[str, Shape]:
    """The names that must be stored: of a tied parameter those that are, or the first."""
    names_of: dict[int, list[str]] = {}
    for name, slot in slots.items():
        names_of.setdefault(id(slot), []).append(name)
    wanted = {}
    for names in names_of.values():
        for name in [n for n in names if n in stored] or names[:1]:
            wanted[name] = slots[name].shape
    return wanted


def _drawn(name: str, shapes: Mapping[str, Shape], generator: torch.Generator) -> Tensor:
    """A weight or bias as `nn.Linear` draws it: uniform within 1 / sqrt(inputs), float32."""
    num_inputs = shapes[f"{name.rpartition('.')[0]}.weight"][1]
    bound = 1 / math.sqrt(num_inputs)
    return torch.empty(shapes[name]).uniform_(-bound, bound, generator=generator)


def _report(
    checkpoint: Checkpoint,
    dtype: torch.dtype | None,
    interpolated: tuple[str, ...] = (),
    random: tuple[str, ...] = (),
) -> LoadReport:
    stored = {_dtype_name(entry.dtype) for entry in checkpoint.entries.values()}
    return LoadReport(
        source=str(checkpoint.path),
        format=checkpoint.format,
        loaded=tuple(checkpoint.names),
        renamed=checkpoint.renamed,
        dropped=checkpoint.dropped,
        interpolated=interpolated,
        random=random,
        stored_dtypes=tuple(sorted(stored)),
        dtype=None if dtype is None else _dtype_name(dtype),
    )


def _dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
