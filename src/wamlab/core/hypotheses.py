"""What a study claims, fixed before its runs: hypotheses and the rules that decide them.

A recipe returns a `StudyDesign`; `wamlab register` writes it down with the time, and
`wamlab report --study` decides each hypothesis by its rule. docs/claims.md says how.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError
from wamlab.core.failures import category

Arm = tuple[str, ...]
"""Names of rows (`Run.name`): one method, one row for each training seed."""


class Conclusion(StrEnum):
    """The five questions of the report (specification, section 2)."""

    CAPABILITY = "C1"  # standard capability
    ROBUSTNESS = "C2"  # generalisation and where it comes from
    SPEED = "C3"
    GEOMETRY = "C4"  # 3-D ability
    FAILURES = "C5"  # failure modes


class Asserted(StrEnum):
    """What a hypothesis says of its number; decided by `stats.verdicts.judge`."""

    HIGHER = "higher"  # above zero
    NOT_LOWER = "not_lower"  # lower by less than the margin, if at all
    EQUIVALENT = "equivalent"  # within the margin on either side


class Weighting(StrEnum):
    """What counts alike in a mean."""

    SUITES = "suites"
    AXES = "axes"
    EPISODES = "episodes"


class FactorialEffect(StrEnum):
    FIRST = "first"
    SECOND = "second"
    INTERACTION = "interaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The episodes that a hypothesis is about.

    Attributes:
        benchmark: Module name, e.g. "libero".
        suites: Suites, all of which must be measured.
        num_episodes: Episodes planned for each row; with fewer nothing is tested, so that nobody
            stops at a result that pleases.
        axes: Perturbation axes; "none" is the undisturbed episode.
        tasks: Task ids; empty for all tasks of the suites.
    """

    benchmark: str
    suites: tuple[str, ...]
    num_episodes: int
    axes: tuple[str, ...] = ("none",)
    tasks: tuple[str, ...] = ()
    weighting: Weighting = Weighting.SUITES

    def __post_init__(self) -> None:
        for name in ("suites", "axes"):
            if not getattr(self, name):
                raise ConfigError(f"scope {name}: got none, expected at least one")
        if self.num_episodes < 1:
            raise ConfigError(
                f"scope num_episodes: got {self.num_episodes}, expected the episodes planned for "
                "each row, at least 1; wamlab plan-size says how many are needed"
            )

    def __contains__(self, key: EpisodeKey) -> bool:
        return (
            key.benchmark == self.benchmark
            and key.suite in self.suites
            and key.axis in self.axes
            and (not self.tasks or key.task in self.tasks)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessDifference:
    """Success of the first arm minus that of the second, on the same episodes.

    Attributes:
        failure_mode: Count as failures only those of this category (`core.failures.Category`),
            e.g. "timeout"; None for all. Needs labels of two people who agree.
    """

    first: Arm
    second: Arm
    scope: Scope
    failure_mode: str | None = None

    def __post_init__(self) -> None:
        if self.failure_mode is not None:
            category(self.failure_mode)

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self.first, self.second


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialDifference:
    """Success of one row minus another's, decided as soon as the evidence suffices.

    One of the two has run all planned episodes; the other runs them in an order drawn by lot and
    may stop at any time (`wamlab eval --stop-when-decided RUN --question FILE:NAME`). Evidence
    and interval are those that hold however often one looks, so they ask for more episodes than
    `SuccessDifference` where the difference is small, and for fewer where it is large.

    Attributes:
        first: One row; a method's training seeds are no sequence.
        planned: What runs if nothing is decided; each episode counts alike.
    """

    first: Arm
    second: Arm
    planned: Scope

    def __post_init__(self) -> None:
        if self.planned.weighting is not Weighting.EPISODES:
            raise ConfigError(
                f"weighting: got {self.planned.weighting!s}, expected {Weighting.EPISODES!s}: in a "
                "beginning of the episodes no suite or axis has its share yet"
            )
        if len(self.first) > 1:
            raise ConfigError(f"first: got {len(self.first)} rows, expected one")

    @property
    def scope(self) -> Scope:
        return self.planned

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self.first, self.second


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureShares:
    """Of what kinds failures are: shares of categories among the failures of two arms.

    Needs labels of two people who agree. Which of the two questions is asked, is chosen before
    the runs: whether a kind has a larger share, or whether all shares are as good as equal.

    Attributes:
        share_of: The category whose share is larger in the first arm, e.g. "timeout" (asserts
            higher); None for the largest difference of any share (asserts equivalent).
    """

    first: Arm
    second: Arm
    scope: Scope
    share_of: str | None

    def __post_init__(self) -> None:
        if self.share_of is not None:
            category(self.share_of)

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self.first, self.second


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorEffect:
    """An effect in a design of two factors of two levels, averaged over tasks.

    Attributes:
        neither: Arm with both factors at their lower level.
        only_first: Arm with the first factor at its upper level.
        only_second: Arm with the second factor at its upper level.
        both: Arm with both.
        factors: Their names, for sentences, e.g. ("robot pretraining", "imagined video").
    """

    neither: Arm
    only_first: Arm
    only_second: Arm
    both: Arm
    factors: tuple[str, str]
    effect: FactorialEffect
    scope: Scope

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self.neither, self.only_first, self.only_second, self.both


@dataclass(frozen=True, slots=True, kw_only=True)
class GapDifference:
    """How much more the first arm gains on one scope than on another, averaged over tasks."""

    first: Arm
    second: Arm
    scope: Scope
    less_on: Scope

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self.first, self.second


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTrend:
    """How much success falls with a score of the tasks: minus Spearman's rank correlation.

    Attributes:
        scores: Task -> its score, given before the results were seen.
    """

    arm: Arm
    scope: Scope
    scores: Mapping[str, float]

    @property
    def arms(self) -> tuple[Arm, ...]:
        return (self.arm,)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyRatio:
    """Median time of one plan of the first row as a multiple of the second's, on one machine.

    Attributes:
        bound: What the ratio is held against.
        is_upper: Claims at most `bound` instead of more than it.
    """

    first: Arm
    second: Arm
    bound: float = 1.0
    is_upper: bool = False

    def __post_init__(self) -> None:
        if not self.bound > 0:
            raise ConfigError(f"bound: got {self.bound}, expected a ratio above 0")

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self.first, self.second


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """Success of our own run minus a published rate.

    Attributes:
        published: Fraction of 1.
        num_episodes: Episodes that the publication counted.
        source: What is cited: an arXiv id or a repository.
    """

    arm: Arm
    scope: Scope
    published: float
    num_episodes: int
    source: str

    def __post_init__(self) -> None:
        if not 0 <= self.published <= 1:
            raise ConfigError(f"published: got {self.published}, expected a fraction of 1")
        if self.num_episodes < 1:
            raise ConfigError(f"num_episodes: got {self.num_episodes}, expected at least 1")

    @property
    def arms(self) -> tuple[Arm, ...]:
        return (self.arm,)


Measure = (
    SuccessDifference
    | SequentialDifference
    | FailureShares
    | FactorEffect
    | GapDifference
    | ScoreTrend
    | LatencyRatio
    | Reproduction
)
RATES = (SuccessDifference, SequentialDifference, FailureShares, FactorEffect, Reproduction)
"""Measures whose number is a fraction of 1, so that a margin means something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One claim and the rule that decides it.

    Attributes:
        name: How it is called, e.g. "H1a"; two arms of one hypothesis are "H1a/joint", "H1a/IDM".
        family: Questions that are asked together: p-values are adjusted by Holm over all that were
            registered under this name, and intervals for a margin are widened accordingly.
        margin: Largest difference that does not matter, as a fraction of 1.
        factor: The one setting that is meant to differ between the arms, e.g. "card.variant".
            A cause is named only if the records show that nothing else does.
    """

    name: str
    conclusion: Conclusion
    asserts: Asserted
    measure: Measure
    family: str
    margin: float | None = None
    factor: str | None = None

    def __post_init__(self) -> None:
        if self.asserts is not Asserted.HIGHER and self.margin is None:
            raise ConfigError(f"{self.name}: has no margin, expected one for {self.asserts!s}")
        if self.margin is not None and not 0 < self.margin < 1:
            raise ConfigError(f"{self.name}: margin {self.margin}, expected a fraction of 1")
        if self.margin is not None and not isinstance(self.measure, RATES):
            raise ConfigError(f"{self.name}: has a margin, expected none for what is no rate")
        if isinstance(self.measure, Reproduction) and self.asserts is Asserted.HIGHER:
            raise ConfigError(f"{self.name}: asserts higher, expected equivalent or not_lower")
        if isinstance(self.measure, FailureShares):
            wanted = Asserted.HIGHER if self.measure.share_of else Asserted.EQUIVALENT
            if self.asserts is not wanted:
                raise ConfigError(
                    f"{self.name}: asserts {self.asserts!s}, expected {wanted!s}; the share of one "
                    "category (share_of) is higher, or all shares are equivalent"
                )
        arms = self.measure.arms
        sizes = {len(arm) for arm in arms}
        if len(sizes) != 1 or 0 in sizes:
            raise ConfigError(
                f"{self.name}: arms of {sorted(map(len, arms))} rows, expected as many training "
                "seeds in each, at least one"
            )
        rows = list(chain(*arms))
        if twice := [name for name, count in Counter(rows).items() if count > 1]:
            raise ConfigError(f"{self.name}: {twice[0]!r} is there twice, expected each row once")

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of all rows that it is about."""
        return tuple(chain(*self.measure.arms))

    @property
    def num_seeds(self) -> int:
        """Training seeds of each arm."""
        return len(self.measure.arms[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDesign:
    """What a study asks.

    Attributes:
        rerun_sd: Standard deviation of a success rate between passes over the same episodes, as
            a fraction of 1; 0 where a second pass repeats the first exactly.
    """

    name: str
    hypotheses: tuple[Hypothesis, ...]
    rerun_sd: float = 0.0

    def __post_init__(self) -> None:
        if not self.hypotheses:
            raise ConfigError(f"{self.name}: got no hypothesis, expected at least one")
        names = Counter(one.name for one in self.hypotheses)
        if twice := [name for name, count in names.items() if count > 1]:
            raise ConfigError(f"{self.name}: two hypotheses {twice[0]!r}, expected each name once")
        if not self.rerun_sd >= 0:
            raise ConfigError(f"rerun_sd: got {self.rerun_sd}, expected 0 or more")

    def family(self, name: str) -> tuple[Hypothesis, ...]:
        return tuple(one for one in self.hypotheses if one.family == name)
