"""The policy process: one policy, plans for whoever asks."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any

from wamlab.core.config import build, digest, digest_wherever, unpack
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError, ContractError, SpecError
from wamlab.core.protocols import DescribesModel, PlanRequest, Policy
from wamlab.core.types import FORWARD, QUEUED, ActionChunk
from wamlab.engine.messages import Answer, Answers, Batch, PolicyReady, Refused


def main(pipe: Connection[Any, Any]) -> None:
    """Plans until the parent says stop or is gone.

    An error while the policy is built ends the process with its traceback in the log.
    """
    try:
        _serve(pipe, pipe.recv())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone


def policy_digest(config: object, policy: Policy) -> str:
    """Names a policy by its config and, if it has any, its weights (`policy.weights`).

    Weights name what was loaded by content; from where does not count then, so that a copy of a
    checkpoint is the same policy.
    """
    weights = getattr(policy, "weights", None)
    if weights is None:
        return digest(config)
    return sha256(f"{digest_wherever(config)}#{weights}".encode()).hexdigest()[:12]


def _serve(pipe: Connection[Any, Any], packed: object) -> None:
    try:
        config = unpack(packed)
        policy: Policy = build(config)
    except (ConfigError, SpecError) as error:
        pipe.send(Refused(reason=str(error)))
        return
    facts = policy.facts if isinstance(policy, DescribesModel) else {}
    pipe.send(
        PolicyReady(spec=policy.spec, digest=policy_digest(config, policy), facts=dict(facts))
    )
    desk = Planner(policy)
    while isinstance(batch := pipe.recv(), Batch):
        pipe.send(Answers(answers=tuple(desk.work(batch))))


class Planner:
    """Keeps begin, plan and end in order."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._begun: set[EpisodeKey] = set()

    def work(self, batch: Batch) -> list[Answer]:
        for key in batch.ended:
            if key in self._begun:
                self._begun.remove(key)
                self._policy.end(key)
        failed: dict[EpisodeKey, Answer] = {}
        for key in batch.begun:
            if (answer := self._begin(key)) is not None:
                failed[key] = answer
        asks = [ask for ask in batch.requests if ask.key not in failed]
        queued_ms = {ask.key: ask.queued_ms for ask in asks}
        planned = iter(self._plan([pickle.loads(ask.request) for ask in asks], queued_ms))
        return [failed[ask.key] if ask.key in failed else next(planned) for ask in batch.requests]

    def _begin(self, key: EpisodeKey) -> Answer | None:
        try:
            self._policy.begin(key)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this episode alone
            return _failed(key, error)
        self._begun.add(key)
        return None

    def _plan(
        self, requests: Sequence[PlanRequest], queued_ms: Mapping[EpisodeKey, float]
    ) -> list[Answer]:
        """Plans all at once; if that fails, one by one, so that only the guilty one pays."""
        if not requests:
            return []
        start = perf_counter()
        try:
            chunks = self._policy.plan(requests)
            forward_ms = (perf_counter() - start) * 1e3
            _check(chunks, len(requests))
        except Exception as error:  # noqa: BLE001 - becomes the record of the episode at fault
            if len(requests) == 1:
                return [_failed(requests[0].key, error)]
            return [answer for request in requests for answer in self._plan([request], queued_ms)]
        spans_ms = [{FORWARD: forward_ms, QUEUED: queued_ms[request.key]} for request in requests]
        return [
            Answer(key=request.key, chunk=pickle.dumps(_timed(chunk, spans), protocol=5))
            for request, chunk, spans in zip(requests, chunks, spans_ms, strict=True)
        ]


def _timed(chunk: ActionChunk, spans_ms: Mapping[str, float]) -> ActionChunk:
    return replace(chunk, spans_ms={**chunk.spans_ms, **spans_ms})


def _check(chunks: object, num_requests: int) -> None:
    is_list = isinstance(chunks, list) and all(isinstance(chunk, ActionChunk) for chunk in chunks)
    if not is_list or len(chunks) != num_requests:  # type: ignore[arg-type]  # it is a list
        found = f"{len(chunks)} chunks" if isinstance(chunks, list) else type(chunks).__name__
        raise ContractError(f"plan returned {found}, expected a list of {num_requests} ActionChunk")


def _failed(key: EpisodeKey, error: Exception) -> Answer:
    if isinstance(error, ContractError):
        return Answer(key=key, error=str(error), invalid=True)
    return Answer(key=key, error=f"{type(error).__name__}: {error}")
