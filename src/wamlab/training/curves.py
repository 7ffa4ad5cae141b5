"""What happened in each step, as raw numbers: `curves.jsonl`, and whoever else listens.

A line is one step or one evaluation; nothing is smoothed or left out. Steps count from 1.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from wamlab.core.errors import StoreError
from wamlab.training.trackers import TrackerLog

FILE_NAME = "curves.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One step.

    Attributes:
        step: From 1.
        losses: Name -> mean over the batch.
        grad_norm: Before it was limited.
        examples_per_s: Windows of all processes, over the whole step.
        spans_ms: Stage -> its time in the process that writes.
    """

    step: int
    losses: Mapping[str, float]
    learning_rate: float
    grad_norm: float
    examples_per_s: float
    spans_ms: Mapping[str, float]


class Score(NamedTuple):
    """Success of a model; errors enter no rate."""

    num_successes: int
    num_finished: int
    num_errors: int


class Curves:
    """The one writer of a training's curves."""

    def __init__(self, folder: Path, step: int, listeners: Sequence[TrackerLog] = ()) -> None:
        """Goes on behind a step; what was written past it is cut off, since it comes again.

        Raises:
            StoreError: If the file cannot be written.
        """
        self._path, self._listeners = folder / FILE_NAME, listeners
        self.scores: dict[int, Score] = {}
        kept = [line for line in _lines(self._path) if line["step"] <= step]
        for line in kept:
            if "evaluation" in line:
                self.scores[line["step"]] = Score(**line["evaluation"])
        beside = folder / f".{FILE_NAME}"
        try:
            beside.write_text("".join(json.dumps(line) + "\n" for line in kept))
            beside.replace(self._path)
            self._file = self._path.open("a")
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        for listener in self._listeners:
            listener.close()

    def add(self, record: StepRecord) -> None:
        """Adds a step."""
        self._append(asdict(record))
        values = {f"loss/{name}": value for name, value in record.losses.items()}
        values |= {f"ms/{name}": value for name, value in record.spans_ms.items()}
        for name in ("learning_rate", "grad_norm", "examples_per_s"):
            values[f"training/{name}"] = getattr(record, name)
        self._tell(record.step, values)

    def add_score(self, step: int, score: Score) -> None:
        """Adds an evaluation."""
        self._append({"step": step, "evaluation": score._asdict()})
        self.scores[step] = score
        if score.num_finished:
            self._tell(step, {"evaluation/success": score.num_successes / score.num_finished})

    def sync(self) -> None:
        """Puts what was added on disk, so that no checkpoint is ahead of its curve."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error

    def _append(self, line: Mapping[str, object]) -> None:
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def _tell(self, step: int, values: Mapping[str, float]) -> None:
        try:
            for listener in self._listeners:
                listener.log(step, values)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self._path}: cannot be written ({error.strerror}); the last checkpoint is whole. "
            "Free space and run the same command to continue from it"
        )


def _lines(path: Path) -> list[dict]:  # type: ignore[type-arg]  # JSON; see StepRecord
    """Whole lines; a torn last one is left out."""
    if not path.exists():
        return []
    whole = path.read_text().rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]
