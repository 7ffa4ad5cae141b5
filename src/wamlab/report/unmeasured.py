"""Tables 7 and 8 of the report: their columns, and what would have to be run to fill them.

Arms with 3-D supervision and labels of failures have no records yet. Of Table 8
the counts of failures are known from any run; its categories are not.
"""

from __future__ import annotations

from collections.abc import Sequence

from wamlab.core.episodes import Outcome, StopReason
from wamlab.report.cells import absent
from wamlab.report.entries import Entry
from wamlab.report.layout import benchmark_label
from wamlab.report.study import Study
from wamlab.report.table import Cell, Column, Role, Table
from wamlab.report.texts import Text, same, say

THREE_D_PLUS = (
    "method", "axis_camera", "axis_robot", "axis_light", "axis_language", "axis_background",
    "axis_noise", "axis_layout", "total",
)  # fmt: skip
CATEGORIES = (
    "perception", "action_error", "recovery", "timeout", "jitter", "skipped", "simulator",
    "unclassified",
)  # fmt: skip
WORDS = frozenset({"method"})


def unmeasured_tables() -> list[Table]:
    """Table 7: nothing that this version records fills it."""
    return [_empty("table7", THREE_D_PLUS)]


def table_8(study: Study) -> Table:
    """Failures of each row, counted; their categories wait for labels."""
    return Table(
        key="table8",
        title=say("table8_title"),
        columns=(
            Column(label=say("model"), fields=("model", "policy", "benchmark"), is_number=False,
                   role=Role.NAME),
            Column(label=say("failure_cases"), fields=("failures", "at_step_limit"),
                   role=Role.COUNT, of=("episodes", "-successes")),
            *(Column(label=say(f"failure_{name}"), fields=(name,)) for name in CATEGORIES),
            Column(label=say("total_episodes"), fields=("episodes", "successes"),),
            Column(label=same("\u03ba"), fields=("kappa",)),
        ),
        rows=_failure_rows(study),
        notes=(say("note_categories"), say("note_at_limit")),
    )  # fmt: skip


def _failure_rows(study: Study) -> tuple[tuple[Cell, ...], ...]:
    """One row for each policy and benchmark; failures of two benchmarks are no one number."""
    return tuple(_failures(entry) for one in study.everything for entry in one.entries)


def _failures(entry: Entry) -> tuple[Cell, ...]:
    records = list(entry.finished.values())
    failures = [record for record in records if record.outcome is Outcome.FAILURE]
    at_limit = sum(record.stop is StopReason.STEP_LIMIT for record in failures)
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
        *(absent(1) for _ in CATEGORIES),
        Cell(
            main=same(f"{len(records):,}"),
            values=(len(records), len(records) - len(failures)),
        ),
        absent(1),
    )


def figure_notes(study: Study, *, has_frontier: bool) -> tuple[Text, ...]:
    """Why figures are absent that this study cannot draw."""
    found = [say("why_figure2")]
    if study.on("libero_plus") is None:
        found.append(say("why_figure3"))
    if not has_frontier:
        found.append(say("why_figure4"))
    if not any(one.others and not one.is_mixed for one in study.everything):
        found.append(say("why_figure5"))
    return tuple(found)


def _empty(key: str, names: Sequence[str]) -> Table:
    return Table(
        key=key,
        title=say(f"{key}_title"),
        columns=tuple(
            Column(
                label=say("num_tasks") if name == "n" else say(name),
                fields=(name,),
                is_number=name not in WORDS,
            )
            for name in names
        ),
        rows=(),
        missing=say(f"why_{key}"),
    )
