"""Figure 2 of the report: failures by category, one stacked bar for each row."""

from __future__ import annotations

from wamlab.core.failures import Category
from wamlab.report.entries import Entry
from wamlab.report.figures import Figure, Panel
from wamlab.report.labelled import counted, failures_of
from wamlab.report.layout import benchmark_label
from wamlab.report.stacked import Bar, Kind, Part, stacked_panel
from wamlab.report.study import Study
from wamlab.report.texts import same, say

KINDS = {
    category: Kind(letter, say(f"kind_{category.value}"), index)
    for index, (category, letter) in enumerate(zip(Category, "PARTJSXU", strict=True))
}
UNLABELLED = Kind("?", say("kind_unlabelled"), None)


def failure_figure(study: Study) -> Figure | None:
    """Figure 2, a panel for each benchmark; None if no person labelled a failure."""
    panels = []
    for one in study.everything:
        bars = [bar for entry in one.entries if (bar := _bar(entry)) is not None]
        if bars:
            order = (*KINDS.values(), UNLABELLED)
            drawn = {lang: stacked_panel(bars, order, lang) for lang in ("en", "zh")}
            title = same(benchmark_label(one.benchmark))
            panels.append(Panel(title=title, svg=drawn["en"], in_chinese=drawn["zh"]))
    if not panels:
        return None
    return Figure(
        key="figure2",
        title=say("figure2_title"),
        note=say("figure2_note"),
        panels=tuple(panels),
    )


def _bar(entry: Entry) -> Bar | None:
    """One row of the figure; kinds of no failure are left out."""
    failures = failures_of(entry)
    counts = counted(failures)
    if not counts:
        return None
    numbers = [(kind, counts[category]) for category, kind in KINDS.items()]
    numbers.append((UNLABELLED, len(failures) - counts.total()))
    parts = tuple(Part(kind, num, str(num)) for kind, num in numbers if num)
    total, episodes = sum(part.size for part in parts), len(entry.finished)
    detail = say("figure2_bar", failures=f"{total:,}", episodes=f"{episodes:,}")
    return Bar(entry.name, detail, parts)
