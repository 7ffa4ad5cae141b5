"""Simulator workers, each in a process of its own, and the loop that serves them.

One process holds one simulator and ends with it: simulators and renderers leak a little with
every scene that they load, and a process gives everything back. So there are never more
simulators in memory than workers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from wamlab.core.config import Json
from wamlab.core.episodes import EpisodeRecord, StopReason
from wamlab.core.errors import ConfigError, StoreError
from wamlab.engine.messages import (
    Answer,
    Ask,
    Assign,
    Beat,
    Finished,
    Ready,
    Refused,
    Stop,
    Unwritable,
    WorkerSetup,
)
from wamlab.engine.places import Peer, Place, Role, Seat
from wamlab.engine.replicas import Replicas
from wamlab.engine.rollout import Terms
from wamlab.engine.schedule import Schedule, Turn
from wamlab.engine.timeouts import Timeouts
from wamlab.records.files import write_whole

TICK_S = 1.0  # the longest nap between two looks at the watchdogs


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every worker of a run is told.

    Attributes:
        benchmark: The benchmark's config, packed.
        fingerprint: Of the benchmark here; a simulator elsewhere must have the same.
    """

    benchmark: Mapping[str, Json]
    terms: Terms
    folder: Path
    video_every: int
    save_imagined: bool
    fingerprint: Mapping[str, str]


@dataclass(slots=True, eq=False)
class _Worker:
    """The parent's view of one worker process.

    Attributes:
        turn: The episode in flight.
        num_steps: Control steps of it, as last heard.
        deadline: When the watchdog bites; None while the worker waits for the policy.
    """

    seat: Seat
    peer: Peer
    simulator: str
    started: float
    deadline: float | None
    ready: bool = False
    turn: Turn | None = None
    num_steps: int = 0


class Crew:
    """Workers that run a schedule to its end, as many as the place has seats for.

    Attributes:
        is_late: Whether time was up first.
    """

    def __init__(
        self,
        job: Job,
        schedule: Schedule,
        policy: Replicas,
        place: Place,
        timeouts: Timeouts,
        *,
        record: Callable[[EpisodeRecord], None],
    ) -> None:
        """Prepares the crew.

        Args:
            record: Puts one record on disk.
        """
        self._job, self._schedule, self._policy = job, schedule, policy
        self._place, self._timeouts, self._record = place, timeouts, record
        self._workers: list[_Worker] = []
        self.is_late = False

    def run(self, *, until: float | None = None) -> None:
        """Runs until every episode of the schedule has a record, or time is up.

        Args:
            until: As `time.monotonic`. Episodes that are in flight then leave no record, and the
                policy may still plan for them.

        Raises:
            ConfigError: If the simulator refuses the request.
            StoreError: If the run folder cannot be written.
            PolicyError: If the policy process dies again and again.
            ClusterError: If there has been no machine to run on for too long.
        """
        self._fill()
        while self._workers or self._schedule.num_left:
            if until is not None and monotonic() >= until:
                self._drop()
                return
            self._policy.flush()
            workers = {id(worker.peer): worker for worker in self._workers}
            peers = [*(worker.peer for worker in self._workers), *self._policy.peers]
            for peer in self._place.listen(peers, timeout_s=self._nap_s(until)):
                if (worker := workers.get(id(peer))) is None:
                    self._give(self._policy.receive(peer))
                else:
                    self._hear(worker)
            self._watch()
            self._fill()

    def kill(self) -> None:
        for worker in self._workers:
            worker.peer.kill()
            self._place.free(worker.seat)
        self._workers.clear()

    def _fill(self) -> None:
        """Starts workers as long as there are seats and work."""
        self._policy.fill()
        while (seat := self._place.take(Role.SIMULATOR)) is not None:
            if (name := self._schedule.choose()) is None:
                self._place.free(seat)
                return
            setup = WorkerSetup(
                benchmark=self._job.benchmark,
                key=self._schedule.peek(name),
                terms=self._job.terms,
                folder=self._place.shared,
                video_every=self._job.video_every,
                save_imagined=self._job.save_imagined,
            )
            now = monotonic()
            deadline = now + self._timeouts.construct_s
            worker = _Worker(seat, seat.start(setup), name, started=now, deadline=deadline)
            self._workers.append(worker)

    def _drop(self) -> None:
        """Ends all episodes in flight, of which nothing is recorded."""
        self.is_late = True
        for worker in self._workers:
            if worker.turn is not None:
                self._policy.forget(worker.turn.key)
        self.kill()

    def _nap_s(self, until: float | None) -> float:
        deadlines = [until, self._policy.deadline, *(worker.deadline for worker in self._workers)]
        soonest = min((d for d in deadlines if d is not None), default=monotonic() + TICK_S)
        return max(0.0, min(TICK_S, soonest - monotonic()))

    def _hear(self, worker: _Worker) -> None:
        """Reads one message of a worker."""
        try:
            message = worker.peer.receive()
        except EOFError:
            went_home = worker.ready and worker.turn is None
            if worker.peer.vanished:
                self._vanished(worker)
            else:
                self._lost(worker, "" if went_home else worker.peer.epitaph())
            return
        worker.deadline = monotonic() + self._timeouts.simulator_s
        match message:
            case Ready():
                self._compare(message)
                worker.ready = True
                self._schedule.built(worker.simulator, monotonic() - worker.started)
                self._deal(worker)
            case Beat():
                worker.num_steps = message.num_steps
            case Ask():
                worker.deadline = None
                self._give(self._policy.submit(message))
            case Finished():
                self._finish(worker, message)
            case Refused():
                raise ConfigError(message.reason)
            case Unwritable():
                raise self._unwritable(message.reason)

    def _compare(self, ready: Ready) -> None:
        """Refuses a simulator that would measure something else than one here."""
        found, expected = ready.fingerprint, self._job.fingerprint
        if found is None or found == expected:
            return
        differs = [
            f"{name}: {found.get(name)!r} there, {expected.get(name)!r} here"
            for name in sorted({*found, *expected})
            if found.get(name) != expected.get(name)
        ]
        raise ConfigError(
            "a simulator on another node would measure something else; make the nodes alike and "
            "run the same command to continue\n  " + "\n  ".join(differs)
        )

    def _unwritable(self, reason: str) -> StoreError:
        return StoreError(
            f"{self._job.folder}: cannot be written ({reason}). Every finished episode is safe; "
            "free space and run the same command to continue"
        )

    def _finish(self, worker: _Worker, done: Finished) -> None:
        record, turn = done.record, worker.turn
        is_lost = record.stop is StopReason.POLICY_ERROR and turn is not None
        if is_lost and self._policy.was_interrupted(record.key):
            assert turn is not None
            self._interrupted(worker, turn, record)
        else:
            try:
                for name, content in done.files.items():
                    write_whole(self._job.folder / name, content)
            except OSError as error:
                raise self._unwritable(error.strerror or str(error)) from error
            self._close_turn(worker, record)
        if record.stop is not StopReason.SIMULATOR_ERROR:  # else it exits by itself
            self._deal(worker)

    def _deal(self, worker: _Worker) -> None:
        """Gives a worker the next episode of its simulator, or sends it home.

        A worker keeps its seat until its pipe closes, so that no two simulators share memory
        that was meant for one.
        """
        worker.turn, worker.num_steps = self._schedule.take(worker.simulator), 0
        if worker.turn is None:
            worker.peer.send(Stop())
        else:
            worker.peer.send(Assign(key=worker.turn.key, attempt=worker.turn.attempt))

    def _give(self, answers: list[Answer]) -> None:
        """Passes the policy's answers on to those who asked."""
        asking = {worker.turn.key: worker for worker in self._workers if worker.turn}
        for answer in answers:
            if (worker := asking.get(answer.key)) is not None:
                worker.deadline = monotonic() + self._timeouts.simulator_s
                worker.peer.send(answer)

    def _watch(self) -> None:
        """Ends whoever has been silent for too long."""
        now = monotonic()
        if self._policy.deadline is not None and now > self._policy.deadline:
            self._give(self._policy.expire())
        for worker in list(self._workers):
            if worker.deadline is not None and now > worker.deadline:
                worker.peer.kill(ask_where=True)
                silence = (
                    f"made no control step for {self._timeouts.simulator_s:g} s"
                    if worker.ready
                    else f"was not built within {self._timeouts.construct_s:g} s"
                )
                self._lost(worker, f"{silence} and was killed")

    def _lost(self, worker: _Worker, how: str) -> None:
        """Charges the episode of a worker that is gone."""
        error = f"SimulatorError: the simulator {how}; see logs/{worker.peer.log.name}"
        if worker.turn is not None:
            charged = [worker.turn]
        elif not worker.ready:
            charged = self._schedule.build_failed(worker.simulator)
        else:
            charged = []
        for turn in charged:
            self._close_turn(worker, self._error(worker, turn, error))
        self._leave(worker)

    def _vanished(self, worker: _Worker) -> None:
        """Puts back the episode of a worker whose machine is gone."""
        if not worker.ready:
            self._schedule.build_interrupted(worker.simulator)
        elif (turn := worker.turn) is not None:
            error = "SimulatorError: the machine of the simulator went away again and again"
            self._interrupted(worker, turn, self._error(worker, turn, error))
        self._leave(worker)

    def _interrupted(self, worker: _Worker, turn: Turn, record: EpisodeRecord) -> None:
        """Has an episode run again that lost a machine; records it only if that goes on."""
        if self._schedule.put_back(worker.simulator, turn):
            worker.turn = None
            self._policy.forget(turn.key)
        else:
            self._close_turn(worker, record)

    def _error(self, worker: _Worker, turn: Turn, error: str) -> EpisodeRecord:
        return EpisodeRecord(
            key=turn.key,
            policy=self._job.terms.policy,
            stop=StopReason.SIMULATOR_ERROR,
            num_steps=worker.num_steps,
            error=error,
            attempt=turn.attempt,
        )

    def _leave(self, worker: _Worker) -> None:
        worker.peer.kill()
        self._workers.remove(worker)
        self._schedule.leave(worker.simulator)
        self._place.free(worker.seat)

    def _close_turn(self, worker: _Worker, record: EpisodeRecord) -> None:
        worker.turn = None
        self._policy.forget(record.key)
        self._schedule.finished(record)
        self._record(record)
