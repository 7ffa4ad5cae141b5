"""When a run ends before all of its episodes have run: out of time, or its question is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, in_random_order
from wamlab.core.errors import ConfigError

Decided = Callable[[Mapping[EpisodeKey, EpisodeRecord]], bool]
"""Asked after each part, with everything that the run folder holds."""


def never(records: Mapping[EpisodeKey, EpisodeRecord]) -> bool:
    """Runs to the end."""
    del records
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """What ends a run early.

    Attributes:
        within_s: Wall time; episodes that are in flight at its end leave no record.
        num_looks: Parts that are run one after another, each whole before `decided` is asked.
            Which episodes make a part is drawn by lot, so that successes, which end sooner, are
            not looked at sooner.
        decided: Whether to stop after a part.
    """

    within_s: float | None = None
    num_looks: int = 1
    decided: Decided = never

    def __post_init__(self) -> None:
        if self.within_s is not None and self.within_s <= 0:
            raise ConfigError(f"within_s: got {self.within_s:g}, expected more than 0")
        if self.num_looks < 1:
            raise ConfigError(f"num_looks: got {self.num_looks}, expected at least 1")

    def parts(self, keys: Sequence[EpisodeKey]) -> list[Sequence[EpisodeKey]]:
        """The episodes in as many parts as there are looks, of nearly the same size."""
        if self.num_looks == 1:
            return [keys]
        order, num = in_random_order(keys), min(self.num_looks, len(keys))
        ends = [round(len(order) * part / num) for part in range(num + 1)]
        return [order[start:end] for start, end in pairwise(ends)]
