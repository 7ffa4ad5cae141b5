"""This process and its siblings, as `torchrun` or `accelerate launch` started them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from wamlab.core.errors import ConfigError

# Process 0 encodes a dataset or evaluates a policy while the others wait for it.
PATIENCE = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """Where this process stands.

    Attributes:
        rank: 0 for the one that writes.
        count: Of all of them.
        device: Of this one's model.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def writes(self) -> bool:
        return self.rank == 0

    def facts(self) -> dict[str, object]:
        """What decides how numbers are rounded."""
        is_cuda = self.device.type == "cuda"
        return {
            "torch": torch.__version__,
            "device": torch.cuda.get_device_name(self.device) if is_cuda else "cpu",
            "num_processes": self.count,
            "num_threads": torch.get_num_threads(),
        }

    def meet(self) -> None:
        """Waits for the others."""
        if self.count > 1:
            dist.barrier()

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Of each value over all processes; the same in every one of them."""
        if self.count == 1:
            return dict(values)
        summed = torch.tensor(list(values.values()), dtype=torch.float64, device=self.device)
        dist.all_reduce(summed)
        return dict(zip(values, (summed / self.count).tolist(), strict=True))


@contextmanager
def joined() -> Iterator[Processes]:
    """Meets the other processes, if there are any, and parts at the end.

    Raises:
        ConfigError: If the launcher's variables are incomplete.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    device = _device(int(os.environ.get("LOCAL_RANK", "0")))
    if count == 1:
        yield Processes(rank=0, count=1, device=device)
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    except ValueError as error:
        raise ConfigError(
            f"processes: WORLD_SIZE is {count}, but {error}; start them with torchrun"
        ) from error
    try:
        yield Processes(rank=dist.get_rank(), count=count, device=device)
    finally:
        dist.destroy_process_group()


def _device(local_rank: int) -> torch.device:
    return torch.device("cuda", local_rank) if torch.cuda.is_available() else torch.device("cpu")
