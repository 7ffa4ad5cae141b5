"""Writes the report: one HTML page, and the same tables as Markdown, CSV and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wamlab.core.config import Json
from wamlab.core.errors import ConfigError
from wamlab.records.files import write_whole
from wamlab.records.registration import Registration
from wamlab.report.claims_part import ClaimsPart, claims_part, study_json
from wamlab.report.contents import contents, warnings_of_videos
from wamlab.report.curves import gather_trainings
from wamlab.report.document import Document
from wamlab.report.figures import Figure
from wamlab.report.galleries import strips_of
from wamlab.report.gate import check_document, check_tables, mark_equal_rates
from wamlab.report.listing import episode_rows
from wamlab.report.markdown import markdown_report
from wamlab.report.measured import Evidence
from wamlab.report.page import render_page, template
from wamlab.report.pdf import check_pdf, render_pdf
from wamlab.report.plain import csv_text, table_json
from wamlab.report.study import Study
from wamlab.report.svg import standalone
from wamlab.report.timed import Timed
from wamlab.report.training_table import curve_rows
from wamlab.report.videos import VideoMode, gather_videos


def write_report(
    study: Study,
    out: Path,
    *,
    languages: Sequence[str] = ("en", "zh"),
    videos: VideoMode = VideoMode.AUTO,
    moved_curves: Mapping[str, Path] | None = None,
    registration: Registration | None = None,
    evidence: Evidence | None = None,
    as_pdf: bool = False,
    published: Sequence[str] = (),
    timed: Sequence[Timed] = (),
) -> dict[str, Json]:
    """Writes report.html, report.md, report.json, tables/*.csv, figures/*.svg, gallery/*.jpg.

    Args:
        out: Folder, made if it is absent; an earlier report in it is replaced.
        languages: "en", "zh" or both; the first is shown first.
        moved_curves: Name of a policy -> folder of its training, where a checkpoint has moved.
        registration: The claims to decide; None for a report without any.
        evidence: What they need beside the records.
        as_pdf: Also write report_en.pdf and report_zh.pdf, of the languages asked for.
        published: Models whose printed numbers stand beside ours, in blocks of their own.
        timed: How long plans take.

    Returns:
        The content of report.json.

    Raises:
        ConfigError: If the folder cannot be written, the videos cannot be taken along, or no PDF
            can be made here.
        ConsistencyError: If a table contradicts the records, itself or another one; nothing is
            written then.
    """
    if as_pdf:
        check_pdf()
    trainings = gather_trainings(study, moved_curves)
    document = contents(study, trainings, published, timed)
    claims = None if registration is None else claims_part(study, registration, evidence)
    sections = () if claims is None else claims.sections
    document = _checked(study, replace(document, sections=(*sections, *document.sections)))
    films = gather_videos(study, out, videos)
    told = (*document.warnings, *warnings_of_videos(films.num_missing))
    document = replace(document, warnings=told)
    content = _json(study, document, claims)
    files = {
        "report.html": render_page(study, document, films, languages),
        "report.md": markdown_report(document, languages),
        "report.json": json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "tables/episodes.csv": csv_text(episode_rows(study)),
        **_parts(document, languages[0]),
    }
    content_of = {name: text.encode() for name, text in files.items()}
    content_of |= strips_of(document.galleries)
    for lang in languages if as_pdf else ():
        content_of[f"report_{lang}.pdf"] = render_pdf(study, document, lang)
    if trainings.found:
        content_of["tables/curves.csv"] = csv_text(curve_rows(trainings.found)).encode()
    _write(out, content_of)
    return content


def _checked(study: Study, document: Document) -> Document:
    """The document once it was held against the records and itself, equal rates marked."""
    document = mark_equal_rates(document)
    check_document(document)
    tables = document.tables
    by_task = [table for table in tables if table.key.startswith("tasks_")]
    check_tables(study, next(table for table in tables if table.key == "table1"), by_task)
    return document


def _parts(document: Document, lang: str) -> dict[str, str]:
    """Each table and each figure as a file of its own."""
    tables = {f"tables/{one.key}.csv": one.records() for one in document.tables if one.rows}
    return {
        **{name: csv_text(rows) for name, rows in tables.items()},
        **{f"figures/{one.key}.svg": _sheet_of(one, lang) for one in document.figures},
    }


def _write(out: Path, content_of: Mapping[str, bytes]) -> None:
    try:
        for name, written in content_of.items():
            write_whole(out / name, written)
    except OSError as error:
        raise ConfigError(
            f"{out}: cannot be written ({error.strerror}); name another folder with --out"
        ) from error


def _json(study: Study, document: Document, claims: ClaimsPart | None) -> dict[str, Json]:
    return {
        "benchmark": study.benchmark,
        "reference": study.reference.name,
        "average_of": list(study.average_of),
        "paired": not study.is_mixed,
        "capped_to": study.capped_to,
        "warnings": [text.en for text in document.warnings],
        "num_errors": {entry.name: entry.num_errors for entry in study.entries},
        **study_json(claims),
        "tables": {table.key: table_json(table) for table in document.tables},
    }


def _sheet_of(figure: Figure, lang: str) -> str:
    return standalone(
        [
            (
                panel.title.in_language(lang),
                panel.drawing(lang),
                panel.across.in_language(lang) if panel.across else "",
            )
            for panel in figure.panels
        ],
        title=figure.title.in_language(lang),
        style=template("drawing.css"),
        legend=figure.legend,
    )
