"""Writes a report of one or several runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from wamlab.catalog import available, load
from wamlab.cli._parser import Parser
from wamlab.cli._recipes import load_design
from wamlab.cli._runs import open_run
from wamlab.core.config import build, unpack
from wamlab.core.errors import ConfigError, WamlabError
from wamlab.core.protocols import Benchmark
from wamlab.profiling.record import read_profile
from wamlab.records.registration import Registration, read_registration, unregistered
from wamlab.records.store import LoadedRun
from wamlab.report.measured import Evidence, Timing
from wamlab.report.timed import Batch, Timed

LANGUAGES = {"en": ("en",), "zh": ("zh",), "both": ("en", "zh")}
NEEDED = ("scipy", "jinja2")

HELP = """\
usage: wamlab report RUN [RUN ...] [--out DIR] [--reference NAME] [--lang LANG] [--limits NAME]
                     [--videos MODE] [--curves NAME=FOLDER ...] [--published MODEL ...]
                     [--study FILE] [--profile DIR ...] [--pdf] [--allow-mixed] [--json]

Writes one page with success rates, their intervals, and the differences of several policies
on the same episodes; every number leads to its episodes and their videos. The same tables
are written as Markdown, CSV and JSON; the curves of a checkpoint's training come along.

  RUN               run folder or bundle; runs of one policy with different episodes become one row;
                    NAME=RUN calls the row so, e.g. joint_43=runs/joint_43
  --out DIR         folder of the report    [RUN/report; of several runs: report beside them]
  --reference NAME  policy that the others are compared with           [that of the first run]
  --lang LANG       en, zh, or both with a switch on the page          [both]
  --limits NAME     apply the step limits of a protocol to longer episodes, e.g. openpi  [none]
  --videos MODE     embed in the page, link to the run folders, or auto: embed up to 40 MB [auto]
  --curves NAME=FOLDER  training or model folder of a policy whose checkpoint has moved; repeatable
  --published MODEL what others print of it, as marked rows in no test; MODEL@SOURCE; repeatable
  --study FILE      decide the claims of wamlab register's file; a recipe's are exploratory  [none]
  --profile DIR     how long plans of a policy take, by wamlab profile; Table 4; repeatable
  --pdf             also write report_en.pdf and report_zh.pdf; needs wamlab[pdf]
  --allow-mixed     one table of runs of different protocols, unpaired and flagged
  --json            print the content of report.json

exit status: 0 written; 1 a run cannot be read; 2 the request is wrong
"""


def run(arguments: Sequence[str]) -> int:
    parser = Parser("report")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--reference")
    parser.add_argument("--lang", choices=list(LANGUAGES), default="both")
    parser.add_argument("--limits")
    parser.add_argument("--videos", choices=("auto", "embed", "link"), default="auto")
    parser.add_argument("--curves", action="append", default=[])
    parser.add_argument("--published", action="append", default=[])
    parser.add_argument("--study")
    parser.add_argument("--profile", action="append", default=[], type=Path)
    parser.add_argument("--pdf", action="store_true")
    parser.add_argument("--allow-mixed", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    _check_installed()
    from wamlab.report.build import write_report  # scipy takes a second, only this verb needs it
    from wamlab.report.study import make_study
    from wamlab.report.videos import VideoMode

    registration = None if asked.study is None else _registration(asked.study)
    places = [_place(text) for text in asked.runs]
    runs = [_opened(*place) for place in places]
    study = make_study(
        runs,
        reference=asked.reference,
        allow_mixed=asked.allow_mixed,
        instructions=_instructions(runs),
        protocols=_protocols(runs),
        capped_to=asked.limits,
    )
    out = asked.out or _default_folder([path for _, path in places])
    content = write_report(
        study,
        out,
        languages=LANGUAGES[asked.lang],
        videos=VideoMode(asked.videos),
        moved_curves=_moved_curves(asked.curves),
        as_pdf=asked.pdf,
        published=asked.published,
        timed=[_timed(folder) for folder in asked.profile],
        registration=registration,
        evidence=Evidence(timings=_timings(asked.profile)),
    )
    if asked.json:
        print(json.dumps(content, ensure_ascii=False))
    else:
        print(out / "report.html")
    return 0


def _place(text: str) -> tuple[str | None, Path]:
    """NAME=RUN, or a RUN whose own name stays, even if there is a = in its path."""
    name, equals, path = text.partition("=")
    if not equals or not name or Path(text).exists():
        return None, Path(text)
    return name, Path(path)


def _opened(name: str | None, path: Path) -> LoadedRun:
    run = open_run(path, skips_bad_lines=True)
    return run if name is None else replace(run, info=replace(run.info, name=name))


def _registration(name: str) -> Registration:
    """A registered study, or a recipe's design, which nobody fixed before the runs."""
    if name.endswith(".json") or ":" not in name:
        return read_registration(Path(name))
    return unregistered(load_design(name), name)


def _timed(folder: Path) -> Timed:
    """What Table 4 says of a profile."""
    profile = read_profile(folder)
    plan, settings = profile.plan_ms, profile.policy
    config = settings.get("config") if isinstance(settings, Mapping) else None
    steps = config.get("num_denoise_steps") if isinstance(config, Mapping) else None
    return Timed(
        name=profile.name,
        group=profile.facts.get("class"),
        device=profile.device_name,
        num_calls=plan.num,
        mean_ms=plan.mean,
        sd_ms=plan.sd,
        p50_ms=plan.p50,
        p50_interval=plan.p50_interval,
        p95_ms=plan.p95,
        p95_interval=plan.p95_interval,
        denoise_steps=steps if isinstance(steps, int) else None,
        executed=profile.replan_every,
        predicted=profile.horizon,
        ms_per_action=profile.batches[0].ms_per_executed_action,
        policy=profile.policy,
        load=profile.load_average[1],
        stages=tuple(profile.stages_ms.items()),
        batches=tuple(
            Batch(one.batch, one.plan_ms.p50, one.plans_per_s) for one in profile.batches
        ),
    )


def _timings(folders: Sequence[Path]) -> dict[str, Timing]:
    """Row -> the median of one plan; its limits also hold the median of each process.

    Left out are rows whose calls are too few for an interval, and those with several profiles:
    nobody knows which of their settings a claim means.
    """
    profiles = [read_profile(folder) for folder in folders]
    found: dict[str, Timing] = {}
    for profile in profiles:
        plan, (low, high) = profile.plan_ms, profile.plan_ms.p50_interval
        is_alone = sum(one.name == profile.name for one in profiles) == 1
        if is_alone and low is not None and high is not None:
            limits = min(low, *plan.process_p50), max(high, *plan.process_p50)
            found[profile.name] = Timing(plan.p50, *limits, plan.num, profile.device_name)
    return found


def _moved_curves(settings: Sequence[str]) -> Mapping[str, Path]:
    moved: dict[str, Path] = {}
    for setting in settings:
        name, equals, folder = setting.rpartition("=")
        if not equals or not name or not folder:
            raise ConfigError(
                f"--curves: got {setting!r}, expected NAME=FOLDER, e.g. joint=runs/nano_joint"
            )
        moved[name] = Path(folder)
    return moved


def _check_installed() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"reports: packages {', '.join(missing)} are not installed; "
            "run pip install 'wamlab[report]'"
        )


def _default_folder(runs: Sequence[Path]) -> Path:
    if len(runs) > 1:
        return runs[0].parent / "report"
    # A bundle is a file, and several may lie side by side.
    [run] = runs
    return run / "report" if run.is_dir() else run.with_name(f"{run.name.split('.')[0]}_report")


def _instructions(runs: Sequence[LoadedRun]) -> Mapping[tuple[str, str], str]:
    """Tasks in words, where the benchmark is installed here; a report is possible without."""
    found: dict[tuple[str, str], str] = {}
    for loaded in runs:
        packed = loaded.info.config.get("benchmark")
        if not _may_be_built(packed, is_ours=loaded.folder.is_dir()):
            continue
        try:
            # Not the whole recipe: the policy's module may need torch, or be another lab's.
            benchmark: Benchmark = build(unpack(packed, where="benchmark"))
            for record in loaded.records:
                place = (record.key.suite, record.key.task)
                if place not in found and record.key.axis == "none":
                    found[place] = benchmark.instruction(record.key)
        except WamlabError:
            continue
    return found


def _may_be_built(packed: object, *, is_ours: bool) -> bool:
    """Whether that configuration's module may be imported; a bundle could name any module."""
    name = packed.get("class") if isinstance(packed, Mapping) else None
    return name is not None and (is_ours or str(name).startswith("wamlab.benchmarks."))


def _protocols(runs: Sequence[LoadedRun]) -> Mapping[str, Mapping[str, int]]:
    """Published step limits of the benchmarks, of those that are ours and name some."""
    names = {record.key.benchmark for loaded in runs for record in loaded.records[:1]}
    found: dict[str, Mapping[str, int]] = {}
    for name in sorted(names & set(available("benchmark"))):
        protocols = getattr(load("benchmark", name), "PROTOCOLS", {})
        found |= {key: protocol.step_limits for key, protocol in protocols.items()}
    return found
