import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from time import sleep

import numpy as np

from wamlab.core.episodes import EpisodeKey
from wamlab.core.protocols import PlanRequest
from wamlab.core.types import FORWARD, QUEUED, ActionChunk, Observation
from wamlab.engine.messages import Ask, Batch
from wamlab.engine.planner import Planner, policy_digest
from wamlab.policies.seek import SeekPolicy

KEYS = [EpisodeKey(benchmark="b", suite="s", task="t", init=init) for init in range(3)]
CHUNK = ActionChunk(actions=np.zeros((8, 2), np.float32))


def ask(key):
    observation = Observation(images={}, state=np.zeros(2, np.float32), instruction="x", step=0)
    request = PlanRequest(key=key, observations=(observation,), executed=())
    return Ask(key=key, request=pickle.dumps(request))


def batch(*keys, ended=()):
    return Batch(ended=tuple(ended), begun=keys, requests=tuple(map(ask, keys)))


class Diary:
    """A policy that notes its calls; a test changes one of them."""

    def __init__(self):
        self.calls = []

    def begin(self, key):
        self.calls.append(("begin", key.init))

    def plan(self, requests):
        self.calls.append(("plan", [request.key.init for request in requests]))
        return [CHUNK for _ in requests]

    def end(self, key):
        self.calls.append(("end", key.init))


def test_ended_episodes_are_forgotten_before_others_begin():
    policy = Diary()
    planner = Planner(policy)

    planner.work(batch(KEYS[0]))
    planner.work(batch(KEYS[1], ended=[KEYS[0]]))

    assert policy.calls[2:] == [("end", 0), ("begin", 1), ("plan", [1])]


def test_an_episode_that_did_not_begin_fails_alone_and_has_no_end():
    class Full(Diary):
        def begin(self, key):
            if key == KEYS[1]:
                raise MemoryError("no room")
            super().begin(key)

    policy = Full()
    planner = Planner(policy)

    answers = planner.work(batch(*KEYS))
    planner.work(batch(ended=KEYS))

    assert [answer.error for answer in answers] == ["", "MemoryError: no room", ""]
    assert policy.calls[-2:] == [("end", 0), ("end", 2)]


def test_a_batch_that_fails_is_planned_one_by_one():
    class Picky(Diary):
        def plan(self, requests):
            if KEYS[2] in {request.key for request in requests}:
                raise ValueError("not that one")
            return super().plan(requests)

    policy = Picky()

    answers = Planner(policy).work(batch(*KEYS))

    assert [answer.error for answer in answers] == ["", "", "ValueError: not that one"]
    assert [call for call in policy.calls if call[0] == "plan"] == [("plan", [0]), ("plan", [1])]


def test_too_few_chunks_are_the_policys_failure():
    class Lazy(Diary):
        def plan(self, requests):
            return []

    answers = Planner(Lazy()).work(batch(*KEYS))

    assert [answer.invalid for answer in answers] == [True] * 3
    assert answers[0].error == "plan returned 0 chunks, expected a list of 1 ActionChunk"


def test_an_answer_says_how_long_its_request_waited_and_how_long_the_call_took():
    class Slow(Diary):
        def plan(self, requests):
            sleep(0.02)
            return super().plan(requests)

    asked = batch(*KEYS)
    late = tuple(replace(one, queued_ms=10.0 * one.key.init) for one in asked.requests)

    answers = Planner(Slow()).work(replace(asked, requests=late))

    spans = [pickle.loads(answer.chunk).spans_ms for answer in answers]
    assert [found[QUEUED] for found in spans] == [0.0, 10.0, 20.0]
    assert len({found[FORWARD] for found in spans}) == 1
    assert spans[0][FORWARD] >= 20


def test_other_weights_are_another_policy():
    config = SeekPolicy.Config()
    plain, loaded = SeekPolicy(config), SeekPolicy(config)
    loaded.weights = "sha256 of a checkpoint"

    assert policy_digest(config, plain) != policy_digest(config, loaded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    checkpoint: Path
    text: Path | None = None
    steps: int = 10


def test_from_where_weights_came_does_not_name_a_policy():
    loaded = Diary()
    loaded.weights = "sha256 of a checkpoint"
    names = [
        policy_digest(settings, loaded)
        for settings in (
            Settings(checkpoint=Path("runs/joint")),
            Settings(checkpoint=Path("shipped/joint"), text=Path("shipped/text")),
            Settings(checkpoint=Path("runs/joint"), steps=4),
        )
    ]

    assert names[0] == names[1] != names[2]


def test_without_weights_a_path_names_a_policy():
    places = [Settings(checkpoint=Path(place)) for place in ("a", "b")]

    assert len({policy_digest(place, Diary()) for place in places}) == 2
