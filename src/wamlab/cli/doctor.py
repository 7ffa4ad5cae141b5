"""Tells whether this machine is fit to measure with."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from wamlab import catalog
from wamlab.cli._parser import Parser
from wamlab.cli._recipes import load_recipe
from wamlab.core.config import build, to_json
from wamlab.core.errors import ConfigError, unknown_name
from wamlab.core.health import Check, Depth, Examinable, Level, worst
from wamlab.core.protocols import Benchmark
from wamlab.core.settings import with_settings
from wamlab.doctor import examine

HELP = """\
usage: wamlab doctor [BENCHMARK | RECIPE] [--quick] [--suite SUITE ...] [--runs DIR]
                     [--set benchmark.KEY=VALUE ...] [--json]

Compares this machine with the reference: versions, assets, system libraries, disk, memory,
clock; how fast images are drawn and whether they are the same; where each task's objects come
to rest. Green is as in the reference, amber works but is slower or unproven, red would fail or
measure something else. Each line that is not green ends with a remedy.

  BENCHMARK      its name, or a recipe whose benchmark is meant              [libero]
  --quick        one task's simulator (15 s) instead of every task's (9 s each, 6 min in all)
  --suite SUITE  only the tasks of this suite (repeatable)                   [the benchmark's]
  --runs DIR     where runs will be written                                  [runs]
  --set          change one setting, e.g. benchmark.renderer=egl (repeatable)
  --json         print the checks as one JSON object

exit status: 0 no red; 1 red; 2 the request is wrong; 130 interrupted
"""

SETTING = "benchmark."
DEFAULT_BENCHMARK = "libero"
INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended
MAX_GREEN_ROWS = 5
COLORS = {Level.GREEN: "green", Level.AMBER: "yellow", Level.RED: "bold red"}


def run(arguments: Sequence[str]) -> int:
    parser = Parser("doctor")
    parser.add_argument("benchmark", nargs="?", default=DEFAULT_BENCHMARK)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--suite", action="append", default=[], dest="suites")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    settings = list(asked.settings)
    if asked.suites:
        settings.append(f"{SETTING}suites={','.join(asked.suites)}")
    benchmark = _benchmark(asked.benchmark, settings)
    started = monotonic()
    depth = Depth.QUICK if asked.quick else Depth.FULL
    try:
        checks = list(_watched(benchmark, asked.runs, depth))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    level, seconds = worst(checks), round(monotonic() - started, 1)
    if asked.json:
        lines = [to_json(check) for check in checks]
        print(json.dumps({"level": level.value, "seconds": seconds, "checks": lines}))
    else:
        _print(checks, seconds)
    return 1 if level is Level.RED else 0


def _benchmark(name: str, settings: Sequence[str]) -> Benchmark:
    """The benchmark of that name or of that recipe, with some settings changed."""
    if name not in catalog.available("benchmark") and (":" in name or Path(name).exists()):
        found: Benchmark = build(load_recipe(name, settings).run.benchmark)
        return found
    classes = catalog.classes("benchmark", name)
    if len(classes) != 1:
        raise ConfigError(f"{name}: has {len(classes)} benchmark classes, expected one")
    (cls,) = classes.values()
    foreign = [setting for setting in settings if not setting.startswith(SETTING)]
    if foreign:
        raise unknown_name("setting", foreign[0], [], f"Expected {SETTING}KEY=VALUE.")
    config = with_settings(cls.Config(), [setting.removeprefix(SETTING) for setting in settings])
    benchmark: Benchmark = cls(config)
    return benchmark


def _watched(benchmark: Benchmark, folder: Path, depth: Depth) -> Iterator[Check]:
    """The checks, while stderr tells what is going on."""
    console = Console(stderr=True)
    if not isinstance(benchmark, Examinable):
        print("this benchmark has no checks of its own", file=sys.stderr)
    if console.is_terminal:
        with Status("examining this machine", console=console) as status:
            yield from examine(benchmark, folder, depth, status.update)
    else:
        yield from examine(benchmark, folder, depth, lambda line: print(line, file=sys.stderr))


def condensed(checks: Sequence[Check]) -> list[Check]:
    """The checks with many green ones of a kind made one; a kind is the first word of the name."""
    kinds = Counter(_kind(check) for check in checks if check.level is Level.GREEN)
    rows, told = [], set()
    for check in checks:
        kind = _kind(check)
        if check.level is not Level.GREEN or kinds[kind] <= MAX_GREEN_ROWS:
            rows.append(check)
        elif kind not in told:
            told.add(kind)
            name = f"{kind} ({kinds[kind]} green)"
            rows.append(replace(check, name=name, found=f"as expected: {check.expected}"))
    return rows


def _kind(check: Check) -> str:
    return check.name.partition(" ")[0]


def _print(checks: Sequence[Check], seconds: float) -> None:
    """A table on a terminal, else two or three short lines for each check."""
    console = Console()
    if console.is_terminal:
        table = Table(box=None, pad_edge=False, show_header=False)
        for check in condensed(checks):
            mark = Text(check.level.value, COLORS[check.level])
            table.add_row(mark, check.name, Text("\n".join([check.found, *_advice(check)])))
        console.print(table)
    else:
        for check in condensed(checks):
            print(f"{check.level:5}  {check.subject} {check.name}: {check.found}")
            for line in _advice(check):
                print(f"       {line}")
    levels = [check.level for check in checks]
    counts = ", ".join(f"{levels.count(level)} {level}" for level in reversed(Level))
    print(f"{counts}; took {seconds:g} s")


def _advice(check: Check) -> list[str]:
    """What was expected and what to do, for what is not green."""
    if check.level is Level.GREEN:
        return []
    expected = [f"expected {check.expected}"] if check.expected else []
    return [*expected, f"remedy: {check.remedy}"]
