"""A simulator process: one environment, episode after episode."""

from __future__ import annotations

import pickle
from dataclasses import replace
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamlab.core.config import build, unpack
from wamlab.core.episodes import EpisodeKey, Spent, StopReason
from wamlab.core.errors import ConfigError, ContractError
from wamlab.core.protocols import Benchmark, Env, PlanRequest
from wamlab.core.types import ActionChunk
from wamlab.engine.imagining import Imagining
from wamlab.engine.messages import (
    Answer,
    Ask,
    Assign,
    Beat,
    Finished,
    Ready,
    Refused,
    Unwritable,
    WorkerSetup,
)
from wamlab.engine.rollout import RemoteError, rollout
from wamlab.engine.spending import since_start
from wamlab.records.files import write_whole
from wamlab.records.signals import encode_signals
from wamlab.records.video import encode_mp4

BEAT_S = 0.5  # far below any watchdog's patience, far above the cost of a message


def main(pipe: Connection[Any, Any]) -> None:
    """Runs episodes until the parent says stop or is gone.

    An error while the simulator is built ends the process with its traceback in the log.
    """
    try:
        _serve(pipe, pipe.recv())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone; the episode will be run again


def _serve(pipe: Connection[Any, Any], setup: WorkerSetup) -> None:
    try:
        benchmark: Benchmark = build(unpack(setup.benchmark))
        env = benchmark.make_env(setup.key)
    except ConfigError as error:
        pipe.send(Refused(reason=str(error)))
        return
    unsaid: tuple[Spent, ...] = (since_start("build"),)
    is_here = setup.folder is not None
    pipe.send(Ready(fingerprint=None if is_here else dict(benchmark.fingerprint())))
    while isinstance(message := pipe.recv(), Assign):
        reply = _episode(pipe, setup, benchmark, env, message)
        if isinstance(reply, Finished):
            record = replace(reply.record, spent=(*unsaid, *reply.record.spent))
            reply = replace(reply, record=record)
            unsaid = ()
        pipe.send(reply)
        if not isinstance(reply, Finished) or reply.record.stop is StopReason.SIMULATOR_ERROR:
            return  # a simulator that failed once runs no other episode
    env.close()


def _episode(
    pipe: Connection[Any, Any],
    setup: WorkerSetup,
    benchmark: Benchmark,
    env: Env,
    assigned: Assign,
) -> Finished | Unwritable:
    key = assigned.key
    line = _Line(pipe, key)
    film = _Film(env, setup.video_every)
    control_hz = benchmark.spec.control_hz
    imagining = Imagining(control_hz=control_hz if setup.save_imagined else None)

    def after_step(step: int) -> None:
        line.beat(step)
        film.after_step(step)

    done = rollout(
        env,
        line.plan,
        key,
        setup.terms,
        step_limit=benchmark.step_limit(key),
        attempt=assigned.attempt,
        after_step=after_step,
        imagining=imagining,
    )
    if done.record.stop is not StopReason.SIMULATOR_ERROR:
        film.finish()
    record, files = done.record, {}
    if film.frames:
        video = f"videos/{key.slug}.mp4"
        files[video] = encode_mp4(film.frames, fps=control_hz / setup.video_every)
        record = replace(record, video=video)
    if imagined := imagining.film():
        record = replace(record, imagined=f"imagined/{key.slug}.mp4")
        files[f"imagined/{key.slug}.mp4"] = imagined
    if len(done.signals.state):
        files[f"signals/{key.slug}.npz"] = encode_signals(done.signals)
    if setup.folder is None:
        return Finished(record=record, files=files)
    try:
        for name, content in files.items():
            write_whole(setup.folder / name, content)
    except OSError as error:
        return Unwritable(reason=error.strerror or str(error))
    return Finished(record=record)


class _Line:
    """The worker's line to the parent during one episode.

    If the parent is gone the process ends at once, before it could write another file.
    """

    def __init__(self, pipe: Connection[Any, Any], key: EpisodeKey) -> None:
        self._pipe, self._key = pipe, key
        self._last_beat = monotonic()

    def beat(self, step: int) -> None:
        """Tells now and then that the simulator moves."""
        if (now := monotonic()) - self._last_beat >= BEAT_S:
            self._last_beat = now
            self._send(Beat(num_steps=step))

    def plan(self, request: PlanRequest) -> ActionChunk:
        self._send(Ask(key=self._key, request=pickle.dumps(request, protocol=5)))
        try:
            answer: Answer = self._pipe.recv()
        except (EOFError, OSError):
            raise SystemExit from None
        if answer.chunk is not None:
            chunk: ActionChunk = pickle.loads(answer.chunk)
            return chunk
        if answer.invalid:
            raise ContractError(answer.error)
        raise RemoteError(answer.error)

    def _send(self, message: Ask | Beat) -> None:
        try:
            self._pipe.send(message)
        except OSError:
            raise SystemExit from None


class _Film:
    """Every n-th frame of one episode, and the last one.

    Attributes:
        frames: Images, uint8, shape (height, width, 3); empty if n is 0.
    """

    def __init__(self, env: Env, every: int) -> None:
        self._env, self._every = env, every
        self._last_is_filmed = True
        self.frames: list[NDArray[np.uint8]] = []

    def after_step(self, step: int) -> None:
        self._last_is_filmed = not self._every or step % self._every == 0
        if self._every and self._last_is_filmed:
            self.frames.append(self._env.frame())

    def finish(self) -> None:
        if not self._last_is_filmed:
            self.frames.append(self._env.frame())
