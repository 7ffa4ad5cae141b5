"""Where the processes of a run live: the one seam between the engine and its machines.

A place has seats, a seat holds one process at a time, and a process is spoken to as a peer:
messages in, messages out. `engine.local` seats them on this machine, `engine.cluster` on the
nodes of a Ray cluster. Whoever runs episodes knows none of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from wamlab.core.errors import ConfigError
from wamlab.engine.timeouts import Timeouts


class Role(Enum):
    """What a process does; the value names the module whose `main` it runs."""

    SIMULATOR = "wamlab.engine.worker"
    POLICY = "wamlab.engine.planner"


class Peer(Protocol):
    """A process, as its parent sees it.

    Attributes:
        log: Where the run folder keeps what it printed.
        vanished: Whether it is gone because its machine is; it is not to blame then.
    """

    log: Path
    vanished: bool

    def send(self, message: object) -> None:
        """Sends a message; if the process is gone, `receive` will tell."""

    def receive(self) -> object:
        """The next message; waits for it.

        Raises:
            EOFError: If the process is gone and said nothing more.
        """

    def epitaph(self) -> str:
        """How a process that is gone ended, and the last line that it printed."""

    def wait(self) -> None:
        """Lets the process end by itself, but not for long."""

    def kill(self, *, ask_where: bool = False) -> None:
        """Ends the process and whatever it started.

        Args:
            ask_where: Let it print a traceback to its log first.
        """


class Seat(Protocol):
    """Room for one process; it is free again after `Place.free`."""

    def start(self, first: object) -> Peer:
        """Starts a process of the seat's role.

        Args:
            first: Its first message.
        """


class Place(Protocol):
    """Seats on one machine or on many.

    Attributes:
        shared: The run folder as its processes see it; None if it is on another machine, and
            files have to travel with the records.
        num_vanished: Processes that went with their machine.
    """

    shared: Path | None
    num_vanished: int

    def close(self) -> None:
        """Gives everything back; whoever started a process has ended it."""

    def take(self, role: Role) -> Seat | None:
        """A seat that nobody sits on, or None for now."""

    def free(self, seat: Seat) -> None:
        """The seat's process is gone. A seat whose machine is gone is replaced by another."""

    def listen(self, peers: Sequence[Peer], timeout_s: float | None) -> list[Peer]:
        """Waits until somebody has a message or is gone, a seat becomes free, or time is up.

        Returns:
            Those whose `receive` does not wait.

        Raises:
            ConfigError: If a machine would not measure the same.
            ClusterError: If there has been no room for too long.
        """


@dataclass(frozen=True, slots=True)
class Needs:
    """What a run wants of a place.

    Attributes:
        folder: Run folder, on this machine.
        workers: Simulators at the same time.
        replicas: Copies of the policy.
        on_gpu: Whether each copy wants a graphics card.
    """

    folder: Path
    workers: int
    replicas: int
    on_gpu: bool
    timeouts: Timeouts

    def __post_init__(self) -> None:
        for name, number in (("workers", self.workers), ("replicas", self.replicas)):
            if number < 1:
                raise ConfigError(f"{name}: got {number}, expected at least 1")


class Opener(Protocol):
    """Makes a place for one run."""

    def __call__(self, needs: Needs) -> Place: ...


def environment_of(role: Role, threads: int) -> dict[str, str]:
    """What a process is told before it loads numpy.

    Args:
        threads: That one simulator may render with; numpy's own only get in the way.
    """
    if role is Role.POLICY:
        return {}
    return {
        "LP_NUM_THREADS": str(threads),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def seat_name(role: Role, rank: int) -> str:
    """Names a seat, and the log of whoever sits there."""
    if role is Role.SIMULATOR:
        return f"worker-{rank}"
    return "policy" if rank == 0 else f"policy-{rank}"
