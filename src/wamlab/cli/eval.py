"""Runs a recipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from wamlab.cli._parser import Parser
from wamlab.cli._progress import ProgressDisplay
from wamlab.cli._recipes import load_recipe
from wamlab.cli._runs import success_text
from wamlab.core.config import build
from wamlab.core.health import Check, Level
from wamlab.doctor import quick_check, recommended_workers
from wamlab.engine.run import Tally, evaluate
from wamlab.engine.schedule import MAX_ATTEMPTS
from wamlab.engine.timeouts import Timeouts

INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended

HELP = """\
usage: wamlab eval RECIPE [--out DIR] [--workers N] [--only PATTERN] [--set KEY=VALUE ...]
                   [--simulator-timeout S] [--plan-timeout S] [--json]

Runs a recipe and writes one record per episode. Interrupt it at any time; the same
command continues. Errored episodes are run again, at most twice; finished ones never are.
A machine that would measure something else is refused; wamlab doctor says more.

  RECIPE                 recipes.quickstart:seek, or a run folder or its run.json
  --out DIR              run folder                            [runs/<recipe>-<digest>]
  --workers N            simulator processes                   [cores, if memory allows]
  --only PATTERN         episodes whose key matches, e.g. 'libero/libero_10/003/*'  [all]
  --set KEY=VALUE        change one setting, e.g. benchmark.num_inits=10 (repeatable)
  --simulator-timeout S  seconds without a control step until a simulator is killed  [120]
  --plan-timeout S       seconds without a plan until the policy is killed           [300]
  --json                 print the counts as JSON

exit status: 0 all episodes recorded; 1 some ended in an error, or the run stopped;
2 the request is wrong; 130 interrupted
"""


def run(arguments: Sequence[str]) -> int:
    parser = Parser("eval")
    parser.add_argument("recipe")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--workers", type=int, default=recommended_workers())
    parser.add_argument("--only")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--simulator-timeout", type=float, default=Timeouts().simulator_s)
    parser.add_argument("--plan-timeout", type=float, default=Timeouts().plan_s)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    recipe = load_recipe(asked.recipe, asked.settings)
    out = recipe.folder if asked.out is None else asked.out
    checks = quick_check(build(recipe.run.benchmark), out)
    _warn(checks)
    with ProgressDisplay() as display:
        try:
            tally = evaluate(
                recipe.run,
                out,
                workers=asked.workers,
                only=asked.only,
                timeouts=Timeouts(simulator_s=asked.simulator_timeout, plan_s=asked.plan_timeout),
                recipe=recipe.name,
                argv=("wamlab", "eval", *arguments),
                checks=checks,
                progress=display.show,
            )
        except KeyboardInterrupt:
            print(f"interrupted; the same command continues in {out}", file=sys.stderr)
            return INTERRUPTED
    if asked.json:
        print(json.dumps({"run": str(out), **asdict(tally)}))
    else:
        print(_summary(recipe.run.name, out, tally))
    return 1 if tally.num_errors else 0


def _warn(checks: Sequence[Check]) -> None:
    for check in checks:
        if check.level is Level.AMBER:
            print(f"{check.name}: {check.found}; {check.remedy}", file=sys.stderr)


def _summary(name: str, out: Path, tally: Tally) -> str:
    success = success_text(tally.num_successes, tally.num_finished)
    lines = [f"{name}  {success}  errors {tally.num_errors}", f"run folder: {out}"]
    if tally.num_repaired_bytes:
        lines.append(
            f"cut off a torn last line of {tally.num_repaired_bytes} bytes; it is run again"
        )
    if num_retries := tally.num_errors - tally.num_given_up:
        lines.append(f"incomplete: {num_retries} ended in an error; the same command retries them")
    if tally.num_given_up:
        lines.append(
            f"incomplete: {tally.num_given_up} ended in an error {MAX_ATTEMPTS} times and are not "
            "run again; see wamlab show"
        )
    return "\n".join(lines)
