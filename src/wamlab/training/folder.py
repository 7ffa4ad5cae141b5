"""The folder of one training: locked, described, and refused to any other.

- `training.json`: the recipe's settings, and each start of the command.
- `dataset_stats.json`: of the data.
- `checkpoints/`: to go on from; the newest two.
- `curves.jsonl`, `tensorboard/`: what happened, step by step.
- `evaluations/`: run folders; `best/`: the model that succeeded most often.
- `model/`: the model at the end.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from wamlab.core.config import digest, to_json
from wamlab.core.errors import ConfigError, StoreError
from wamlab.core.settings import changed_settings
from wamlab.training.recipe import Training

FILE_NAME = "training.json"


class TrainingFolder:
    """The one writer of a training's folder; the lock goes with the process."""

    def __init__(self, path: Path, training: Training) -> None:
        """Takes the folder.

        Raises:
            ConfigError: If it cannot be written, is in use, or holds another training; each
                setting that differs is named.
        """
        self.path = path
        self._training = training
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = _take_lock(path)
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be written ({error.strerror}); name another folder with --out"
            ) from error
        try:
            self._data, self._sessions = self._check()
        except ConfigError:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._lock)

    def describe(
        self, recipe: str, argv: Sequence[str], data: str, facts: Mapping[str, object]
    ) -> None:
        """Writes down this start.

        Args:
            data: Digest of the demonstrations.
            facts: What the start should tell: versions, devices, numbers of things.

        Raises:
            ConfigError: If the demonstrations are not those that the training began with.
        """
        if self._data not in (None, data):
            raise ConfigError(
                f"{self.path}: was trained on demonstrations {self._data}, those of the recipe are "
                f"{data} now: files were added or changed; name another folder with --out"
            )
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._sessions.append({"started": started, "argv": list(argv), **facts})
        content = {
            "recipe": recipe,
            "name": self._training.name,
            "digest": digest(self._training),
            "data": data,
            "config": to_json(self._training),
            "sessions": self._sessions,
        }
        beside = self.path / f".{FILE_NAME}"
        try:
            beside.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")
            beside.replace(self.path / FILE_NAME)
        except OSError as error:
            raise StoreError(
                f"{self.path}: cannot be written ({error.strerror}); free space and run the same "
                "command to continue"
            ) from error

    def _check(self) -> tuple[str | None, list[dict[str, object]]]:
        """Refuses to mix two trainings; returns the digest of the data and the earlier starts."""
        path = self.path / FILE_NAME
        if not path.exists():
            return None, []
        try:
            content = json.loads(path.read_text())
            old, data, sessions = content["config"], content["data"], content["sessions"]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path}: {error!r}; expected what wamlab train wrote") from error
        changed = changed_settings(old, to_json(self._training))
        if changed:
            raise ConfigError(
                f"{self.path}: holds another training; name another folder with --out\n  "
                + "\n  ".join(changed)
            )
        return str(data), list(sessions)


def _take_lock(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise ConfigError(
            f"{folder}: another process trains into it; wait for it, or name another folder with "
            "--out"
        ) from None
    return lock
