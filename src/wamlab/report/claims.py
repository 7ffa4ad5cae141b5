"""Decides the hypotheses of a study by the rules that were fixed before its runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from wamlab.core.hypotheses import Asserted, Hypothesis, StudyDesign
from wamlab.records.registration import Registration
from wamlab.report.causes import Setting, differing
from wamlab.report.claim_rules import ALPHA, asked_alike, confidence_of
from wamlab.report.entries import Entry
from wamlab.report.measured import Evidence, Measured
from wamlab.report.measures import measured
from wamlab.report.selection import Missing, study_of
from wamlab.report.study import Study
from wamlab.stats.multiplicity import holm
from wamlab.stats.verdicts import Claim, Verdict, judge

MIN_SEEDS = 3
"""Training seeds from which on a sentence may be about a method (specification, section 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of one hypothesis.

    Attributes:
        result: The number, or what is missing to have it.
        p_adjusted: Of a claim of a difference: after Holm over its whole family.
        confidence: Of the interval; higher where several claims of one family have a margin.
        num_asked: Claims of the family that are judged in the same way.
        differing: Settings in which the arms differ; None if that is not known.
        first_episode: When the first run of these rows started; None if none is there.
        registered: When the hypothesis was fixed; None if it never was.
    """

    hypothesis: Hypothesis
    result: Measured | Missing
    verdict: Verdict
    p_adjusted: float | None
    confidence: float
    num_asked: int
    differing: tuple[Setting, ...] | None
    first_episode: datetime | None
    registered: datetime | None

    @property
    def is_exploratory(self) -> bool:
        """Whether somebody could have seen an episode before the hypothesis was fixed."""
        if self.registered is None:
            return True
        return self.first_episode is not None and self.first_episode <= self.registered

    @property
    def factor(self) -> Setting | None:
        """The one setting that a difference may be put down to.

        None unless the design is resolved, names a factor, and the arms differ in it alone; in
        a factorial design the effect must also exceed every other one.
        """
        resolved = self.verdict in (Verdict.SUPPORTED, Verdict.NOT_SUPPORTED)
        if not (resolved and self.hypothesis.asserts is Asserted.HIGHER):
            return None
        if isinstance(self.result, Measured) and self.result.is_leading is False:
            return None
        if self.differing is None or len(self.differing) != 1:
            return None
        [setting] = self.differing
        return setting if self.hypothesis.factor == setting.path else None

    @property
    def is_about_method(self) -> bool:
        return self.hypothesis.num_seeds >= MIN_SEEDS


def decide(
    study: Study, registration: Registration, evidence: Evidence | None = None
) -> tuple[Finding, ...]:
    """Every hypothesis with its verdict, in the order of the design.

    Args:
        evidence: What is known beside the records: times of plans.
    """
    design = registration.design
    known = evidence or Evidence()
    results = {
        one.name: measured(study, one, known, confidence=confidence_of(design, one))
        for one in design.hypotheses
    }
    adjusted = _adjusted(design, results)
    return tuple(
        _finding(_rows(study, one), registration, one, results[one.name], adjusted.get(one.name))
        for one in design.hypotheses
    )


def _rows(study: Study, hypothesis: Hypothesis) -> dict[str, Entry]:
    part = study_of(study, hypothesis)
    return {} if part is None else {entry.name: entry for entry in part.entries}


def _finding(
    rows: Mapping[str, Entry],
    registration: Registration,
    hypothesis: Hypothesis,
    result: Measured | Missing,
    p_adjusted: float | None,
) -> Finding:
    design = registration.design
    interval = result if isinstance(result, Measured) else None
    verdict = judge(
        Claim(hypothesis.asserts.value),
        interval,
        margin=hypothesis.margin,
        p_adjusted=p_adjusted if interval is not None else None,
        alpha=ALPHA,
        seeds=() if interval is None else interval.by_seed,
        rerun_sd=design.rerun_sd,
    )
    measured_rows = [rows[name] for name in hypothesis.rows if name in rows]
    is_whole = len(measured_rows) == len(hypothesis.rows)
    return Finding(
        hypothesis=hypothesis,
        result=result,
        verdict=verdict,
        p_adjusted=p_adjusted if interval is not None else None,
        confidence=confidence_of(design, hypothesis),
        num_asked=len(asked_alike(design, hypothesis)),
        differing=differing(rows, hypothesis) if is_whole else None,
        first_episode=_first_episode(measured_rows),
        registered=registration.registered,
    )


def _adjusted(design: StudyDesign, results: Mapping[str, Measured | Missing]) -> dict[str, float]:
    """Name -> p after Holm over all that were registered, also those that were not run.

    Leaving out what was not run would let a study shrink its family after the fact.
    """
    found: dict[str, float] = {}
    for family in dict.fromkeys(one.family for one in design.hypotheses):
        asked = [one for one in design.family(family) if one.asserts is Asserted.HIGHER]
        p_values = [_p_value(results[one.name]) for one in asked]
        for one, p in zip(asked, holm(p_values), strict=True):
            found[one.name] = p
    return found


def _p_value(result: Measured | Missing) -> float:
    return 1.0 if isinstance(result, Missing) or result.p is None else result.p


def _first_episode(entries: list[Entry]) -> datetime | None:
    """The start of the earliest run: no episode of these rows is older."""
    started = [
        datetime.fromisoformat(session.started)
        for entry in entries
        for run in entry.runs
        for session in run.info.sessions
    ]
    return min(started, default=None)
