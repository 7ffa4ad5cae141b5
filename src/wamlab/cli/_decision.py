"""Stops a run once its question is decided: against another run on the same episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, Outcome, in_random_order
from wamlab.core.errors import ConfigError, unknown_name
from wamlab.core.hypotheses import Hypothesis, SequentialDifference
from wamlab.engine.stopping import Stopping
from wamlab.records.registration import Registration, read_registration
from wamlab.records.store import LoadedRun

ALPHA = 0.05
NUM_LOOKS = 10

Records = Mapping[EpisodeKey, EpisodeRecord]


class Question(Protocol):
    """What may end a run.

    Attributes:
        verdict: What was found at the last look; empty before it.
    """

    verdict: str

    def decided(self, records: Records) -> bool: ...


def stopping(question: Question | None, within_s: float | None) -> Stopping:
    """Looks ten times, if there is a question."""
    if question is None:
        return Stopping(within_s=within_s)
    return Stopping(within_s=within_s, num_looks=NUM_LOOKS, decided=question.decided)


class Difference:
    """Whether two policies succeed equally often on the episodes that both are to run.

    For exploring: nobody has said before what would be found.
    """

    def __init__(self, other: LoadedRun, keys: Sequence[EpisodeKey]) -> None:
        """Asks about a finished run.

        Args:
            keys: The episodes of the run that is about to start.

        Raises:
            ConfigError: If the runs share no episode.
        """
        finished = {r.key: r for r in other.records if r.outcome is not Outcome.ERROR}
        self._other = {key: _score(finished[key]) for key in keys if key in finished}
        if not self._other:
            first = next(iter(finished), "missing: it has none")
            raise ConfigError(
                f"--stop-when-decided {other.folder}: shares no finished episode with this run, "
                f"expected some of {len(keys)}; its first is {first}"
            )
        self._order = in_random_order(list(self._other))
        self.verdict = ""

    def decided(self, records: Records) -> bool:
        """Whether the evidence against equal rates has ever reached 1 / alpha.

        Valid however often it is asked: episodes come in random order, without repeating one.
        """
        from wamlab.stats.sequential import PAIRED, e_values

        differences = [
            _score(records[key]) - self._other[key]
            for key in self._order
            if key in records and records[key].outcome is not Outcome.ERROR
        ]
        if not differences:
            return False
        evidence = e_values(differences, 0.0, bounds=PAIRED, population=len(self._order))
        strongest = float(evidence.max())
        mean = 100 * sum(differences) / len(differences)
        self.verdict = (
            f"{mean:+.1f} pp over {len(differences)} of {len(self._order)} shared episodes; "
            f"evidence of a difference {strongest:.3g} ({1 / ALPHA:g} decides)"
        )
        return strongest >= 1 / ALPHA


class Registered:
    """A hypothesis that was registered as one that may be decided early.

    It stops only at what `wamlab report --study` will say too.
    """

    def __init__(
        self, asked: str, other: LoadedRun, keys: Sequence[EpisodeKey], *, name: str
    ) -> None:
        """Reads the hypothesis and checks that these two runs are those that it is about.

        Args:
            asked: File that `wamlab register` wrote, a colon, and the name of the hypothesis.
            keys: The episodes of the run that is about to start.
            name: Its row.

        Raises:
            ConfigError: If there is no such hypothesis, it must not be decided early, it is about
                other rows, or one of both runs would not have all planned episodes.
        """
        self._study, self._hypothesis, self._measure = _registered(asked)
        if {name, other.info.name} != set(self._hypothesis.rows):
            rows = " and ".join(self._hypothesis.rows)
            raise ConfigError(
                f"--question {self._hypothesis.name}: is about {rows}, got {name} and "
                f"{other.info.name} ({other.folder}); name this run with --set name=..."
            )
        self._is_first = name == self._hypothesis.rows[0]
        self._planned = [key for key in keys if key in self._measure.planned]
        self._other = {record.key: record for record in other.records}
        self._check_planned({key for key in self._other if key in self._measure.planned}, other)
        self.verdict = ""

    def _check_planned(self, theirs: set[EpisodeKey], other: LoadedRun) -> None:
        name, num = self._hypothesis.name, self._measure.planned.num_episodes
        if len(self._planned) < num:
            raise ConfigError(
                f"--question {name}: this run has {len(self._planned)} of {num} planned episodes, "
                "expected all of them to be asked for; see --sample, --only and --part"
            )
        if differing := theirs.symmetric_difference(self._planned):
            raise ConfigError(
                f"--question {name}: {other.folder} has {len(theirs)} episodes of its scope and "
                f"this run asks for {len(self._planned)}, {len(differing)} of them in one alone; "
                "expected the same: finish that run, and give this one the same --sample"
            )

    def decided(self, records: Records) -> bool:
        """Whether the claim has its verdict, whatever the rest would bring."""
        from wamlab.report.early import standing
        from wamlab.stats.verdicts import Verdict

        sides = (records, self._other) if self._is_first else (self._other, records)
        found, verdict = standing(self._study.design, self._hypothesis, self._planned, *sides)
        if found is not None:
            self.verdict = (
                f"{self._hypothesis.name}: {str(verdict).replace('_', ' ')}; "
                f"{100 * found.estimate:+.1f} pp [{100 * found.low:+.1f}, {100 * found.high:+.1f}] "
                f"over {found.num_pairs} of {len(self._planned)} planned episodes"
            )
        return verdict not in (Verdict.NOT_RESOLVED, Verdict.NOT_TESTED)


def _registered(asked: str) -> tuple[Registration, Hypothesis, SequentialDifference]:
    file, colon, name = asked.partition(".json:")
    if not colon:
        raise ConfigError(
            f"--question: got {asked!r}, expected FILE.json:NAME, e.g. runs/study.json:H2c/early"
        )
    study = read_registration(Path(f"{file}.json"))
    hypotheses = {one.name: one for one in study.design.hypotheses}
    if name not in hypotheses:
        raise unknown_name("hypothesis", name, tuple(hypotheses))
    hypothesis = hypotheses[name]
    if not isinstance(hypothesis.measure, SequentialDifference):
        raise ConfigError(
            f"--question {name}: was registered for a fixed number of episodes, which decides it; "
            "register a SequentialDifference, before the runs, for one that may be decided early"
        )
    return study, hypothesis, hypothesis.measure


def _score(record: EpisodeRecord) -> float:
    return float(record.outcome is Outcome.SUCCESS)
