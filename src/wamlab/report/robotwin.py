"""Tables 5 and 6 of the report: RoboTwin 2.0 task by task, and the two tasks of 3-D supervision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wamlab.core.episodes import EpisodeRecord
from wamlab.report.cells import absent, fields, rate_cell, source_cell
from wamlab.report.contrasts import Contrast, adjusted, paired_contrast, unpaired_contrast
from wamlab.report.entries import Entry
from wamlab.report.estimates import succeeded
from wamlab.report.numbers import p_value, percent, points, points_interval
from wamlab.report.study import Study
from wamlab.report.table import Cell, Column, Role, Table
from wamlab.report.texts import same, say

ROBOTWIN = "robotwin"
SETTINGS = {"easy": "demo_clean", "hard": "demo_randomized"}
"""What reports call a setting -> RoboTwin's name of it, a suite of the records."""
TARGETS = {"microwave": "open_microwave", "switch": "turn_switch"}
CELLS = (
    ("microwave", "clean", "easy"), ("microwave", "random", "hard"),
    ("switch", "clean", "easy"), ("switch", "random", "hard"),
)  # fmt: skip


def table_5(study: Study) -> Table:
    """One row for each task, two columns for each policy."""
    entries = _entries(study)
    names = [entry.name for entry in entries] or ["WAM", "VLA"]
    tasks = sorted({task for entry in entries for task in _tasks(entry)})
    rates = [
        Column(
            label=say(f"robotwin_{setting}", model=name),
            fields=fields(f"{setting}_{index}"),
            hint=say("pct"),
            role=Role.RATE,
        )
        for index, name in enumerate(names)
        for setting in SETTINGS
    ]
    return Table(
        key="table5",
        title=say("table5_title"),
        columns=(
            Column(label=say("sim_task"), fields=("task",), is_number=False, role=Role.NAME),
            *rates,
            Column(label=say("score_3d"), fields=("score_3d",)),
            Column(label=say("total_episodes"), fields=("n",)),
        ),
        rows=tuple(_task_row(entries, task) for task in tasks),
        missing=None if tasks else say("why_table5"),
        notes=(say("note_robotwin"), say("note_score_3d")) if tasks else (),
    )


def table_6(study: Study) -> Table:
    """One row for each policy that ran one of the two tasks of report v0.2."""
    entries = [entry for entry in _entries(study) if _tasks(entry) & set(TARGETS.values())]
    differences = _differences(study, entries)
    return Table(
        key="table6",
        title=say("table6_title"),
        columns=(
            Column(label=say("method"), fields=("method", "policy"), is_number=False,
                   role=Role.NAME),
            *(
                Column(label=say(f"{task}_{word}"), fields=fields(f"{task}_{word}"),
                       hint=say("pct"), role=Role.RATE)
                for task, word, _ in CELLS
            ),
            Column(label=say("difference_ci_p"),
                   fields=("difference", "low", "high", "p_holm", "is_paired"),
                   role=Role.DIFFERENCE),
            Column(label=say("other_tasks_mean"), fields=("other_tasks", "num_other_tasks"),
                   role=Role.RATE),
            Column(label=say("source"), fields=("source", "commit", "dirty"), is_number=False),
        ),
        rows=tuple(_method_row(entry, differences.get(entry.name)) for entry in entries)
        if len(entries) > 1
        else (),
        missing=None if len(entries) > 1 else say("why_table6"),
        notes=(say("note_table6"), say("note_other_tasks")) if len(entries) > 1 else (),
    )  # fmt: skip


def _entries(study: Study) -> Sequence[Entry]:
    found = study.on(ROBOTWIN)
    return found.entries if found is not None else ()


def _tasks(entry: Entry) -> set[str]:
    return {task for setting in SETTINGS.values() for task in entry.tasks.get(setting, {})}


def _episodes(entry: Entry, setting: str, task: str) -> list[EpisodeRecord]:
    return entry.tasks.get(SETTINGS[setting], {}).get(task, [])


def _rate_cell(entry: Entry, setting: str, task: str) -> Cell:
    query = entry.link(suite=SETTINGS[setting], task=task)
    return rate_cell(_episodes(entry, setting, task), query)


def _task_row(entries: Sequence[Entry], task: str) -> tuple[Cell, ...]:
    num = sum(len(_episodes(entry, setting, task)) for entry in entries for setting in SETTINGS)
    return (
        Cell(main=same(task), values=(task,)),
        *(_rate_cell(entry, setting, task) for entry in entries for setting in SETTINGS),
        absent(1),
        Cell(main=same(f"{num:,}"), values=(num,)),
    )


def _method_row(entry: Entry, difference: Contrast | None) -> tuple[Cell, ...]:
    return (
        Cell(main=same(entry.name), values=(entry.name, entry.policy)),
        *(_rate_cell(entry, setting, TARGETS[task]) for task, _, setting in CELLS),
        _difference_cell(difference),
        _other_tasks(entry),
        source_cell(entry),
    )


def _difference_cell(one: Contrast | None) -> Cell:
    if one is None:
        return absent(5, "reference")
    return Cell(
        main=same(points(one.estimate)),
        lines=(
            same(points_interval(*one.interval[1:])),
            say("p", p=p_value(one.p_adjusted)),
            say("is_paired" if one.pairs else "is_unpaired"),
        ),
        values=(one.estimate, *one.interval[1:], one.p_adjusted, str(one.pairs is not None)),
    )


def _differences(study: Study, entries: Sequence[Entry]) -> dict[str, Contrast]:
    """Each row against the first on the target tasks, settings with equal weight; one family."""
    if len(entries) < 2:
        return {}
    part = [_only_targets(entry) for entry in entries]
    base = next((one for one in part if one.name == study.reference.name), part[0])
    found = []
    for one in part:
        both = [s for s in SETTINGS.values() if one.suite(s) and base.suite(s)]
        if one is not base and both:
            paired = paired_contrast(one, base, both)
            found.append(paired or unpaired_contrast(one, base, both))
    return {one.first: one for one in adjusted([one for one in found if one is not None])}


def _only_targets(entry: Entry) -> Entry:
    kept = {k: r for k, r in entry.records.items() if k.task in TARGETS.values()}
    return replace(entry, records=kept)


def _other_tasks(entry: Entry) -> Cell:
    """Mean over tasks and settings, each counting alike."""
    found = [
        sum(map(succeeded, episodes)) / len(episodes)
        for setting in SETTINGS
        for task in sorted(_tasks(entry) - set(TARGETS.values()))
        if (episodes := _episodes(entry, setting, task))
    ]
    if not found:
        return absent(2)
    num = len(_tasks(entry) - set(TARGETS.values()))
    mean = sum(found) / len(found)
    return Cell(main=same(percent(mean)), lines=(say("of_tasks", n=num),), values=(mean, num))
