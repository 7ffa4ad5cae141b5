"""Appendix F of the report: on what each run was computed, how long, and what came out."""

from __future__ import annotations

from wamlab.core.episodes import Outcome
from wamlab.records.machine import Machine
from wamlab.records.passes import retests
from wamlab.records.store import LoadedRun
from wamlab.report.cells import RATE_FIELDS, absent, fields, rate_values
from wamlab.report.entries import Entry
from wamlab.report.estimates import rate, succeeded
from wamlab.report.layout import benchmark_label
from wamlab.report.numbers import percent, rate_lines
from wamlab.report.study import Study
from wamlab.report.table import Cell, Column, Role, Table
from wamlab.report.texts import Text, same, say
from wamlab.stats.retest import repeatability


def appendix_f(study: Study) -> Table:
    """One row for each run folder."""
    return Table(
        key="appendix_f",
        title=say("appendix_f_title"),
        columns=(
            Column(label=say("run"), fields=("run", "recipe"), is_number=False),
            Column(label=say("model"), fields=("model", "policy"), is_number=False,
                   role=Role.NAME),
            Column(label=say("benchmark"), fields=("benchmark",), is_number=False),
            Column(label=say("hardware"), fields=("machine", "num_gpus", "cores"),
                   is_number=False),
            Column(label=say("workers"), fields=("workers", "sessions")),
            Column(label=say("hours"), fields=("episode_hours", "hours")),
            Column(label=say("total"), fields=fields("success"),
                   hint=say("pct")),
            Column(label=say("second_pass"),
                   fields=("alike", "alike_low", "alike_high", "run_twice", "rerun_sd"),
                   hint=say("pct")),
            Column(label=say("pretrained_weights"), fields=("origin", "weights"),
                   is_number=False),
        ),
        rows=tuple(
            _row(entry, run)
            for one in study.everything
            for entry in one.entries
            for run in entry.runs
        ),
        notes=(say("note_hours"), say("note_run_total"), say("note_second_pass")),
    )  # fmt: skip


def gpus(machine: Machine) -> list[str]:
    """Names of the graphics cards, without their drivers."""
    lines = (machine.gpu or "").splitlines()
    return [line.split(",")[0].strip() for line in lines if line.strip()]


def _row(entry: Entry, run: LoadedRun) -> tuple[Cell, ...]:
    info = run.info
    benchmark = benchmark_label(next(iter(entry.records)).benchmark)
    return (
        Cell(
            main=same(run.folder.name),
            lines=(same(info.recipe),) if info.recipe else (),
            values=(run.folder.name, info.recipe or None),
        ),
        Cell(main=same(entry.name), values=(entry.name, entry.policy)),
        Cell(main=same(benchmark), values=(benchmark,)),
        _machine(run),
        _workers(run),
        _hours(run),
        _total(entry, run),
        _second_pass(run),
        _weights(run),
    )


def _machine(run: LoadedRun) -> Cell:
    machines = [session.machine for session in run.info.sessions]
    if not machines:
        return absent(3, "not_recorded")
    last = machines[-1]
    cards = gpus(last)
    what = f"{cards[0]} \u00d7 {len(cards)}" if cards else last.cpu
    lines: list[Text] = [say("cores", n=last.cores)]
    if not cards:
        lines.append(say("no_gpu"))
    if len({(machine.cpu, machine.gpu) for machine in machines}) > 1:
        lines.append(say("several_machines", n=len(machines)))
    return Cell(main=same(what), lines=tuple(lines), values=(what, len(cards), last.cores))


def _workers(run: LoadedRun) -> Cell:
    sessions = run.info.sessions
    if not sessions:
        return absent(2, "not_recorded")
    found = sorted({session.workers for session in sessions})
    text = "\u2013".join(str(number) for number in dict.fromkeys((found[0], found[-1])))
    return Cell(
        main=same(text),
        lines=(say("starts", n=len(sessions)),) if len(sessions) > 1 else (),
        values=(text, len(sessions)),
    )


def _hours(run: LoadedRun) -> Cell:
    """Time of all episodes; and, if the workers did not change, what one of them was busy."""
    seconds = sum(record.wall_s for record in run.records)
    if seconds <= 0:
        return absent(2, "not_recorded")
    workers = {session.workers for session in run.info.sessions}
    hours = seconds / 3600
    if len(workers) != 1:
        return Cell(main=same(f"{hours:.3g}"), values=(hours, None))
    each = hours / max(1, next(iter(workers)))
    return Cell(
        main=same(f"{hours:.3g}"),
        lines=(say("hours_each", hours=f"{each:.3g}"),),
        values=(hours, each),
    )


def _total(entry: Entry, run: LoadedRun) -> Cell:
    records = [entry.finished[r.key] for r in run.records if r.key in entry.finished]
    found = rate(records)
    if found is None:
        return absent(len(RATE_FIELDS))
    return Cell(
        main=same(percent(found.estimate)), lines=rate_lines(found), values=rate_values(found)
    )


def _second_pass(run: LoadedRun) -> Cell:
    pairs = retests([*run.records, *run.second_pass])
    if not pairs:
        return absent(5, "no_second_pass")
    found = repeatability(*zip(*(map(succeeded, pair) for pair in pairs), strict=True))
    alike = found.agreement
    num = sum(record.outcome is not Outcome.ERROR for record in run.records)
    return Cell(
        main=same(percent(alike.estimate)),
        lines=(
            *rate_lines(alike),
            say("second_pass_moves", sd=f"{100 * found.rate_sd(num):.2f}"),
        ),
        values=(alike.estimate, alike.low, alike.high, found.num_pairs, found.rate_sd(num)),
    )


def _weights(run: LoadedRun) -> Cell:
    origin, weights = run.info.model.get("origin"), run.info.model.get("weights")
    if weights is None:
        return absent(2, "not_recorded")
    return Cell(
        main=same(weights), lines=(same(origin),) if origin else (), values=(origin, weights)
    )
