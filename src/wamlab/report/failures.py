"""Table 8 of the report: failures of each row by category, and how far two people agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wamlab.core.episodes import StopReason
from wamlab.core.failures import Category
from wamlab.report.cells import absent
from wamlab.report.entries import Entry
from wamlab.report.failure_measures import composition_p
from wamlab.report.labelled import (
    MIN_KAPPA,
    Failure,
    Pair,
    counted,
    failures_of,
    lowest_kappa,
    pairs_of,
)
from wamlab.report.layout import benchmark_label
from wamlab.report.numbers import p_value
from wamlab.report.study import Study
from wamlab.report.table import Cell, Column, Role, Table, Value
from wamlab.report.texts import Text, same, say
from wamlab.stats.agreement import Agreement
from wamlab.stats.rates import wilson

PER = 2000
"""Episodes of the four standard suites, to which counts of a category are scaled."""
ALPHA = 0.05
CATEGORY_FIELDS = ("", "_per_2000", "_per_2000_low", "_per_2000_high")
KAPPA_FIELDS = (
    *("kappa", "kappa_low", "kappa_high", "ac1", "ac1_low", "ac1_high"),
    *("same", "double_labelled", "first_labeller", "second_labeller"),
)


def table_8(study: Study) -> Table:
    """Failures of each row, counted, and by category as far as people labelled them."""
    entries = [entry for one in study.everything for entry in one.entries]
    is_labelled = any(counted(failures_of(entry)) for entry in entries)
    more = (Column(label=say("failure_unlabelled"), fields=("unlabelled",)),) if is_labelled else ()
    return Table(
        key="table8",
        title=say("table8_title"),
        columns=(
            Column(label=say("model"), fields=("model", "policy", "benchmark"), is_number=False,
                   role=Role.NAME),
            Column(label=say("failure_cases"), fields=("failures", "at_step_limit"),
                   role=Role.COUNT, of=("episodes", "-successes")),
            *(
                Column(label=say(f"failure_{name}"),
                       fields=tuple(f"{name}{part}" for part in CATEGORY_FIELDS),
                       hint=say("hint_per_2000") if is_labelled else None)
                for name in Category
            ),
            *more,
            Column(label=say("total_episodes"), fields=("episodes", "successes")),
            Column(label=same("\u03ba"), fields=KAPPA_FIELDS),
        ),
        rows=tuple(_row(entry, has_rest=is_labelled) for entry in entries),
        notes=tuple(_notes(study, entries, is_labelled=is_labelled)),
    )  # fmt: skip


def _row(entry: Entry, *, has_rest: bool) -> tuple[Cell, ...]:
    failures = failures_of(entry)
    num_episodes = len(entry.finished)
    at_limit = sum(one.record.stop is StopReason.STEP_LIMIT for one in failures)
    benchmark = benchmark_label(next(iter(entry.records)).benchmark)
    return (
        Cell(
            main=same(entry.name),
            lines=(same(benchmark),),
            values=(entry.name, entry.policy, benchmark),
        ),
        Cell(
            main=same(f"{len(failures):,}"),
            lines=(say("at_step_limit", n=f"{at_limit:,}"),),
            values=(len(failures), at_limit),
            query=entry.link(outcome="failure") if failures else {},
        ),
        *_categories(failures, num_episodes, has_rest=has_rest),
        Cell(
            main=same(f"{num_episodes:,}"),
            values=(num_episodes, num_episodes - len(failures)),
        ),
        _kappa(failures),
    )


def _categories(
    failures: Sequence[Failure], num_episodes: int, *, has_rest: bool
) -> Iterator[Cell]:
    """One cell for each category; rates only where no failure waits for its label."""
    counts = counted(failures)
    num_unlabelled = len(failures) - counts.total()
    for kind in Category:
        if not counts:
            yield absent(len(CATEGORY_FIELDS))
            continue
        lines: tuple[Text, ...] = ()
        values: tuple[Value, ...] = (None, None, None)
        if num_unlabelled == 0:
            values = tuple(PER * part for part in wilson(counts[kind], num_episodes)[:3])
            rate, low, high = (f"{value:.1f}" for value in values)
            lines = (same(f"{rate} [{low}, {high}]"),)
        yield Cell(main=same(f"{counts[kind]:,}"), lines=lines, values=(counts[kind], *values))
    if has_rest:
        yield Cell(
            main=same(f"{num_unlabelled:,}"), values=(num_unlabelled,), warns=num_unlabelled > 0
        )


def _kappa(failures: Sequence[Failure]) -> Cell:
    """Agreement of the two people who share most failures of the row."""
    pairs = pairs_of(failures)
    if not pairs:
        is_labelled = bool(counted(failures))
        return absent(len(KAPPA_FIELDS), "one_labeller" if is_labelled else "not_measured")
    pair = pairs[0]
    values = (*limits(pair.kappa), *limits(pair.ac1), pair.observed, pair.num_episodes,
              pair.first, pair.second)  # fmt: skip
    lines = (
        say("ac1", value=f"{pair.ac1.estimate:.2f}", interval=interval(pair.ac1)),
        both(pair),
    )
    if pair.kappa is None:
        why = say("kappa_why_undefined")
        return Cell(main=say("kappa_undefined"), lines=(why, *lines), values=values, is_absent=True)
    return Cell(
        main=same(f"{pair.kappa.estimate:.2f}".replace("-", "\u2212")),
        lines=(same(interval(pair.kappa)), *lines),
        values=values,
        warns=pair.kappa.estimate < MIN_KAPPA,
    )


def both(pair: Pair) -> Text:
    """How many failures both labelled, and who they are."""
    return say("labelled_by_both", n=f"{pair.num_episodes:,}", first=pair.first, second=pair.second)


def interval(found: Agreement) -> str:
    """Limits of a coefficient as they are printed."""
    return f"[{found.low:.2f}, {found.high:.2f}]".replace("-", "\u2212")


def limits(found: Agreement | None) -> tuple[Value, Value, Value]:
    """A coefficient and its limits as values; nothing where it is not defined."""
    return (None, None, None) if found is None else (found.estimate, found.low, found.high)


def _notes(study: Study, entries: Sequence[Entry], *, is_labelled: bool) -> Iterator[Text]:
    if not is_labelled:
        yield say("note_categories")
    else:
        yield say("note_categories_labelled")
        yield say("note_kappa")
        alone = [entry.name for entry in entries if _has_one_person(failures_of(entry))]
        if alone:
            yield say("note_one_person", names=", ".join(dict.fromkeys(alone)))
        for one in study.everything:
            yield from _composition(one)
    yield say("note_at_limit")


def _has_one_person(failures: Sequence[Failure]) -> bool:
    return any(len(one.people) == 1 for one in failures)


def _composition(study: Study) -> Iterator[Text]:
    """Whether rows fail in the same ways, where every failure has the labels of two who agree."""
    rows = [(entry, failures_of(entry)) for entry in study.entries]
    labelled = [(entry, failures) for entry, failures in rows if counted(failures)]
    if len(labelled) < 2:
        return
    benchmark = benchmark_label(study.benchmark)
    lacking = [entry.name for entry, failures in labelled if not _agree(failures)]
    if lacking:
        yield say("note_composition_agreement", benchmark=benchmark, names=", ".join(lacking))
        return
    p = composition_p([failures for _, failures in labelled])
    verdict = say("composition_resolved" if p < ALPHA else "composition_unresolved")
    yield say("note_composition", benchmark=benchmark, p=p_value(p), verdict=verdict)


def _agree(failures: Sequence[Failure]) -> bool:
    kappa = lowest_kappa(failures)
    return kappa is not None and kappa >= MIN_KAPPA
