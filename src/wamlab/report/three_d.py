"""Table 7 of the report: 3-D supervision on the axes of LIBERO-Plus."""

from __future__ import annotations

from collections.abc import Sequence

from wamlab.report.cells import RATE_FIELDS, absent, fields, rate_cell, suite_cell
from wamlab.report.entries import Entry
from wamlab.report.estimates import is_complete, pooled
from wamlab.report.plus import AXIS_NAMES, PLUS
from wamlab.report.study import Study
from wamlab.report.table import Cell, Column, Role, Table
from wamlab.report.tables import MIXED_FLAG
from wamlab.report.texts import same, say

ORDER = ("camera", "robot", "light", "language", "background", "noise", "layout")
"""Columns in the order of report v0.2, then those that it lacked."""
FACT, THREE_D = "supervision", "3-D"
"""What a policy says of its training (`DescribesModel.facts`), and what makes a row of one."""


def table_7(study: Study) -> Table:
    """One row for each arm; none unless one of them was trained with 3-D supervision."""
    plus = study.on(PLUS)
    arms = () if plus is None else _arms(plus)
    return Table(
        key="table7",
        title=say("table7_title"),
        columns=(
            Column(label=say("method"), fields=("method", "policy", FACT), is_number=False,
                   role=Role.NAME),
            *(
                Column(label=say("short_background" if axis == "background" else f"axis_{axis}"),
                       fields=fields(axis), hint=say("pct"), role=Role.RATE)
                for axis in ORDER
            ),
            Column(label=say("total_weighted"), fields=fields("total_weighted"), hint=say("pct"),
                   role=Role.AVERAGE, of=ORDER,
                   weights=tuple(f"{axis}_episodes" for axis in ORDER)),
        ),
        rows=tuple(_row(entry) for entry in arms),
        missing=None if arms else say("why_table7"),
        notes=(say("note_supervision"), say("note_total_tasks")) if arms else (),
        flag=MIXED_FLAG if plus is not None and plus.is_mixed and arms else "",
    )  # fmt: skip


def supervision(entry: Entry) -> str | None:
    """What a row's training was supervised with beside actions and video; None if unknown."""
    return entry.runs[0].info.model.get(FACT)


def _arms(plus: Study) -> Sequence[Entry]:
    """Rows that say how they were supervised, and the reference; the first are the base."""
    if not any(supervision(entry) == THREE_D for entry in plus.entries):
        return ()
    return [
        entry for entry in plus.entries if supervision(entry) is not None or entry is plus.reference
    ]


def _row(entry: Entry) -> tuple[Cell, ...]:
    what = supervision(entry)
    told = say("not_recorded") if what is None else same(what)
    return (
        Cell(
            main=same(entry.name),
            lines=(say("supervised_by", what=told),),
            values=(entry.name, entry.policy, what),
        ),
        *(suite_cell(entry, axis) for axis in ORDER),
        _total(entry),
    )


def _total(entry: Entry) -> Cell:
    """All tasks alike; nothing unless all axes were measured."""
    if not is_complete(entry, AXIS_NAMES):
        return absent(len(RATE_FIELDS))
    return rate_cell(pooled(entry, AXIS_NAMES), entry.link())
