"""Which copy of the policy plans for which episode, and what becomes of it if a copy is gone."""

import pytest

from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError
from wamlab.core.specs import PolicySpec
from wamlab.engine.messages import Answer, Answers, Ask, Batch, PolicyReady
from wamlab.engine.replicas import GONE, Replicas
from wamlab.engine.timeouts import Timeouts

SPEC = PolicySpec(cameras=frozenset(), state=(), action=(), horizon=1)
KEYS = [EpisodeKey(benchmark="b", suite="s", task="t", init=init) for init in range(4)]


class FakePeer:
    """A policy that answers when it is told to."""

    log = None

    def __init__(self, digest):
        self.vanished = False
        self.sent = []
        self.says = [PolicyReady(spec=SPEC, digest=digest)]

    def send(self, message):
        self.sent.append(message)

    def receive(self):
        if not self.says:
            raise EOFError
        return self.says.pop(0)

    def epitaph(self):
        return "ended"

    def kill(self, *, ask_where=False):
        self.says = []

    def asked(self):
        """Episodes of the batches that it got."""
        return [ask.key for b in self.sent if isinstance(b, Batch) for ask in b.requests]

    def answer(self):
        batch = self.sent[-1]
        answers = tuple(Answer(key=ask.key, chunk=b"") for ask in batch.requests)
        self.says.append(Answers(answers=answers))


class FakePlace:
    """Seats that are also what sits there; a seat that is freed comes back with a new policy."""

    shared, num_vanished = None, 0

    def __init__(self, *digests):
        self.peers = []
        self.waiting = list(digests)

    def take(self, role):
        return self if self.waiting else None

    def start(self, first):
        self.peers.append(FakePeer(self.waiting.pop(0)))
        return self.peers[-1]

    def free(self, seat):
        self.waiting.append("same")

    def listen(self, peers, timeout_s):
        return [peer for peer in peers if peer.says]


def started(*digests):
    place = FakePlace(*digests)
    copies = Replicas({}, place, Timeouts())
    copies.await_ready()
    for peer in place.listen(copies.peers, timeout_s=0):
        copies.receive(peer)
    return place, copies


def ask(copies, *keys):
    answers = [answer for key in keys for answer in copies.submit(Ask(key=key, request=b""))]
    copies.flush()
    return answers


def test_episodes_are_dealt_evenly_and_stay_where_they_began():
    place, copies = started("same", "same")
    first, second = place.peers

    ask(copies, *KEYS)
    for peer in place.peers:
        peer.answer()
        copies.receive(peer)
    ask(copies, *reversed(KEYS))

    assert sorted(first.asked()) == sorted(2 * [KEYS[0], KEYS[2]])
    assert sorted(second.asked()) == sorted(2 * [KEYS[1], KEYS[3]])


def test_whoever_waits_for_a_copy_that_vanishes_is_told_and_the_others_when_they_ask():
    place, copies = started("same")
    (peer,) = place.peers
    ask(copies, KEYS[0])
    peer.answer()
    copies.receive(peer)
    ask(copies, KEYS[1])

    peer.vanished = True
    told = copies.receive(peer)

    assert told == [Answer(key=KEYS[1], error=GONE)]
    assert ask(copies, KEYS[0]) == [Answer(key=KEYS[0], error=GONE)]
    assert [copies.was_interrupted(key) for key in KEYS[:3]] == [True, True, False]


def test_what_a_vanished_copy_had_not_begun_goes_to_the_next_one():
    place, copies = started("same")
    (peer,) = place.peers
    ask(copies, KEYS[0])
    ask(copies, KEYS[1])  # waits for the first batch

    peer.vanished = True
    copies.receive(peer)
    copies.fill()
    successor = place.peers[-1]
    copies.receive(successor)
    copies.flush()

    assert successor.asked() == [KEYS[1]]
    assert not copies.was_interrupted(KEYS[1])


def test_an_interrupted_episode_begins_anew():
    place, copies = started("same", "same")
    first, second = place.peers
    ask(copies, KEYS[0])
    first.vanished = True
    copies.receive(first)

    copies.forget(KEYS[0])
    ask(copies, KEYS[0])

    assert second.asked() == [KEYS[0]]


def test_copies_with_other_weights_are_refused():
    with pytest.raises(ConfigError, match=r"one copy is same, another other, expected the same"):
        started("same", "other")
