"""The parts of a report beside Table 1: each conclusion's tables and figures, and appendices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wamlab.report.against_published import appendix_h
from wamlab.report.copied import copied_tables
from wamlab.report.delays import delay_figure, delay_table
from wamlab.report.document import Block, Fold, Notes, Section
from wamlab.report.evaluation_notes import appendix_f
from wamlab.report.failure_figure import failure_figure
from wamlab.report.failures import table_8
from wamlab.report.forest import forest_figure
from wamlab.report.heat import heat_figure
from wamlab.report.labellers import appendix_e
from wamlab.report.latency import frontier_figure, latency_tables
from wamlab.report.left_out import with_left_out
from wamlab.report.models import table_11
from wamlab.report.plus import PLUS, table_2
from wamlab.report.plus_appendix import appendix_b, levels_table
from wamlab.report.protocol_card import appendix_g
from wamlab.report.references import References
from wamlab.report.robotwin import table_5, table_6
from wamlab.report.stages import batch_figure, stage_figure
from wamlab.report.study import Study
from wamlab.report.table import Table
from wamlab.report.texts import Text, say
from wamlab.report.three_d import table_7
from wamlab.report.timed import Timed
from wamlab.report.twins import twins_table
from wamlab.report.unmeasured import figure_notes
from wamlab.report.variants import table_3


def models_section(study: Study) -> Section:
    """What was evaluated."""
    return Section(key="models", blocks=(table_11(study),))


def conclusion_sections(
    study: Study, published: Sequence[str], timed: Sequence[Timed] = ()
) -> Iterator[Section]:
    """Robustness, speed, failures, all contrasts, appendices, and what was not measured.

    Args:
        published: Models whose printed numbers stand beside ours, see `copied`.
        timed: How long plans take, of rows or of others.

    Raises:
        ConfigError: If nobody publishes a model of such a name.
    """
    references = References()
    if published:
        copied = copied_tables(published, references)
        yield Section(key="published", title=say("section_copied"), blocks=tuple(copied))
    plus = study.on(PLUS)
    tables = [*table_2(study), *table_3(study), twins_table(study)]
    robustness: list[Block] = [with_left_out(table, plus) for table in tables]
    heat, forest = heat_figure(study), forest_figure(study)
    robustness += [heat] if heat else []
    yield from _with_rows("robustness", "section_robustness", robustness)
    latencies, frontier = latency_tables(study, timed), frontier_figure(study, timed)
    figures = (frontier, stage_figure(timed), batch_figure(study, timed))
    late = (delay_figure(study), delay_table(study))
    speed: list[Block] = [*latencies, *(one for one in (*figures, *late) if one)]
    yield from _with_rows("speed", "section_speed", speed)
    kinds = failure_figure(study)
    failures: list[Block] = [table_8(study), *([kinds] if kinds else [])]
    yield Section(key="failures", title=say("section_failures"), blocks=tuple(failures))
    if forest is not None:
        yield Section(key="contrasts", title=say("section_contrasts"), blocks=(forest,))
    three_d: list[Block] = [table_5(study), table_6(study), with_left_out(table_7(study), plus)]
    yield from _with_rows("three-d", "section_three_d", three_d)
    levels = levels_table(study)
    appendices = [appendix_b(study), *([levels] if levels else [])]
    appendices = [with_left_out(table, plus) for table in appendices]
    appendices += appendix_e(study)
    appendices += [appendix_f(study), appendix_g(study), appendix_h(study, references)]
    folded = [Fold(title=table.title, tables=(table,)) for table in appendices if table.rows]
    yield from _with_rows("appendices", "section_appendices", folded)
    missing = [*robustness, *speed, *three_d, *appendices]
    has = {"has_categories": kinds is not None, "has_frontier": frontier is not None}
    yield _missing_section(missing, figure_notes(study, **has))
    if listed := references.listed():
        notes = Notes(sentences=listed)
        yield Section(key="references", title=say("section_references"), blocks=(notes,))


def _with_rows(key: str, title: str, blocks: Sequence[Block]) -> Iterator[Section]:
    """A section of what was measured, if anything was."""
    shown = tuple(block for block in blocks if not _is_missing(block))
    if shown:
        yield Section(key=key, title=say(title), blocks=shown)


def _missing_section(blocks: Sequence[Block], figures: tuple[Text, ...]) -> Section:
    """One line for each table and figure of which nothing was measured."""
    missing = tuple(block for block in blocks if _is_missing(block))
    return Section(
        key="not-measured",
        title=say("section_missing"),
        blocks=(*missing, Notes(sentences=figures)),
    )


def _is_missing(block: Block) -> bool:
    return isinstance(block, Table) and block.missing is not None
