"""Holds the tables against the records once more, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose

from wamlab.core.episodes import Outcome
from wamlab.core.errors import ContractError
from wamlab.report.layout import stratum
from wamlab.report.study import Study
from wamlab.report.table import Table, Value

Row = Mapping[str, Value]


def check_tables(study: Study, main: Table, tasks: Sequence[Table]) -> None:
    """Counts everything again, by another way than the tables did.

    Raises:
        ContractError: With every number that does not agree with the records.
    """
    found: list[str] = []
    for row in main.records():
        found += _check_row(study, row)
    for table in tasks:
        found += _check_tasks(study, main, table)
    if found:
        raise ContractError(
            "the tables do not agree with the records, so no report was written:\n  "
            + "\n  ".join(found)
        )


def _check_row(study: Study, row: Row) -> list[str]:
    name = row["model"]
    entry = next(entry for entry in study.entries if entry.name == name)
    found = []
    rates = []
    for suite in study.suites:
        outcomes = [r.outcome for key, r in entry.records.items() if stratum(key) == suite]
        successes = outcomes.count(Outcome.SUCCESS)
        episodes = successes + outcomes.count(Outcome.FAILURE)
        if (row[f"{suite}_successes"] or 0, row[f"{suite}_episodes"] or 0) != (successes, episodes):
            found.append(f"{name}, {suite}: the records say {successes} of {episodes}")
        if suite in study.average_of:
            rates.append(row[suite])
    numbers = [rate for rate in rates if isinstance(rate, float)]
    printed = row["average"]
    expected = sum(numbers) / len(numbers) if numbers and len(numbers) == len(rates) else None
    if not _agree(printed, expected):
        found.append(f"{name}: the average is {printed}, its suites say {expected}")
    return found + _check_difference(study, row)


def _check_difference(study: Study, row: Row) -> list[str]:
    """Where both rows have the same episodes, the difference is that of the averages."""
    reference = study.reference
    entry = next(entry for entry in study.entries if entry.name == row["model"])
    if entry is reference or entry.finished.keys() != reference.finished.keys():
        return []
    rates = {}
    for one in (entry, reference):
        means = [
            sum(record.outcome is Outcome.SUCCESS for record in one.suite(suite))
            / len(one.suite(suite))
            for suite in study.average_of
            if one.suite(suite)
        ]
        if len(means) < len(study.average_of):
            return []
        rates[one.name] = sum(means) / len(means)
    expected = rates[entry.name] - rates[reference.name]
    if _agree(row["difference"], expected):
        return []
    return [f"{entry.name}: the difference is {row['difference']}, the averages say {expected}"]


def _check_tasks(study: Study, main: Table, table: Table) -> list[str]:
    """The tasks of a suite add up to the suite."""
    found = []
    suite = next(s for s in study.suites if table.key == f"tasks_{s.replace('/', '_')}")
    for row in main.records():
        for count in ("successes", "episodes"):
            parts = [line[f"{row['model']}_{count}"] or 0 for line in table.records()]
            total = sum(int(part) for part in parts)
            if total != (row[f"{suite}_{count}"] or 0):
                found.append(f"{row['model']}, {suite}: tasks add up to {total} {count}")
    return found


def _agree(printed: Value, expected: float | None) -> bool:
    if printed is None or expected is None:
        return printed is expected
    return isinstance(printed, (int, float)) and isclose(printed, expected, abs_tol=1e-9)
