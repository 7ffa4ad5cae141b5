"""Whether a checkpoint's tensors are those that a model needs, and if not, what it looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wamlab.core.errors import ConfigError
from wamlab.nn.checkpoints.checkpoint import ACTION_KEY, OUR_KEY, Checkpoint
from wamlab.nn.checkpoints.sizes import Shape, visible_sizes

MAX_NAMED = 8


def check_fits(checkpoint: Checkpoint, expected: Mapping[str, Shape]) -> None:
    """Compares names and shapes of all tensors.

    Raises:
        ConfigError: Names what is missing, unexpected and of another shape, and what it looks like.
    """
    lines = misfits(checkpoint, expected)
    if lines:
        raise ConfigError("\n  ".join([f"{checkpoint.path}: does not fit the model", *lines]))


def misfits(checkpoint: Checkpoint, expected: Mapping[str, Shape]) -> list[str]:
    """What does not fit, in words; empty if everything does."""
    shapes = checkpoint.shapes
    differing = [
        f"{name} {shapes[name]} (expected {expected[name]})"
        for name in sorted(set(shapes) & set(expected))
        if shapes[name] != tuple(expected[name])
    ]
    lines = [
        *_listed("missing", sorted(set(expected) - set(shapes))),
        *_listed("unexpected", sorted(set(shapes) - set(expected))),
        *_listed("of another shape", differing),
    ]
    return [*lines, *_impression(checkpoint, expected)] if lines else []


def _listed(what: str, names: Sequence[str]) -> list[str]:
    """At most eight names and how many there are."""
    if not names:
        return []
    more = ", ..." if len(names) > MAX_NAMED else ""
    return [f"{len(names)} {what}: {', '.join(names[:MAX_NAMED])}{more}"]


def _impression(checkpoint: Checkpoint, expected: Mapping[str, Shape]) -> list[str]:
    """What the file looks like, and which sizes differ."""
    lines = [f"it looks like {checkpoint.format.words}"]
    if OUR_KEY in checkpoint.names and not checkpoint.can_act and ACTION_KEY in expected:
        lines[0] += ": it can start a training (start_from_video), but it cannot act"
    theirs, ours = visible_sizes(checkpoint.shapes), visible_sizes(expected)
    differing = [
        f"{size} {theirs[size]} where the model has {ours[size]}"
        for size in theirs
        if size in ours and theirs[size] != ours[size]
    ]
    if differing:
        lines.append("it has " + ", ".join(differing))
    return lines
