"""Sends curves to TensorBoard wherever it is installed, and to services that a recipe names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from wamlab.core.config import to_json
from wamlab.core.errors import ConfigError
from wamlab.training.recipe import Tracker, Training


class TrackerLog(Protocol):
    """Takes numbers while they come."""

    def log(self, step: int, values: Mapping[str, float]) -> None: ...
    def close(self) -> None: ...


def check_trackers(trackers: Sequence[Tracker]) -> None:
    """Finds out before the training whether the services' packages are there.

    Raises:
        ConfigError: If one is not; it is named.
    """
    for tracker in trackers:
        if find_spec(tracker.value) is None:
            raise ConfigError(
                f"trackers: package {tracker.value} is not installed; run pip install "
                f"{tracker.value}, or leave it out with --set trackers="
            )


def open_trackers(training: Training, folder: Path, step: int) -> list[TrackerLog]:
    """Everything that listens to a training which goes on behind a step."""
    opened: list[TrackerLog] = []
    if find_spec("tensorboard") is not None:
        opened.append(_TensorBoard(folder / "tensorboard", step))
    opened += [_Service(tracker, training, folder) for tracker in training.trackers]
    return opened


class _TensorBoard:
    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        # What an interrupted training logged past its checkpoint is hidden.
        self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _Service:
    """wandb and trackio, which have the same three functions."""

    def __init__(self, tracker: Tracker, training: Training, folder: Path) -> None:
        self._module: Any = import_module(tracker.value)
        self._module.init(
            project="wamlab", name=f"{training.name} {folder.name}", config=to_json(training)
        )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._module.log(dict(values), step=step)

    def close(self) -> None:
        self._module.finish()
