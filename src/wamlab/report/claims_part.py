"""The claims as a part of the report: sentences, their table, and what they could not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from wamlab.core.config import Json
from wamlab.core.hypotheses import SequentialDifference, SuccessDifference
from wamlab.records.registration import Registration
from wamlab.report.claim_questions import asked
from wamlab.report.claim_sentences import (
    interval_text,
    number_text,
    sentence,
    shown_numbers,
    time_text,
    verdict_words,
)
from wamlab.report.claims import Finding, decide
from wamlab.report.document import Fold, Judged, Notes, Section, Verdicts
from wamlab.report.measured import Evidence, Measured
from wamlab.report.numbers import p_value, percent
from wamlab.report.study import Study
from wamlab.report.table import Cell, Column, Table
from wamlab.report.texts import Text, same, say


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsPart:
    """What a report says of the claims of a study."""

    sections: tuple[Section, ...]
    findings: tuple[Finding, ...]
    digest: str
    registered: datetime | None


def claims_part(
    study: Study, registration: Registration, evidence: Evidence | None = None
) -> ClaimsPart:
    """Decides every hypothesis and puts it into words."""
    findings = decide(study, registration, evidence)
    is_exploratory = all(finding.is_exploratory for finding in findings)
    table = claims_table(findings)
    told = Section(
        key="conclusions",
        title=say("section_claims_exploratory" if is_exploratory else "section_claims"),
        lead=_lead(registration),
        blocks=(*_verdicts(findings), Fold(title=table.title, tables=(table,))),
    )
    blind = Section(
        key="conclusions-undetected",
        title=say("section_claims_blind"),
        blocks=(Notes(sentences=tuple(map(_blind, findings))),),
        is_box=True,
    )
    return ClaimsPart(
        sections=(told, blind),
        findings=findings,
        digest=registration.digest,
        registered=registration.registered,
    )


def _lead(registration: Registration) -> Text:
    if registration.registered is None:
        standing = say("claims_never_registered")
    else:
        time = time_text(registration.registered)
        code = registration.code
        standing = say("claims_registered_at", time=time)
        if code is not None and code.commit:
            commit: object = code.commit[:8]
            if code.dirty:
                commit = say("dirty_commit", commit=commit)
            standing = say("claims_at_commit", time=time, commit=commit)
    name = registration.design.name
    return say("claims_lead", name=name, digest=registration.digest, registered=standing)


def _verdicts(findings: Sequence[Finding]) -> tuple[Verdicts, ...]:
    """One block for each conclusion that something was asked of."""
    conclusions = sorted({one.hypothesis.conclusion for one in findings})
    return tuple(
        Verdicts(
            title=say(f"conclusion_{conclusion}"),
            lines=tuple(
                Judged(one.hypothesis.name, one.verdict.value, verdict_words(one), sentence(one))
                for one in findings
                if one.hypothesis.conclusion is conclusion
            ),
        )
        for conclusion in conclusions
    )


def _blind(finding: Finding) -> Text:
    """What this study could not have seen of one claim."""
    name, result = finding.hypothesis.name, finding.result
    if not isinstance(result, Measured):
        return say("claim_blind_untested", name=name)
    if result.detectable is None:
        return say("claim_blind_none", name=name)
    mde = percent(result.detectable)
    return say("claim_blind", name=name, mde=mde, n=f"{result.num_pairs:,}")


def claims_table(findings: Sequence[Finding]) -> Table:
    """One row for each hypothesis, with the numbers that its verdict follows from."""
    return Table(
        key="claims",
        title=say("claims_title"),
        columns=(
            Column(
                label=say("claims_question"),
                fields=(
                    "hypothesis",
                    "conclusion",
                    "asked",
                    "asserts",
                    "margin",
                    "family",
                    "factor",
                ),
                is_number=False,
            ),
            Column(label=say("verdict"), fields=("verdict", "exploratory"), is_number=False),
            Column(
                label=say("claims_number"),
                fields=(
                    *("estimate", "low", "high", "confidence", "unit"),
                    *("shown", "shown_low", "shown_high"),
                    *("without_other_factor", "with_other_factor"),
                ),
            ),
            Column(label=say("claims_n"), fields=("pairs", "unpaired", "training_seeds")),
            Column(label=say("claims_p"), fields=("p", "p_holm", "asked_together")),
            Column(label=say("detectable"), fields=("detectable",), hint=say("pp")),
        ),
        rows=tuple(map(_row, findings)),
        notes=(say("claims_note_rule"), say("claims_note_family"), say("claims_note_interval")),
    )


def _row(finding: Finding) -> tuple[Cell, ...]:
    hypothesis, result = finding.hypothesis, finding.result
    question = asked(hypothesis)
    name = Cell(
        main=same(hypothesis.name),
        lines=(question,),
        values=(
            hypothesis.name, hypothesis.conclusion.value, question.en, hypothesis.asserts.value,
            hypothesis.margin, hypothesis.family, hypothesis.factor,
        ),
    )  # fmt: skip
    exploratory = str(finding.is_exploratory).lower()
    verdict = Cell(main=verdict_words(finding), values=(finding.verdict.value, exploratory))
    if not isinstance(result, Measured):
        nothing = say("words_not_tested")
        return (name, verdict, *(_empty(nothing, size) for size in (10, 3, 3, 1)))
    return (name, verdict, *_numbers(finding, result))


def _numbers(finding: Finding, result: Measured) -> tuple[Cell, ...]:
    limits = (result.estimate, result.low, result.high)
    interval = say(
        "interval_at",
        confidence=f"{100 * finding.confidence:.3g}",
        interval=interval_text(finding, result),
    )
    number = Cell(
        main=number_text(finding, result),
        lines=(interval,),
        values=(
            *limits, finding.confidence, result.unit.value, *shown_numbers(finding, result),
            *(result.apart or (None, None)),
        ),
        query=_query(finding),
    )  # fmt: skip
    num_seeds = finding.hypothesis.num_seeds
    seeds = say("one_training_seed") if num_seeds == 1 else say("num_training_seeds", n=num_seeds)
    lines = [seeds, *([say("left_out", n=result.num_unpaired)] if result.num_unpaired else [])]
    count = Cell(
        main=same(f"{result.num_pairs:,}"),
        lines=tuple(lines),
        values=(result.num_pairs, result.num_unpaired, num_seeds),
    )
    if finding.p_adjusted is None or result.p is None:
        test = _empty(same("\u2013"), 3)
    else:
        test = Cell(
            main=say("p", p=p_value(finding.p_adjusted)),
            values=(result.p, finding.p_adjusted, finding.num_asked),
        )
    if result.detectable is None:
        return number, count, test, _empty(say("not_estimable"), 1)
    seen = Cell(main=same(percent(result.detectable)), values=(result.detectable,))
    return number, count, test, seen


def _query(finding: Finding) -> dict[str, str]:
    """The episodes behind a difference; a link of the page filters by one policy."""
    measure = finding.hypothesis.measure
    if not isinstance(measure, SuccessDifference | SequentialDifference):
        return {}
    suites = measure.scope.suites
    return {"policy": measure.first[0], **({"suite": suites[0]} if len(suites) == 1 else {})}


def _empty(text: Text, num_values: int) -> Cell:
    return Cell(main=text, values=(None,) * num_values, is_absent=True)


def study_json(part: ClaimsPart | None) -> dict[str, Json]:
    """The design, when it was fixed, and every claim with its verdict, for scripts."""
    if part is None:
        return {"study": None, "registered": None, "claims": []}
    time = None if part.registered is None else part.registered.isoformat()
    return {"study": part.digest, "registered": time, "claims": _claims_json(part)}


def _claims_json(part: ClaimsPart) -> list[Json]:
    return [
        {
            "name": finding.hypothesis.name,
            "conclusion": finding.hypothesis.conclusion.value,
            "verdict": finding.verdict.value,
            "exploratory": finding.is_exploratory,
            "cause": None if finding.factor is None else finding.factor.path,
            "asked": asked(finding.hypothesis).en,
            "sentence": sentence(finding).en,
            "sentence_zh": sentence(finding).zh,
        }
        for finding in part.findings
    ]
