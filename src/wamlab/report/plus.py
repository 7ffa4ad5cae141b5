"""Table 2 of the report: success on the axes of LIBERO-Plus, one row for each policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from wamlab.report.cells import (
    RATE_FIELDS,
    absent,
    emphasis,
    fields,
    rate_values,
    source_cell,
    suite_cell,
)
from wamlab.report.contrasts import Contrast, pooled_contrast
from wamlab.report.entries import Entry
from wamlab.report.estimates import average, is_complete, pooled, rate
from wamlab.report.layout import AXES, OFFICIAL_TASKS, suite_label, task_name
from wamlab.report.models import fact
from wamlab.report.numbers import percent, percent_interval, rate_lines
from wamlab.report.ranks import resolved_ranks
from wamlab.report.study import Study
from wamlab.report.table import Cell, Column, Role, Table
from wamlab.report.tables import MIXED_FLAG
from wamlab.report.texts import Text, same, say
from wamlab.stats.rates import Difference, mean_difference

PLUS = "libero_plus"
ORIGINAL = "libero"
AXIS_NAMES = AXES[PLUS]
SUITES = tuple(OFFICIAL_TASKS[PLUS])
MAX_UNEVEN = 1.5
"""Ratio of the shares of two axes' tasks from which a total over both is said to lean."""


class _Ranks(NamedTuple):
    """Row -> 1 or 2, for each axis and for both totals."""

    axes: Mapping[str, Mapping[str, int]]
    weighted: Mapping[str, int]
    unweighted: Mapping[str, int]


def table_2(study: Study) -> list[Table]:
    """Table 2, in one block for each set of suites that rows cover.

    Returns:
        One table that says what is missing if nobody ran LIBERO-Plus.
    """
    plus = study.on(PLUS)
    if plus is None:
        return [_empty()]
    blocks: dict[tuple[str, ...], list[Entry]] = {}
    for entry in plus.entries:
        blocks.setdefault(suites_of(entry), []).append(entry)
    order = sorted(blocks, key=lambda suites: (-len(suites), suites))
    return [_block(study, plus, suites, blocks[suites], len(order)) for suites in order if suites]


def suites_of(entry: Entry) -> tuple[str, ...]:
    """The suites that a row finished an episode of, in the order of tables."""
    seen = {key.suite for key in entry.finished}
    return tuple(suite for suite in SUITES if suite in seen)


def num_official(suites: Sequence[str], axes: Sequence[str] = AXIS_NAMES) -> int:
    """How many tasks the benchmark has in those suites and axes."""
    return sum(OFFICIAL_TASKS[PLUS][suite][axis] for suite in suites for axis in axes)


def num_tasks(entry: Entry) -> int:
    """How many tasks a row finished an episode of."""
    return len({task_name(key) for key in entry.finished})


def _empty() -> Table:
    return Table(
        key="table2",
        title=say("table2_title"),
        columns=_columns(),
        rows=(),
        missing=say("why_plus"),
    )


def _block(
    study: Study, plus: Study, suites: tuple[str, ...], entries: Sequence[Entry], num_blocks: int
) -> Table:
    is_whole = suites == SUITES
    part = replace(plus, entries=tuple(entries))
    ranks = _ranks(part)
    labels = ", ".join(suite_label(ORIGINAL, suite) for suite in suites)
    key = "table2" if is_whole else f"table2_{'_'.join(suites)}"
    title = say("table2_title") if is_whole else say("table2_block", suites=labels)
    return Table(
        key=key,
        title=title,
        columns=_columns(),
        rows=tuple(_row(study, entry, suites, ranks) for entry in entries),
        notes=_notes(part, entries, suites, num_blocks),
        flag=MIXED_FLAG if plus.is_mixed else "",
    )


def _ranks(part: Study) -> _Ranks:
    by_axis = resolved_ranks(part, [(axis,) for axis in AXIS_NAMES])
    [unweighted] = resolved_ranks(part, [AXIS_NAMES])
    # Without pairs, over all axes together, there is no order.
    [weighted] = [{}] if part.is_mixed else resolved_ranks(part, [AXIS_NAMES], _pooled)
    return _Ranks(dict(zip(AXIS_NAMES, by_axis, strict=True)), weighted, unweighted)


def _pooled(study: Study, first: Entry, second: Entry, _: Sequence[str]) -> Contrast | None:
    return pooled_contrast(study, first, second)


def _columns() -> tuple[Column, ...]:
    axes = [
        Column(label=say(f"short_{axis}"), fields=fields(axis), hint=say("pct"), role=Role.RATE)
        for axis in AXIS_NAMES
    ]
    return (
        Column(label=say("class"), fields=("class",), is_number=False),
        Column(label=say("model"), fields=("model", "policy"), is_number=False, role=Role.NAME),
        Column(label=say("robot_pretraining"), fields=("robot_pretraining",), is_number=False),
        Column(label=say("original"), fields=fields("original", ("", "_low", "_high", "_pooled_n")),
               hint=say("pct"), role=Role.RATE),
        *axes,
        Column(label=say("total_weighted"), fields=fields("total_weighted"), hint=say("pct"),
               role=Role.AVERAGE, of=AXIS_NAMES,
               weights=tuple(f"{axis}_episodes" for axis in AXIS_NAMES)),
        Column(label=say("total_unweighted"),
               fields=fields("total_unweighted", ("", "_low", "_high")), hint=say("pct"),
               role=Role.AVERAGE, of=AXIS_NAMES),
        Column(label=say("suites_covered"), fields=("suites",), is_number=False),
        Column(label=say("num_tasks"), fields=("n", "tasks", "tasks_official")),
        Column(label=say("source"), fields=("source", "commit", "dirty"), is_number=False),
    )  # fmt: skip


def _row(study: Study, entry: Entry, suites: tuple[str, ...], ranks: _Ranks) -> tuple[Cell, ...]:
    return (
        fact(entry, "class"),
        Cell(main=same(entry.name), values=(entry.name, entry.policy)),
        pretraining_cell(entry),
        _original(study, entry, suites),
        *(suite_cell(entry, axis, ranks.axes[axis].get(entry.name)) for axis in AXIS_NAMES),
        _weighted(entry, ranks.weighted.get(entry.name)),
        _unweighted(entry, ranks.unweighted.get(entry.name)),
        _covered(suites),
        _size(entry, suites),
        source_cell(entry),
    )


def pretraining_cell(entry: Entry) -> Cell:
    """Whether the model saw robots before: their actions, their video alone, or neither."""
    model = entry.runs[0].info.model
    actions, video = model.get("robot_actions"), model.get("robot_video")
    if actions == "yes":
        return Cell(main=same("\u2713"), values=("actions",))
    if actions == "no" and video == "yes":
        return Cell(main=same("\u263e"), values=("video",))
    if actions == "no" and video == "no":
        return Cell(main=same("\u2717"), values=("none",))
    return absent(1, "not_recorded")


def _original(study: Study, entry: Entry, suites: tuple[str, ...]) -> Cell:
    undisturbed = study.on(ORIGINAL)
    same_row = undisturbed.entry(entry.name) if undisturbed else None
    mean = average(same_row, suites) if same_row else None
    found = rate(pooled(same_row, suites)) if same_row and mean is not None else None
    if mean is None or found is None:
        return absent(4)
    interval = same(percent_interval(found.low, found.high))
    return Cell(
        main=same(percent(mean)),
        lines=(interval, same(f"n {found.num_episodes}")),
        values=(mean, found.low, found.high, found.num_episodes),
    )


def _weighted(entry: Entry, rank: int | None) -> Cell:
    found = rate(pooled(entry, AXIS_NAMES))
    if found is None or not is_complete(entry, AXIS_NAMES):
        return _no_total(entry, len(RATE_FIELDS))
    return Cell(
        main=same(percent(found.estimate)),
        lines=rate_lines(found),
        values=rate_values(found),
        query=entry.link(),
        emphasis=emphasis(rank),
    )


def _unweighted(entry: Entry, rank: int | None) -> Cell:
    rates = [found for axis in AXIS_NAMES if (found := rate(entry.suite(axis))) is not None]
    if len(rates) < len(AXIS_NAMES):
        return _no_total(entry, 3)
    mean = mean_difference([Difference(*found[:3]) for found in rates])
    return Cell(
        main=same(percent(mean.estimate)),
        lines=(same(percent_interval(mean.low, mean.high)),),
        values=tuple(mean),
        query=entry.link(),
        emphasis=emphasis(rank),
    )


def _no_total(entry: Entry, num_values: int) -> Cell:
    measured = [axis for axis in AXIS_NAMES if entry.suite(axis)]
    lines = [say("axes_measured", measured=len(measured), total=len(AXIS_NAMES))]
    return replace(absent(num_values), lines=tuple(lines))


def _covered(suites: tuple[str, ...]) -> Cell:
    labels = ", ".join(suite_label(ORIGINAL, suite) for suite in suites)
    main = say("all_suites", n=len(SUITES)) if suites == SUITES else same(labels)
    return Cell(main=main, values=(labels,))


def _size(entry: Entry, suites: tuple[str, ...]) -> Cell:
    tasks, official = num_tasks(entry), num_official(suites)
    is_subset = tasks < official
    return Cell(
        main=same(f"{len(entry.finished):,}"),
        lines=(say("tasks_of", some=f"{tasks:,}", all=f"{official:,}"),) if is_subset else (),
        values=(len(entry.finished), tasks, official),
        query=entry.link(),
        warns=is_subset,
    )


def _notes(
    part: Study, entries: Sequence[Entry], suites: tuple[str, ...], num_blocks: int
) -> tuple[Text, ...]:
    notes = [say("note_pretraining"), say("note_totals"), say("note_original")]
    official = num_official(suites)
    notes += [
        say("note_subset", name=entry.name, some=f"{num_tasks(entry):,}", all=f"{official:,}")
        for entry in entries
        if num_tasks(entry) < official
    ]
    notes += [found for entry in entries if (found := _uneven(entry, suites)) is not None]
    if num_blocks > 1:
        notes.append(say("note_block"))
    if part.is_mixed:
        notes.append(say("note_mixed", flag=MIXED_FLAG))
    elif len(entries) > 1:
        notes.append(say("note_axis_emphasis"))
    notes += [say("note_errors"), say("note_checkpoint")]
    return tuple(notes)


def _uneven(entry: Entry, suites: Sequence[str]) -> Text | None:
    """Where a weighted total leans towards an axis of which more was run than of others."""
    if not is_complete(entry, AXIS_NAMES):
        return None
    shares = {
        axis: len({task_name(key) for key in entry.finished if key.axis == axis})
        / num_official(suites, (axis,))
        for axis in AXIS_NAMES
    }
    most, least = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    if shares[most] <= MAX_UNEVEN * shares[least]:
        return None
    return say(
        "note_uneven", name=entry.name,
        most=say(f"axis_{most}"), most_share=percent(shares[most]),
        least=say(f"axis_{least}"), least_share=percent(shares[least]),
    )  # fmt: skip
