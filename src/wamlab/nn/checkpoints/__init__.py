"""Checkpoints of every known format; `open_checkpoint` is where to start."""

from wamlab.nn.checkpoints.cards import resolve_card
from wamlab.nn.checkpoints.checkpoint import Checkpoint, Format, open_checkpoint
from wamlab.nn.checkpoints.folder import Target, convert, save_folder
from wamlab.nn.checkpoints.history import RANDOM, continued, known_history, start_of
from wamlab.nn.checkpoints.manifest import Learned, check_digest, read_manifest
from wamlab.nn.checkpoints.writing import FLOATS

__all__ = [
    "FLOATS",
    "RANDOM",
    "Checkpoint",
    "Format",
    "Learned",
    "Target",
    "check_digest",
    "continued",
    "convert",
    "known_history",
    "open_checkpoint",
    "read_manifest",
    "resolve_card",
    "save_folder",
    "start_of",
]
