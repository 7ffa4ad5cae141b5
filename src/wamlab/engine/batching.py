"""The parent's end of the policy process: gathers requests of many workers into one batch.

Whenever the policy is idle it gets everything that waits. If its process dies or hangs, every
episode that it remembered is charged a policy error, and a fresh process takes over. If its
machine goes away nobody is charged, and no process takes over here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import monotonic
from typing import NamedTuple

from wamlab.core.config import Json
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError, PolicyError
from wamlab.engine.messages import Answer, Answers, Ask, Batch, PolicyReady, Refused, Stop
from wamlab.engine.places import Peer, Place, Seat
from wamlab.engine.timeouts import Timeouts

MAX_LOSSES = 3  # in a row, without one plan between them


class Abandoned(NamedTuple):
    """What a policy leaves whose machine went away.

    Attributes:
        fresh: Requests of episodes that it had not begun; another copy may plan for them.
        stranded: Other episodes that wait for its answer.
    """

    fresh: list[Ask]
    stranded: list[EpisodeKey]


class PolicyDesk:
    """Starts the policy, feeds it, watches it.

    Attributes:
        seat: Where its process runs.
        ready: What the policy said about itself; None until it is built for the first time.
        is_gone: Whether its machine went away.
    """

    def __init__(self, config: Mapping[str, Json], seat: Seat, timeouts: Timeouts) -> None:
        self._config, self.seat, self._timeouts = config, seat, timeouts
        self._waiting: dict[EpisodeKey, Ask] = {}  # not sent yet
        self._since: dict[EpisodeKey, float] = {}  # when that began, as `time.monotonic`
        self._asked: set[EpisodeKey] = set()  # being planned
        self._known: set[EpisodeKey] = set()  # begun in the process that runs now
        self._forgotten: dict[EpisodeKey, str] = {}  # begun in a process that is gone; how it went
        self._ended: list[EpisodeKey] = []  # to be told
        self._losses: list[str] = []
        self._deadline: float | None = None
        self.ready: PolicyReady | None = None
        self.is_gone = False
        self._start()

    @property
    def peer(self) -> Peer:
        return self._peer

    @property
    def deadline(self) -> float | None:
        """When patience ends, as `time.monotonic`; None while nothing is asked of the policy."""
        return self._deadline

    def submit(self, ask: Ask) -> list[Answer]:
        """Takes a request; answers at once if the policy has lost the episode's memory."""
        if ask.key in self._forgotten:
            return [Answer(key=ask.key, error=self._forgotten[ask.key])]
        self._waiting[ask.key] = ask
        self._since[ask.key] = monotonic()
        return []

    def forget(self, key: EpisodeKey) -> None:
        """The episode is over, however it ended."""
        self._waiting.pop(key, None)
        self._since.pop(key, None)
        self._asked.discard(key)
        self._forgotten.pop(key, None)
        if key in self._known:
            self._known.remove(key)
            self._ended.append(key)

    def abandon(self) -> Abandoned:
        """Gives up all requests."""
        stranded = self._asked | (self._waiting.keys() & self._known)
        fresh = [ask for key, ask in self._waiting.items() if key not in stranded]
        return Abandoned(fresh, sorted(stranded))

    def flush(self) -> None:
        """Hands over everything that waits, if the policy is idle."""
        if self._busy or not (self._waiting or self._ended):
            return
        now = monotonic()
        requests = tuple(
            replace(ask, queued_ms=(now - self._since[key]) * 1e3)
            for key, ask in self._waiting.items()
        )
        begun = tuple(ask.key for ask in requests if ask.key not in self._known)
        batch = Batch(ended=tuple(self._ended), begun=begun, requests=requests)
        self._known.update(begun)
        self._asked.update(self._waiting)
        self._waiting, self._ended = {}, []
        self._expect("answer", self._timeouts.plan_s)
        self._peer.send(batch)  # if the process is gone, its pipe says so next

    def receive(self) -> list[Answer]:
        """Reads one message; call it when there is one.

        Raises:
            ConfigError: If the policy refuses its config.
            PolicyError: If its process died for the third time in a row.
        """
        try:
            message = self._peer.receive()
        except EOFError:
            if self._peer.vanished:
                self.is_gone = True
                return []
            return self._lost(self._peer.epitaph())
        self._busy, self._deadline = False, None
        match message:
            case PolicyReady():
                self.ready = message
                return []
            case Refused():
                raise ConfigError(message.reason)
            case Answers():
                return self._answers(message)
            case _:
                raise TypeError(f"got {message!r} from the policy process")

    def expire(self) -> list[Answer]:
        """Ends a process that has kept everybody waiting for too long.

        Raises:
            PolicyError: If that happened for the third time in a row.
        """
        self._peer.kill(ask_where=True)
        return self._lost(f"did not {self._task} and was killed")

    def close(self, place: Place) -> None:
        """Lets the policy end its episodes and exit."""
        self._await_idle(place)
        self.flush()
        self._await_idle(place)
        self._peer.send(Stop())
        self._peer.wait()

    def kill(self) -> None:
        self._peer.kill()

    def _start(self) -> None:
        self._peer = self.seat.start(self._config)
        self._expect("start", self._timeouts.construct_s)

    def _await_idle(self, place: Place) -> None:
        deadline = monotonic() + self._timeouts.plan_s
        while self._busy and (self._known or self._ended) and monotonic() < deadline:
            for peer in place.listen([self._peer], timeout_s=max(0.0, deadline - monotonic())):
                try:
                    self._busy = not isinstance(peer.receive(), Answers)
                except EOFError:
                    self._busy = False

    def _expect(self, task: str, within_s: float) -> None:
        self._task = f"{task} within {within_s:g} s"
        self._busy, self._deadline = True, monotonic() + within_s

    def _answers(self, message: Answers) -> list[Answer]:
        answers = [answer for answer in message.answers if answer.key in self._asked]
        self._asked.clear()
        if any(answer.chunk is not None for answer in answers):
            self._losses.clear()
        return answers

    def _lost(self, how: str) -> list[Answer]:
        """Charges the episodes that the process remembered and starts another one."""
        self._peer.kill()
        self._losses.append(how)
        log = self._peer.log
        if len(self._losses) >= MAX_LOSSES or self.ready is None:
            times = f" ({len(self._losses)} times in a row)" if len(self._losses) > 1 else ""
            raise PolicyError(
                f"the policy process {how}{times}; see {log}. Finished episodes are safe: mend the "
                "policy and run the same command to continue"
            )
        reason = f"PolicyError: the policy process {how}; see logs/{log.name}"
        guilty = self._asked | (self._waiting.keys() & self._known)
        self._forgotten |= dict.fromkeys(self._known - guilty, reason)
        self._waiting = {key: ask for key, ask in self._waiting.items() if key not in guilty}
        self._asked, self._known, self._ended = set(), set(), []
        self._start()
        return [Answer(key=key, error=reason) for key in sorted(guilty)]
