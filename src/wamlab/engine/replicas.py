"""The policy, once or several times: which copy plans for which episode.

A copy keeps the memory of its episodes, so an episode stays with the copy that began it. A new
one goes to the copy that has fewest. If the machine of a copy goes away, its episodes are
interrupted: they are told that there is no plan, and whoever runs them starts them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic

from wamlab.core.config import Json
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError
from wamlab.engine.batching import PolicyDesk
from wamlab.engine.messages import Answer, Ask, PolicyReady
from wamlab.engine.places import Peer, Place, Role
from wamlab.engine.timeouts import Timeouts

GONE = "PolicyError: the machine of the policy went away"


class Replicas:
    """One desk for each seat that the place has for a policy.

    Attributes:
        ready: What the policy says about itself; None until a copy is built for the first time.
    """

    def __init__(self, config: Mapping[str, Json], place: Place, timeouts: Timeouts) -> None:
        self._config, self._place, self._timeouts = config, place, timeouts
        self._desks: list[PolicyDesk] = []
        self._desk_of: dict[EpisodeKey, PolicyDesk] = {}
        self._unplaced: dict[EpisodeKey, Ask] = {}  # asked while no copy was ready
        self._interrupted: set[EpisodeKey] = set()
        self.ready: PolicyReady | None = None

    @property
    def peers(self) -> list[Peer]:
        return [desk.peer for desk in self._desks]

    @property
    def deadline(self) -> float | None:
        """When patience with one of them ends, as `time.monotonic`; None if nothing is due."""
        return min((d.deadline for d in self._desks if d.deadline is not None), default=None)

    def await_ready(self) -> PolicyReady:
        """Waits until the first copy is built.

        Raises:
            ConfigError: If the policy refuses its config.
            PolicyError: If its process ends instead, or takes too long.
        """
        while self.ready is None:
            self.fill()
            patience_s = None if self.deadline is None else max(0.0, self.deadline - monotonic())
            for peer in self._place.listen(self.peers, timeout_s=patience_s):
                self.receive(peer)
            self.expire()
        return self.ready

    def fill(self) -> None:
        """Starts a copy wherever there is room."""
        while (seat := self._place.take(Role.POLICY)) is not None:
            self._desks.append(PolicyDesk(self._config, seat, self._timeouts))

    def submit(self, ask: Ask) -> list[Answer]:
        """Takes a request; answers at once if the episode's memory is lost."""
        if ask.key in self._interrupted:
            return [Answer(key=ask.key, error=GONE)]
        desk = self._desk_of.get(ask.key) or self._least_busy()
        if desk is None:
            self._unplaced[ask.key] = ask
            return []
        self._desk_of[ask.key] = desk
        return desk.submit(ask)

    def was_interrupted(self, key: EpisodeKey) -> bool:
        """Whether the machine that held the episode's memory went away."""
        return key in self._interrupted

    def forget(self, key: EpisodeKey) -> None:
        """The episode is over, however it ended."""
        self._interrupted.discard(key)
        self._unplaced.pop(key, None)
        if (desk := self._desk_of.pop(key, None)) is not None:
            desk.forget(key)

    def flush(self) -> None:
        """Hands over everything that waits to every copy that is idle."""
        waiting, self._unplaced = self._unplaced, {}
        for ask in waiting.values():
            self.submit(ask)
        for desk in self._desks:
            desk.flush()

    def receive(self, peer: Peer) -> list[Answer]:
        """Reads one message of one of `peers`.

        Raises:
            ConfigError: If the policy refuses its config, or a copy has other weights.
            PolicyError: If its process died for the third time in a row.
        """
        desk = next(desk for desk in self._desks if desk.peer is peer)
        answers = desk.receive()
        if desk.is_gone:
            return self._gone(desk)
        if desk.ready is not None:
            self._compare(desk.ready)
        return answers

    def expire(self) -> list[Answer]:
        """Ends every copy that has kept everybody waiting for too long.

        Raises:
            PolicyError: If that happened to it for the third time in a row.
        """
        now = monotonic()
        late = [d for d in self._desks if d.deadline is not None and now > d.deadline]
        return [answer for desk in late for answer in desk.expire()]

    def close(self) -> None:
        """Lets all copies end their episodes and exit."""
        for desk in self._desks:
            desk.close(self._place)

    def kill(self) -> None:
        for desk in self._desks:
            desk.kill()

    def _least_busy(self) -> PolicyDesk | None:
        load = {id(desk): 0 for desk in self._desks}
        for desk in self._desk_of.values():
            load[id(desk)] += 1
        ready = [desk for desk in self._desks if desk.ready is not None]
        return min(ready, key=lambda desk: load[id(desk)], default=None)

    def _gone(self, desk: PolicyDesk) -> list[Answer]:
        """Takes leave of a copy; tells the episodes that wait for it, the others when they ask."""
        self._desks.remove(desk)
        self._place.free(desk.seat)
        left = desk.abandon()
        mine = {key for key, other in self._desk_of.items() if other is desk}
        self._desk_of = {key: d for key, d in self._desk_of.items() if d is not desk}
        fresh = {ask.key: ask for ask in left.fresh}
        self._interrupted |= mine - fresh.keys()
        self._unplaced |= fresh
        return [Answer(key=key, error=GONE) for key in left.stranded]

    def _compare(self, ready: PolicyReady) -> None:
        first = self.ready = self.ready or ready
        if (ready.spec, ready.digest) != (first.spec, first.digest):
            raise ConfigError(
                f"policy: one copy is {first.digest}, another {ready.digest}, expected the same "
                "weights on every node; finished episodes are safe"
            )
