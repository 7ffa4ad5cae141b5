"""Writes a report of one or several runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from wamlab.catalog import available, load
from wamlab.cli._parser import Parser
from wamlab.core.config import build, from_json
from wamlab.core.errors import ConfigError, WamlabError
from wamlab.core.protocols import Benchmark
from wamlab.core.recipe import Run
from wamlab.records.store import RUN_FILE, LoadedRun, load_run

LANGUAGES = {"en": ("en",), "zh": ("zh",), "both": ("en", "zh")}
NEEDED = ("scipy", "jinja2")

HELP = """\
usage: wamlab report RUN [RUN ...] [--out DIR] [--reference NAME] [--lang en|zh|both]
                     [--limits PROTOCOL] [--videos auto|embed|link] [--allow-mixed] [--json]

Writes one page with success rates, their intervals, and the differences of several policies
on the same episodes; every number leads to its episodes and their videos. The same tables
are written as Markdown, CSV and JSON.

  RUN               run folder; runs of one policy with different episodes become one row
  --out DIR         folder of the report    [RUN/report; of several runs: report beside them]
  --reference NAME  policy that the others are compared with           [that of the first run]
  --lang LANG       en, zh, or both with a switch on the page          [both]
  --limits NAME     apply the step limits of a protocol to longer episodes, e.g. openpi  [none]
  --videos MODE     embed in the page, link to the run folders, or auto: embed up to 40 MB [auto]
  --allow-mixed     one table of runs of different protocols, unpaired and flagged
  --json            print the content of report.json

exit status: 0 written; 1 a run cannot be read; 2 the request is wrong
"""


def run(arguments: Sequence[str]) -> int:
    parser = Parser("report")
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--reference")
    parser.add_argument("--lang", choices=list(LANGUAGES), default="both")
    parser.add_argument("--limits")
    parser.add_argument("--videos", choices=("auto", "embed", "link"), default="auto")
    parser.add_argument("--allow-mixed", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    _check_installed()
    from wamlab.report.build import write_report  # scipy takes a second, only this verb needs it
    from wamlab.report.study import make_study
    from wamlab.report.videos import VideoMode

    runs = [_load(folder) for folder in asked.runs]
    study = make_study(
        runs,
        reference=asked.reference,
        allow_mixed=asked.allow_mixed,
        instructions=_instructions(runs),
        protocols=_protocols(runs),
        capped_to=asked.limits,
    )
    out = asked.out or _default_folder(asked.runs)
    content = write_report(
        study, out, languages=LANGUAGES[asked.lang], videos=VideoMode(asked.videos)
    )
    if asked.json:
        print(json.dumps(content, ensure_ascii=False))
    else:
        print(out / "report.html")
    return 0


def _check_installed() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"reports: packages {', '.join(missing)} are not installed; "
            "run pip install 'wamlab[report]'"
        )


def _load(folder: Path) -> LoadedRun:
    if not (folder / RUN_FILE).is_file():
        what = f"has no {RUN_FILE}" if folder.is_dir() else "no such folder"
        raise ConfigError(f"{folder}: {what}, expected a run folder; see wamlab ls {folder.parent}")
    return load_run(folder)


def _default_folder(folders: Sequence[Path]) -> Path:
    return folders[0] / "report" if len(folders) == 1 else folders[0].parent / "report"


def _instructions(runs: Sequence[LoadedRun]) -> Mapping[tuple[str, str], str]:
    """Tasks in words, where the benchmark is installed here; a report is possible without."""
    found: dict[tuple[str, str], str] = {}
    for loaded in runs:
        try:
            benchmark: Benchmark = build(from_json(Run, loaded.info.config).benchmark)
            for record in loaded.records:
                place = (record.key.suite, record.key.task)
                if place not in found and record.key.axis == "none":
                    found[place] = benchmark.instruction(record.key)
        except WamlabError:
            continue
    return found


def _protocols(runs: Sequence[LoadedRun]) -> Mapping[str, Mapping[str, int]]:
    """Published step limits of the benchmark, if it is one of ours and names some."""
    names = {record.key.benchmark for loaded in runs for record in loaded.records[:1]}
    if len(names) != 1 or (name := names.pop()) not in available("benchmark"):
        return {}
    protocols = getattr(load("benchmark", name), "PROTOCOLS", {})
    return {key: protocol.step_limits for key, protocol in protocols.items()}
