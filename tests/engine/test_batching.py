"""The parent's end of the policy process, with a process that is none."""

from time import sleep

from wamlab.core.episodes import EpisodeKey
from wamlab.engine.batching import PolicyDesk
from wamlab.engine.messages import Answer, Answers, Ask, Batch
from wamlab.engine.timeouts import Timeouts

FIRST, SECOND, THIRD = (
    EpisodeKey(benchmark="b", suite="s", task="t", init=init) for init in range(3)
)
WAIT_S = 0.02


class Seat:
    """Where the process would run; also its pipe."""

    def __init__(self):
        self.sent = []
        self.answers = []

    def start(self, config):
        return self

    def send(self, message):
        self.sent.append(message)

    def receive(self):
        return self.answers.pop(0)


def answered(*keys):
    return Answers(answers=tuple(Answer(key=key, chunk=b"") for key in keys))


def test_a_request_is_told_how_long_it_waited_for_the_policy():
    seat = Seat()
    desk = PolicyDesk({}, seat, Timeouts())
    seat.answers = [answered()]
    desk.receive()  # idle from here on

    desk.submit(Ask(key=FIRST, request=b""))
    desk.flush()
    desk.submit(Ask(key=SECOND, request=b""))
    sleep(WAIT_S)
    desk.submit(Ask(key=THIRD, request=b""))
    desk.flush()  # the policy is busy
    seat.answers = [answered(FIRST)]
    desk.receive()
    desk.flush()

    first, others = (message for message in seat.sent if isinstance(message, Batch))
    [alone] = first.requests
    early, late = others.requests
    assert alone.queued_ms < early.queued_ms
    assert early.queued_ms >= 1e3 * WAIT_S
    assert late.queued_ms < early.queued_ms
