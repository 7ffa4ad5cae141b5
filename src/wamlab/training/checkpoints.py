"""Everything that a training needs to go on, written whole or not at all.

`step_000100/` holds one file of weights and running means for each process, and `state.json`.
It does not matter how many processes wrote it: any number can go on from it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from wamlab.core.errors import ConfigError, StoreError
from wamlab.nn.checkpoints.files import Entry, SafetensorsFiles
from wamlab.nn.checkpoints.writing import write_safetensors
from wamlab.training.adamw import WEIGHT, ShardedAdamW
from wamlab.training.processes import Processes

NUM_KEPT = 2  # the newest, and one more should that be damaged
FOLDER = re.compile(r"step_(\d+)")
STATE_FILE = "state.json"


class Checkpoints:
    """The checkpoints of one training, in a folder of their own."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self._folder, self._processes = folder, processes

    def newest(self) -> int | None:
        """The step that the newest one was written behind; None if there is none."""
        return max(self._steps(), default=None)

    def save(self, step: int, optimiser: ShardedAdamW) -> None:
        """Writes one, and lets go of all but the newest two.

        Raises:
            StoreError: If the disk is full; the ones before are as they were.
        """
        processes = self._processes
        beside = self._folder / f".step_{step:06d}"
        place = self._folder / f"step_{step:06d}"
        try:
            if processes.writes:
                shutil.rmtree(beside, ignore_errors=True)
                beside.mkdir(parents=True)
            processes.meet()
            name = f"part_{processes.rank:03d}_of_{processes.count:03d}.safetensors"
            _write_tensors(beside / name, optimiser.state())
            processes.meet()
            if processes.writes:
                (beside / STATE_FILE).write_text(
                    json.dumps({"step": step, "num_parts": processes.count}) + "\n"
                )
                shutil.rmtree(place, ignore_errors=True)
                beside.rename(place)
                for old in self._steps()[:-NUM_KEPT]:
                    shutil.rmtree(self._folder / f"step_{old:06d}")
            processes.meet()
        except OSError as error:
            shutil.rmtree(beside, ignore_errors=True)
            last = self.newest()
            safe = "none is there yet" if last is None else f"that of step {last} is whole"
            raise StoreError(
                f"{place}: checkpoint cannot be written ({error.strerror}); {safe}. Free space "
                "and run the same command to continue from it"
            ) from error

    def restore(self, step: int, optimiser: ShardedAdamW) -> None:
        """Reads one back.

        Raises:
            ConfigError: If it is damaged, or of another model.
        """
        folder = self._folder / f"step_{step:06d}"
        try:
            num_parts = int(json.loads((folder / STATE_FILE).read_text())["num_parts"])
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(f"{folder}: {error!r}; {_go_back(folder)}") from error
        paths = sorted(folder.glob("part_*.safetensors"))
        if len(paths) != num_parts:
            raise ConfigError(
                f"{folder}: has {len(paths)} parts of {num_parts}; {_go_back(folder)}"
            )
        try:
            files = SafetensorsFiles(paths)
        except ConfigError as error:
            raise ConfigError(f"{error}. Or {_go_back(folder)}") from error
        missing = {f"{WEIGHT}/{name}" for name in optimiser.names} - set(files.entries)
        if missing:
            raise ConfigError(f"{folder}: has no {min(missing)}; it is of another model")
        optimiser.restore(_Lazy(files))

    def _steps(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        found = (FOLDER.fullmatch(path.name) for path in self._folder.iterdir())
        return sorted(int(match[1]) for match in found if match)


class _Lazy(Mapping[str, Tensor]):
    """Tensors of files, each read when it is asked for."""

    def __init__(self, files: SafetensorsFiles) -> None:
        self._files = files

    def __getitem__(self, name: str) -> Tensor:
        return self._files.read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files.entries)

    def __len__(self) -> int:
        return len(self._files.entries)


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    entries = {name: Entry(tuple(each.shape), each.dtype) for name, each in tensors.items()}
    write_safetensors(path, entries, tensors.items())
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _go_back(folder: Path) -> str:
    return f"delete the folder {folder.name} to go on from the checkpoint before it"
