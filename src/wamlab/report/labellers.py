"""Appendix E: what each labeller found, and how far any two of them agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from wamlab.core.failures import Category
from wamlab.records.labels import Reviewer
from wamlab.report.entries import Entry
from wamlab.report.failures import interval, limits
from wamlab.report.labelled import failures_of, pairs_of
from wamlab.report.layout import benchmark_label
from wamlab.report.numbers import percent
from wamlab.report.study import Study
from wamlab.report.table import Cell, Column, Role, Table
from wamlab.report.texts import Text, same, say
from wamlab.stats.agreement import Agreement


def appendix_e(study: Study) -> list[Table]:
    """Counts of each labeller, and agreement of each pair.

    Returns:
        One table that says what is missing if nothing was labelled.
    """
    entries = [entry for one in study.everything for entry in one.entries]
    rows = tuple(row for entry in entries for row in _labellers(entry))
    pairs = tuple(row for entry in entries for row in _pairs(entry))
    tables = [
        Table(
            key="appendix_e",
            title=say("appendix_e_title"),
            columns=_columns(),
            rows=rows,
            missing=None if rows else say("why_appendix_e"),
            notes=(say("note_appendix_e"),) if rows else (),
        )
    ]
    if pairs:
        tables.append(
            Table(
                key="appendix_e_agreement",
                title=say("agreement_title"),
                columns=_agreement_columns(),
                rows=pairs,
                notes=(say("note_agreement"),),
            )
        )
    return tables


def _columns() -> tuple[Column, ...]:
    return (
        Column(label=say("model"), fields=("model", "policy", "benchmark"), is_number=False,
               role=Role.NAME),
        Column(label=say("labeller"), fields=("labeller", "reviewer"), is_number=False),
        Column(label=say("success_cases"), fields=("successes", "episodes")),
        Column(label=say("failure_cases"), fields=("failures",), role=Role.COUNT,
               of=("episodes", "-successes")),
        *(Column(label=say(f"failure_{name}"), fields=(name.value,)) for name in Category),
        Column(label=say("failure_unlabelled"), fields=("unlabelled",)),
    )  # fmt: skip


def _labellers(entry: Entry) -> Iterator[tuple[Cell, ...]]:
    """One row for each labeller of a row of the report."""
    failures = failures_of(entry)
    counts: dict[tuple[str, Reviewer], Counter[Category]] = {}
    for one in failures:
        for name, label in one.labels.items():
            found = counts.setdefault((name, label.reviewer), Counter())
            found[label.mode.category] += 1
    num_episodes = len(entry.finished)
    for (name, reviewer), of_kind in sorted(counts.items()):
        rest = len(failures) - of_kind.total()
        num_successes = num_episodes - len(failures)
        yield (
            _name(entry),
            Cell(main=labeller_text(name, reviewer), values=(name, reviewer.value)),
            Cell(main=same(f"{num_successes:,}"), values=(num_successes, num_episodes)),
            Cell(main=same(f"{len(failures):,}"), values=(len(failures),)),
            *(Cell(main=same(f"{of_kind[k]:,}"), values=(of_kind[k],)) for k in Category),
            Cell(main=same(f"{rest:,}"), values=(rest,), warns=rest > 0),
        )


def labeller_text(name: str, reviewer: Reviewer) -> Text:
    """A labeller as a reader must see him: no rule or model looks like a person."""
    return same(name) if reviewer is Reviewer.PERSON else say(f"by_{reviewer}", name=name)


def _name(entry: Entry) -> Cell:
    benchmark = benchmark_label(next(iter(entry.records)).benchmark)
    return Cell(
        main=same(entry.name),
        lines=(same(benchmark),),
        values=(entry.name, entry.policy, benchmark),
    )


def _agreement_columns() -> tuple[Column, ...]:
    parts = ("", "_low", "_high")
    return (
        Column(label=say("model"), fields=("model", "policy", "benchmark"), is_number=False,
               role=Role.NAME),
        Column(label=say("labellers"), fields=("first_labeller", "second_labeller"),
               is_number=False),
        Column(label=say("labelled_both"), fields=("double_labelled",)),
        Column(label=say("same_category"), fields=("same",), hint=same("%")),
        Column(label=say("cohen"), fields=tuple(f"kappa{part}" for part in parts)),
        Column(label=say("gwet"), fields=tuple(f"ac1{part}" for part in parts)),
    )  # fmt: skip


def _pairs(entry: Entry) -> Iterator[tuple[Cell, ...]]:
    failures = failures_of(entry)
    kinds = {
        name: label.reviewer for one in failures for name, label in one.labels.items()
    }  # fmt: skip
    for pair in pairs_of(failures, people_only=False):
        names = [labeller_text(name, kinds[name]) for name in (pair.first, pair.second)]
        shown = Text(*(", ".join(both) for both in zip(*names, strict=True)))
        yield (
            _name(entry),
            Cell(main=shown, values=(pair.first, pair.second)),
            Cell(main=same(f"{pair.num_episodes:,}"), values=(pair.num_episodes,)),
            Cell(main=same(percent(pair.observed)), values=(pair.observed,)),
            _coefficient(pair.kappa),
            _coefficient(pair.ac1),
        )


def _coefficient(found: Agreement | None) -> Cell:
    if found is None:
        why = (say("kappa_why_undefined"),)
        return Cell(
            main=say("kappa_undefined"), lines=why, values=(None, None, None), is_absent=True
        )
    number = f"{found.estimate:.2f}".replace("-", "\u2212")
    return Cell(main=same(number), lines=(same(interval(found)),), values=limits(found))
