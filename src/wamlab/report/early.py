"""Claims that may be decided before all planned episodes have run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, Outcome, in_random_order
from wamlab.core.hypotheses import Hypothesis, SequentialDifference, StudyDesign
from wamlab.report.claim_rules import ALPHA, asked_alike, confidence_of
from wamlab.report.entries import Entry
from wamlab.report.estimates import succeeded
from wamlab.report.measured import Measured
from wamlab.report.selection import Missing, needed, scope_words
from wamlab.report.texts import say
from wamlab.stats.sequential import paired_so_far
from wamlab.stats.verdicts import Claim, Verdict, judge

Records = Mapping[EpisodeKey, EpisodeRecord]


def beginning(planned: Iterable[EpisodeKey], *sides: Records) -> list[EpisodeKey]:
    """Planned episodes in the order of their lots, up to the first that a side has no record of.

    What runs beside others and ends sooner is not looked at sooner. Errors are left out.
    """
    found = []
    for key in in_random_order(planned):
        records = [side[key] for side in sides if key in side]
        if len(records) < len(sides):
            break
        if all(record.outcome is not Outcome.ERROR for record in records):
            found.append(key)
    return found


def so_far(
    planned: Iterable[EpisodeKey], first: Records, second: Records, confidence: float
) -> Measured | None:
    """First minus second, however often one has looked; None before the first episode."""
    keys = beginning(planned, first, second)
    if not keys:
        return None
    found = paired_so_far(
        [float(succeeded(first[key])) - float(succeeded(second[key])) for key in keys],
        alpha=1 - confidence,
    )
    return Measured(*found, len(keys), (found.estimate,), holds_for_new_tasks=False)


def standing(
    design: StudyDesign,
    hypothesis: Hypothesis,
    planned: Iterable[EpisodeKey],
    first: Records,
    second: Records,
) -> tuple[Measured | None, Verdict]:
    """What a run may stop at: the verdict that no other claim of the family can take back.

    Its p-value is adjusted as if all others of the family found nothing (Bonferroni), which is
    the most that Holm can ask for when the report is written.
    """
    found = so_far(planned, first, second, confidence_of(design, hypothesis))
    num_asked = len(asked_alike(design, hypothesis))
    adjusted = None if found is None or found.p is None else min(1.0, num_asked * found.p)
    verdict = judge(
        Claim(hypothesis.asserts.value),
        found,
        margin=hypothesis.margin,
        p_adjusted=adjusted,
        alpha=ALPHA,
        seeds=() if found is None else found.by_seed,
        rerun_sd=design.rerun_sd,
    )
    return found, verdict


def measured_early(
    rows: Mapping[str, Entry],
    hypothesis: Hypothesis,
    measure: SequentialDifference,
    confidence: float,
) -> Measured | Missing:
    """The difference on the beginning that both have run; the fuller row says what was planned."""
    first, second = (rows[name] for name in hypothesis.rows)
    sides = [
        {k: r for k, r in row.records.items() if k in measure.scope} for row in (first, second)
    ]
    fuller = max(sides, key=len)
    if len(fuller) < measure.scope.num_episodes:
        why = say(
            "claim_none_whole",
            first=first.name,
            second=second.name,
            found=f"{len(fuller):,}",
            planned=f"{measure.scope.num_episodes:,}",
            scope=scope_words(measure.scope),
        )
        return Missing(why, needed(hypothesis))
    planned = [key for key in fuller if key.knows_init]
    found = so_far(planned, first.records, second.records, confidence)
    if found is None:
        why = say("claim_no_pairs", first=first.name, second=second.name)
        return Missing(why, needed(hypothesis))
    return found
