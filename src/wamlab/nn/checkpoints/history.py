"""What weights learned, and on which side of their last training: is a model pretrained?"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from wamlab.nn.checkpoints.checkpoint import Checkpoint, Format
from wamlab.nn.checkpoints.manifest import History, Learned, read_manifest


class Start(NamedTuple):
    """What is known of the weights that a training begins with.

    Attributes:
        history: None if it is not known.
        statistics: Content of `dataset_stats.json` of the data they were last trained on.
    """

    history: History | None
    statistics: bytes = b""


RANDOM = Start(History(pretraining=Learned(), training=Learned()))
WAN = Start(History(pretraining=Learned(web_video=True), training=Learned()))


def start_of(checkpoint: Checkpoint) -> Start:
    """What a checkpoint tells of itself; a whole model of other people's code tells nothing."""
    if checkpoint.format.is_video_only:
        return WAN
    statistics = checkpoint.statistics_path
    return Start(known_history(checkpoint), statistics.read_bytes() if statistics else b"")


def known_history(checkpoint: Checkpoint) -> History | None:
    """What stands in the manifest of a model folder; None if there is none."""
    if checkpoint.format is not Format.WAMLAB or checkpoint.card is None:
        return None
    return read_manifest(checkpoint.files.paths[0].parent).history


def continued(start: Start, learned: Learned, statistics: Path) -> History | None:
    """The history after one more training.

    Going on with the same data, which have the same statistics, is no pretraining.

    Args:
        learned: In that training.
        statistics: `dataset_stats.json` of its data.
    """
    before = start.history
    if before is None:
        return None
    if statistics.read_bytes() == start.statistics:
        return History(pretraining=before.pretraining, training=before.training | learned)
    return History(pretraining=before.pretraining | before.training, training=learned)
