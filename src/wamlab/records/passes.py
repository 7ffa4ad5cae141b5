"""First and second passes of a run: what belongs into rates, and what says how well they repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from wamlab.core.episodes import EpisodeRecord, Outcome
from wamlab.records.store import LoadedRun


class Retest(NamedTuple):
    """One episode and its repeat with other random draws; both have an outcome."""

    first: EpisodeRecord
    second: EpisodeRecord


def first_pass(run: LoadedRun) -> LoadedRun:
    """The run with its second passes set apart: what every rate and every pair is made of."""
    info = run.info
    if not info.num_repeats and not any(record.repeats for record in run.records):
        return run
    return replace(
        run,
        info=replace(info, num_episodes=info.num_episodes - info.num_repeats, num_repeats=0),
        records=tuple(record for record in run.records if record.repeats is None),
        second_pass=tuple(record for record in run.records if record.repeats is not None),
    )


def retests(records: Sequence[EpisodeRecord]) -> list[Retest]:
    """The episodes that were run twice, in the order of their second passes."""
    finished = {r.key: r for r in records if r.outcome is not Outcome.ERROR}
    return [
        Retest(finished[record.repeats], record)
        for record in finished.values()
        if record.repeats is not None and record.repeats in finished
    ]
