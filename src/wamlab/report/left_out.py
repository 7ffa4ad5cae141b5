"""Episodes that a benchmark has and a run could not run: counted below every table of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wamlab.report.entries import Entry
from wamlab.report.layout import benchmark_label
from wamlab.report.study import Study
from wamlab.report.table import Table
from wamlab.report.texts import Text, say


def left_out(entry: Entry) -> dict[str, int]:
    """What was missing -> how many of the benchmark's episodes no run of this row could run."""
    found: dict[str, set[str]] = {}
    for run in entry.runs:
        for reason, names in run.info.skipped.items():
            found.setdefault(reason, set()).update(names)
    run_elsewhere = {str(key) for key in entry.records}
    counts = {reason: len(names - run_elsewhere) for reason, names in found.items()}
    return {reason: num for reason, num in counts.items() if num}


def with_left_out(table: Table, study: Study | None) -> Table:
    """The table with a line on what its rows do not hold; the same if nothing was left out."""
    if study is None or not table.rows:
        return table
    return replace(table, notes=(*table.notes, *_notes(study)))


def _notes(study: Study) -> tuple[Text, ...]:
    counts = {entry.name: left_out(entry) for entry in study.entries}
    distinct = list(counts.values())
    if all(one == distinct[0] for one in distinct):
        return (_note(study, distinct[0]),) if distinct[0] else ()
    return tuple(_note(study, one, name) for name, one in counts.items() if one)


def _note(study: Study, counts: Mapping[str, int], row: str | None = None) -> Text:
    return say(
        "note_left_out" if row is None else "note_left_out_of",
        n=f"{sum(counts.values()):,}",
        benchmark=benchmark_label(study.benchmark),
        why="; ".join(counts),
        **({} if row is None else {"row": row}),
    )
