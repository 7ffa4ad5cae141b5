"""Why figures are absent, and what would have to be run to draw them."""

from __future__ import annotations

from wamlab.report.study import Study
from wamlab.report.texts import Text, say


def figure_notes(study: Study, *, has_categories: bool, has_frontier: bool) -> tuple[Text, ...]:
    """One sentence for each figure that this study cannot draw.

    Args:
        has_categories: Whether Figure 2 is there.
        has_frontier: Whether Figure 4 is there.
    """
    found = [] if has_categories else [say("why_figure2")]
    if study.on("libero_plus") is None:
        found.append(say("why_figure3"))
    if not has_frontier:
        found.append(say("why_figure4"))
    if not any(one.others and not one.is_mixed for one in study.everything):
        found.append(say("why_figure5"))
    return tuple(found)
