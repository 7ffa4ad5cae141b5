"""Workers and policy replicas on the nodes of a Ray cluster.

A seat is an actor. It starts the same process that a local run starts, on whatever node Ray
finds room, and passes its messages on as bytes. So a simulator is built, watched and killed on a
node as it is at home, and an actor that dies takes nothing with it but the episode in flight.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import grpc
import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from wamlab.core.errors import ClusterError, ConfigError
from wamlab.engine.host import Ended, Facts, Host, facts_here
from wamlab.engine.places import Needs, Opener, Peer, Role, Seat, seat_name
from wamlab.engine.process import EXIT_S

HEAD_S = 10.0  # until a head that does not answer counts as absent
MAX_CALLS = 8  # of one actor at a time: one listens, one sends, one kills, and some to spare
MAX_LOSSES = 3  # actors in a row that could not start
TICK_S = 1.0  # the longest time until patience is looked at again


@contextlib.contextmanager
def joined(address: str) -> Iterator[Opener]:
    """Joins a cluster and leaves it again.

    Args:
        address: "ray" for the cluster that this machine belongs to (or that RAY_ADDRESS names),
            HOST:PORT of its head for the same, ray://HOST:PORT for a cluster elsewhere.

    Yields:
        What makes a place of it, for `engine.run.evaluate`.

    Raises:
        ConfigError: If there is no such cluster, or this process has joined one.
    """
    if ray.is_initialized():
        raise ConfigError(f"--on {address}: this process has joined a cluster; ray.shutdown() it")
    where = os.environ.get("RAY_ADDRESS", "auto") if address == "ray" else address
    if where != "auto":
        _check_answers(where)
    try:
        ray.init(address=where, log_to_driver=False, logging_level="error", configure_logging=False)
    except (ConnectionError, RuntimeError, TimeoutError, RayError) as error:
        raise _no_head(address, str(error).partition("\n")[0]) from error
    try:
        yield partial(RayPlace, address)
    finally:
        ray.shutdown()


def num_cpus() -> int:
    """Processors of the cluster that `connect` joined."""
    return int(ray.cluster_resources().get("CPU", 0))


def _check_answers(address: str) -> None:
    """Ray itself waits for minutes where nobody, or somebody else, listens."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(
            f"--on {address}: expected local, ray, HOST:PORT of a Ray head or ray://HOST:PORT"
        )
    try:
        socket.create_connection((host, int(port)), timeout=HEAD_S).close()
    except (OSError, OverflowError) as error:
        raise _no_head(address, str(error)) from error
    if os.environ.get("RAY_USE_TLS", "0") == "0":
        with grpc.insecure_channel(f"{host}:{port}") as channel:
            try:
                grpc.channel_ready_future(channel).result(timeout=HEAD_S)
            except grpc.FutureTimeoutError as error:
                raise _no_head(address, "whoever listens there speaks no gRPC") from error


def _no_head(address: str, reason: str) -> ConfigError:
    return ConfigError(
        f"--on {address}: no Ray head answers there ({reason}); start one with ray start --head "
        "and name it, or leave --on out to run on this machine"
    )


class RaySeat:
    """An actor with room for one process.

    Attributes:
        hello: What the actor will say of its node once it runs.
        is_gone: Whether the actor is.
    """

    def __init__(self, place: RayPlace, role: Role, rank: int, on_gpu: bool) -> None:
        self.role, self.rank, self.place = role, rank, place
        self.name = seat_name(role, rank)
        self.is_gone = False
        self.node = ""
        # A policy takes no processor, or it could not come back to nodes full of simulators.
        num_cpus = 1 if role is Role.SIMULATOR else 0
        search_path = [entry or str(Path.cwd()) for entry in sys.path]
        self.actor = (
            ray.remote(Host)
            .options(num_cpus=num_cpus, num_gpus=int(on_gpu), max_concurrency=MAX_CALLS)
            .remote(str(Path.cwd()), search_path)
        )
        self.hello = self.actor.hello.remote()

    def start(self, first: object) -> Peer:
        return RemotePeer(self, first)

    def lose(self) -> None:
        """Ends the actor, wherever it is."""
        self.is_gone = True
        with contextlib.suppress(RayError):
            ray.kill(self.actor)


class RemotePeer:
    """A process that an actor started; see `Peer`."""

    def __init__(self, seat: RaySeat, first: object) -> None:
        self.log = seat.place.needs.folder / "logs" / f"{seat.name}.log"
        self.vanished = False
        self._seat, self._ended = seat, False
        self._epitaph = ""
        self.next = seat.actor.start.remote(seat.role.value, seat.name, pickle.dumps(first))

    def send(self, message: object) -> None:
        self._seat.actor.send.remote(pickle.dumps(message))

    def receive(self) -> object:
        if self._ended:
            raise EOFError
        try:
            heard = ray.get(self.next)
        except RayTaskError:
            raise
        except RayError as error:
            self._vanish(error)
            raise EOFError from error
        if isinstance(heard, Ended):
            self._end(heard)
            raise EOFError
        self.next = self._seat.actor.receive.remote()
        return pickle.loads(heard)

    def epitaph(self) -> str:
        return self._epitaph

    def wait(self) -> None:
        self._fetch_end(self._seat.actor.wait.remote())

    def kill(self, *, ask_where: bool = False) -> None:
        if self._ended:
            return
        reply = self._seat.actor.kill.remote(ask_where)
        if ask_where:  # else nobody sits there again, and many are to be killed
            self._fetch_end(reply)

    def _fetch_end(self, reply: Any) -> None:  # noqa: ANN401 - a reference, which Ray types loosely
        if self._ended:
            return
        try:
            self._end(ray.get(reply, timeout=2 * EXIT_S))
        except (RayError, GetTimeoutError) as error:
            self._vanish(error)

    def _end(self, ended: Ended) -> None:
        self._ended, self._epitaph = True, ended.epitaph
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            log.write(ended.printed)

    def _vanish(self, error: Exception) -> None:
        self._ended = self.vanished = True
        self._epitaph = "went with its node"
        self._seat.place.vanished(self._seat, error)


class RayPlace:
    """As many actors as were asked for, each free as soon as Ray has found room for it.

    Attributes:
        needs: What the run wants.
        shared: None: the run folder is on this machine alone.
        num_vanished: See `Place`.
    """

    def __init__(self, address: str, needs: Needs) -> None:
        self.needs, self.num_vanished = needs, 0
        self.shared: Path | None = None
        self._facts, self._losses = facts_here(), 0
        self._coming: list[RaySeat] = []
        self._vacant: list[RaySeat] = []
        self._present: set[RaySeat] = set()
        self._alone_since: dict[Role, float] = {}
        self._note(f"joined {address}; {len(ray.nodes())} nodes, {num_cpus()} processors")
        if needs.on_gpu and not ray.cluster_resources().get("GPU"):
            raise ConfigError(
                "--on ray: the policy asks for a CUDA device, but no node of the cluster has a GPU "
                "now; add such a node, or set policy.device=cpu"
            )
        for rank in range(needs.replicas):
            self._request(Role.POLICY, rank)

    def take(self, role: Role) -> Seat | None:
        if role is Role.SIMULATOR and Role.SIMULATOR not in self._alone_since:
            # Not before the policy is there: a run that is refused need not wait for them.
            for rank in range(self.needs.workers):
                self._request(role, rank)
        fitting = [seat for seat in self._vacant if seat.role is role]
        if not fitting:
            return None
        lowest = min(fitting, key=lambda seat: seat.rank)
        self._vacant.remove(lowest)
        return lowest

    def free(self, seat: Seat) -> None:
        assert isinstance(seat, RaySeat)
        if seat.is_gone:
            self._present.discard(seat)
            self._request(seat.role, seat.rank)
        else:
            self._vacant.append(seat)

    def listen(self, peers: Sequence[Peer], timeout_s: float | None) -> list[Peer]:
        remote = [peer for peer in peers if isinstance(peer, RemotePeer)]
        talking = {peer.next: peer for peer in remote}
        coming = {seat.hello: seat for seat in self._coming}
        patience_s = TICK_S if timeout_s is None else timeout_s
        deadline = monotonic() + (patience_s if timeout_s is not None else float("inf"))
        while True:
            self._check_patience()
            refs = [*talking, *coming]
            nap_s = min(TICK_S, max(0.0, deadline - monotonic()))
            ready, _ = ray.wait(refs, num_returns=1, timeout=nap_s, fetch_local=False)
            if ready or monotonic() >= deadline:
                break
        if ready:
            ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0, fetch_local=False)
        for ref in ready:
            if ref in coming:
                self._arrive(coming[ref])
        return [talking[ref] for ref in ready if ref in talking]

    def close(self) -> None:
        self.is_closing = True
        for seat in {*self._coming, *self._vacant, *self._present}:
            seat.lose()

    def vanished(self, seat: RaySeat, error: Exception) -> None:
        """Takes note that an actor is gone with its process."""
        self.num_vanished += 1
        self._note(f"{seat.name} is gone with {seat.node}: {type(error).__name__}")
        seat.lose()

    def _request(self, role: Role, rank: int) -> None:
        on_gpu = role is Role.POLICY and self.needs.on_gpu
        self._alone_since.setdefault(role, monotonic())
        self._coming.append(RaySeat(self, role, rank, on_gpu))

    def _arrive(self, seat: RaySeat) -> None:
        """Takes in an actor that runs.

        Raises:
            ConfigError: If its node would not measure the same, or actors cannot start.
        """
        self._coming.remove(seat)
        try:
            facts: Facts = ray.get(seat.hello)
        except RayError as error:
            self._losses += 1
            reason = str(error).strip().rpartition("\n")[2]
            self._note(f"{seat.name} did not start: {reason}")
            if self._losses >= MAX_LOSSES:
                raise ConfigError(
                    f"--on ray: no actor could start, {self._losses} times in a row ({reason}); "
                    "expected this wamlab and Python on every node"
                ) from error
            self._request(seat.role, seat.rank)
            return
        if differs := self._facts.differences(facts):
            raise ConfigError(
                f"--on ray: node {facts.node} would not run what runs here; install the same there "
                "and run the same command to continue\n  " + "\n  ".join(differs)
            )
        self._losses = 0
        seat.node = facts.node
        self._present.add(seat)
        self._vacant.append(seat)
        self._note(f"{seat.name} is on {facts.node}")

    def _check_patience(self) -> None:
        """Waits for room, but not for ever.

        Raises:
            ClusterError: If no seat of some role has been there for as long as one may build.
        """
        now = monotonic()
        for role in self._alone_since:
            if any(seat.role is role and not seat.is_gone for seat in self._present):
                self._alone_since[role] = now
            elif now - self._alone_since[role] > self.needs.timeouts.construct_s:
                what = "the policy" if role is Role.POLICY else "a simulator"
                raise ClusterError(
                    f"--on ray: no node has had room for {what} for "
                    f"{self.needs.timeouts.construct_s:g} s. Finished episodes are safe: add nodes "
                    "(see ray status) and run the same command to continue"
                )

    def _note(self, text: str) -> None:
        """Writes down who came and went."""
        path = self.needs.folder / "logs" / "cluster.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}\n")
