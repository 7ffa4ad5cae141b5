"""A place on this machine: processes with pipes."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import NamedTuple

from wamlab.engine.places import Needs, Peer, Role, Seat, environment_of, seat_name
from wamlab.engine.process import Child
from wamlab.records.machine import num_cores


class LocalSeat(NamedTuple):
    """Room for a process on this machine."""

    role: Role
    rank: int
    folder: Path
    threads: int

    def start(self, first: object) -> Peer:
        child = Child(
            self.role.value,
            log=self.folder / "logs" / f"{seat_name(self.role, self.rank)}.log",
            environment=environment_of(self.role, self.threads),
        )
        child.send(first)
        return child


class LocalPlace:
    """Seats for as many simulators and policies as were asked for, free from the start.

    Attributes:
        shared: See `Place`.
        num_vanished: 0; this machine is always here.
    """

    def __init__(self, needs: Needs) -> None:
        folder = needs.folder.absolute()
        threads = max(1, num_cores() // needs.workers)
        counts = {Role.SIMULATOR: needs.workers, Role.POLICY: needs.replicas}
        self._vacant = {
            role: [LocalSeat(role, rank, folder, threads) for rank in range(count)]
            for role, count in counts.items()
        }
        self.shared: Path | None = folder
        self.num_vanished = 0

    def take(self, role: Role) -> Seat | None:
        seats = self._vacant[role]
        if not seats:
            return None
        lowest = min(seats, key=lambda seat: seat.rank)
        seats.remove(lowest)
        return lowest

    def free(self, seat: Seat) -> None:
        assert isinstance(seat, LocalSeat)
        self._vacant[seat.role].append(seat)

    def listen(self, peers: Sequence[Peer], timeout_s: float | None) -> list[Peer]:
        pipes = {peer.connection: peer for peer in peers if isinstance(peer, Child)}
        return [pipes[pipe] for pipe in wait(list(pipes), timeout=timeout_s)]  # type: ignore[index]  # wait returns what it was given

    def close(self) -> None:
        """Nothing to give back."""
