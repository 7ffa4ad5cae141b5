"""Which of a benchmark's episodes to run: a stratified sample, undisturbed twins, repeats.

Every choice is a function of the benchmark's list of episodes and of the numbers asked for, so
that all policies run the same episodes. A smaller sample is part of every larger one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from wamlab.core.episodes import SECOND_PASS, EpisodeKey, in_random_order, lot
from wamlab.core.errors import ConfigError, ContractError
from wamlab.core.protocols import Benchmark, Disturbs
from wamlab.engine.schedule import Simulators, simulators_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is asked for of a benchmark.

    Attributes:
        only: Shell pattern on episode names; None for all.
        sample: Share of the episodes, above 0; every suite, axis and level keeps its share.
        twins: Add the undisturbed twin of each episode, once.
        second_pass: Share of the sample that is run once more with other random draws.
        part: Which of how many machines runs, counted from 1; what is asked for stays the whole.
    """

    only: str | None = None
    sample: float = 1.0
    twins: bool = False
    second_pass: float = 0.0
    part: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        if not 0 < self.sample <= 1:
            raise ConfigError(
                f"sample: got {100 * self.sample:g} %, expected more than 0 and at most 100 %"
            )
        if not 0 <= self.second_pass <= 1:
            raise ConfigError(f"second_pass: got {100 * self.second_pass:g} %, expected 0 to 100 %")
        index, count = self.part
        if not 1 <= index <= count:
            raise ConfigError(f"part: got {index}/{count}, expected 1/{count} to {count}/{count}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The episodes of a run.

    Attributes:
        keys: To run now: what the pattern lets through, of this machine's part.
        repeats: Second pass -> the episode that it repeats.
        num_asked: Episodes without the pattern, of all parts.
        num_repeats: Of those, second passes.
    """

    keys: Sequence[EpisodeKey]
    repeats: dict[EpisodeKey, EpisodeKey] = field(default_factory=dict)
    num_asked: int
    num_repeats: int = 0


def choose(benchmark: Benchmark, selection: Selection) -> Chosen:
    """The episodes asked for, in the benchmark's order; twins follow, then second passes.

    Raises:
        ConfigError: If there is none, or the benchmark has no twins although they are asked for.
        ContractError: If the benchmark names an episode twice, or with a seed that is kept for
            second passes.
    """
    all_keys = benchmark.episodes()
    if len(set(all_keys)) != len(all_keys):
        raise ContractError("the benchmark names an episode twice; see its episodes()")
    keys = list(all_keys)
    if selection.sample < 1 or selection.second_pass:
        order = stratified(all_keys, benchmark)
        num = share_of(len(all_keys), selection.sample)
        first, again = set(order[:num]), order[: share_of(num, selection.second_pass)]
        keys = [key for key in all_keys if key in first]
    else:
        again = []
    if selection.twins:
        known = set(keys)
        keys += [key for key in twins_of(benchmark, keys) if key not in known]
    repeats = {key.second_pass: key for key in again}
    if any(key.seed >= SECOND_PASS for key in keys) and repeats:
        raise ContractError(
            f"seeds of {SECOND_PASS} and more name second passes; expected the benchmark to ask "
            "for smaller ones"
        )
    asked = [*keys, *repeats]
    shown = _matching(asked, selection.only)
    if selection.part != (1, 1):
        shown = part_of(shown, selection.part, simulators_of(benchmark))
    return Chosen(keys=shown, repeats=repeats, num_asked=len(asked), num_repeats=len(repeats))


def stratified(keys: Sequence[EpisodeKey], benchmark: Benchmark) -> list[EpisodeKey]:
    """All episodes in an order of which every beginning has each stratum in proportion.

    Strata are suite, axis and level; within each, tasks (of the twin, where there is one) come
    in proportion too. The places are those of Webster's apportionment: in a beginning that is a
    share p of the list, a stratum of n episodes has n p of them, rounded. (Largest remainders can
    take an episode away from a stratum when the sample grows, so that samples would not nest.)
    """
    twin = benchmark.twin if isinstance(benchmark, Disturbs) else None

    def task(key: EpisodeKey) -> Hashable:
        return key.task if twin is None else twin(key).task

    return _merged(keys, [lambda key: (key.suite, key.axis, key.severity), task])


def twins_of(benchmark: Benchmark, keys: Sequence[EpisodeKey]) -> list[EpisodeKey]:
    """The undisturbed twin of each episode, each once.

    Raises:
        ConfigError: If the benchmark disturbs no other one.
    """
    if not isinstance(benchmark, Disturbs):
        raise ConfigError("twins: these episodes are not disturbed and have none; leave it out")
    return list(dict.fromkeys(benchmark.twin(key) for key in keys))


def part_of(
    keys: Sequence[EpisodeKey], part: tuple[int, int], simulator: Simulators
) -> list[EpisodeKey]:
    """One machine's share: as many as the others', and few simulators, which cost seconds each.

    Episodes of one simulator stay together, in bundles of an eighth of a share at most; the largest
    bundle goes to the machine that has least.

    Raises:
        ConfigError: If there are fewer episodes than machines.
    """
    index, count = part
    if len(keys) < count:
        raise ConfigError(f"part: got {count} parts of {len(keys)} episodes, expected fewer")
    together: dict[str, list[EpisodeKey]] = {}
    for key in keys:
        together.setdefault(simulator(key), []).append(key)
    size = max(1, len(keys) // (8 * count))
    bundles = [
        group[first : first + size]
        for group in together.values()
        for first in range(0, len(group), size)
    ]
    loads, chosen = [0] * count, set[EpisodeKey]()
    for bundle in sorted(bundles, key=lambda one: (-len(one), lot(one[0]))):
        least = loads.index(min(loads))
        loads[least] += len(bundle)
        if least == index - 1:
            chosen.update(bundle)
    return [key for key in keys if key in chosen]


def share_of(num: int, share: float) -> int:
    """That share of a number of episodes, rounded to the nearest, half up, but not to nothing."""
    return max(1, int(num * share + 0.5)) if share > 0 else 0


_Stratum = Callable[[EpisodeKey], Hashable]


def _merged(keys: Sequence[EpisodeKey], strata: Sequence[_Stratum]) -> list[EpisodeKey]:
    """Orders each stratum by the next kind of strata, and shuffles all into one another."""
    if not strata:
        return in_random_order(keys)
    groups: dict[Hashable, list[EpisodeKey]] = {}
    for key in keys:
        groups.setdefault(strata[0](key), []).append(key)
    placed = [
        ((index + 0.5) / len(group), lot(key), key)
        for group in groups.values()
        for index, key in enumerate(_merged(group, strata[1:]))
    ]
    return [key for _, _, key in sorted(placed)]


def _matching(keys: Sequence[EpisodeKey], pattern: str | None) -> list[EpisodeKey]:
    chosen = [key for key in keys if pattern is None or fnmatchcase(str(key), pattern)]
    if not chosen:
        raise ConfigError(
            f"--only {pattern}: matches none of {len(keys)} episodes; they are called e.g. "
            f"{keys[0] if keys else 'nothing: the benchmark names none'}"
        )
    return chosen
