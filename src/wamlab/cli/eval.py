"""Runs a recipe."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from wamlab.cli._budget import duration, plan_budget, plan_lines
from wamlab.cli._decision import Difference, Question, Registered, stopping
from wamlab.cli._parser import Parser, fraction, percentage
from wamlab.cli._place import Placed, placed
from wamlab.cli._progress import ProgressDisplay
from wamlab.cli._recipes import load_recipe
from wamlab.cli._runs import check_report_installed, open_run, success_text
from wamlab.core.config import build
from wamlab.core.episodes import EpisodeRecord, Outcome
from wamlab.core.errors import ConfigError
from wamlab.core.health import Check, Level
from wamlab.core.protocols import Benchmark
from wamlab.doctor import quick_check
from wamlab.engine.run import Tally, evaluate
from wamlab.engine.schedule import MAX_ATTEMPTS
from wamlab.engine.selection import Selection, choose
from wamlab.engine.stopping import Stopping
from wamlab.engine.timeouts import Timeouts
from wamlab.records.passes import retests
from wamlab.records.store import load_run
from wamlab.stats.retest import repeatability

INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended

HELP = """\
usage: wamlab eval RECIPE [--out DIR] [--set KEY=VALUE ...] [--json] [options below]

Writes one record per episode. Interrupt it at any time; the same command continues. Errored
episodes are run again, at most twice. A machine that would measure something else is refused.

  RECIPE                 recipes.quickstart:seek, or a run folder or its run.json
  --out DIR              run folder                            [runs/<recipe>-<digest>]
  --workers N            simulator processes, at most          [cores, if memory allows]
  --on PLACE             local, or a Ray cluster: ray, HOST:PORT, ray://HOST:PORT    [local]
  --replicas N           copies of the policy on that cluster, one for each GPU          [1]
  --only PATTERN         episodes whose key matches, e.g. 'libero/libero_10/003/*'  [all]
  --sample PCT           share of the episodes, suites, axes and levels in proportion: the
                         same for every policy, 1% part of 5%, 5% part of all      [100%]
  --part K/N             the K-th of N parts, one for each machine; wamlab merge joins them
  --twins                also the undisturbed twin of each episode, once
  --second-pass PCT      share of the sample to run again with other random draws  [0%]
  --budget TIME          e.g. 2h: says first what can be shown in it, then runs that
  --stop-when-decided RUN  stop once the success rate differs from that run's (alpha 0.05),
  --question FILE:NAME   or once that hypothesis of a registered study is decided
  --set KEY=VALUE        change one setting, e.g. benchmark.num_inits=10 (repeatable)
  --simulator-timeout S, --plan-timeout S  silent seconds until it is killed     [120, 300]
  --json                 print the counts as JSON

exit status: 0 all asked for recorded; 1 some erred, or it stopped; 2 wrong request; 130 interrupted
"""


def run(arguments: Sequence[str]) -> int:
    asked = _asked(arguments)
    recipe = load_recipe(asked.recipe, asked.settings)
    out = recipe.folder if asked.out is None else asked.out
    selection = Selection(
        only=asked.only,
        sample=asked.sample,
        twins=asked.twins,
        second_pass=asked.second_pass,
        part=asked.part,
    )
    benchmark = build(recipe.run.benchmark)
    question = _question(asked, benchmark, selection, recipe.run.name)
    checks = quick_check(benchmark, out)
    _warn(checks)

    def evaluated(selection: Selection, stopping: Stopping, place: Placed) -> Tally:
        with ProgressDisplay() as display:
            return evaluate(
                recipe.run,
                out,
                workers=place.workers,
                on=place.on,
                replicas=asked.replicas,
                selection=selection,
                stopping=stopping,
                timeouts=Timeouts(simulator_s=asked.simulator_timeout, plan_s=asked.plan_timeout),
                recipe=recipe.name,
                argv=("wamlab", "eval", *arguments),
                checks=checks,
                progress=display.show,
            )

    try:
        with placed(asked.on, workers=asked.workers, replicas=asked.replicas) as place:
            left_s = None
            if asked.budget is not None:
                selection, left_s = _within(benchmark, selection, out, asked, place, evaluated)
            tally = evaluated(selection, stopping(question, left_s), place)
    except KeyboardInterrupt:
        print(f"interrupted; the same command continues in {out}", file=sys.stderr)
        return INTERRUPTED
    if asked.json:
        print(json.dumps({"run": str(out), **asdict(tally)}))
    else:
        is_mixed = selection.twins or selection.second_pass > 0
        parts = _parts(load_run(out).records) if is_mixed else []
        print(_summary(recipe.run.name, out, tally, parts))
        if question:
            # Once more: a run that was complete, or out of time, was not asked.
            question.decided({record.key: record for record in load_run(out).records})
            print(question.verdict)
    return 1 if tally.num_errors else 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser("eval")
    parser.add_argument("recipe")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--on", default="local")
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("--sample", type=percentage, default=1.0)
    parser.add_argument("--part", type=fraction, default=(1, 1))
    parser.add_argument("--twins", action="store_true")
    parser.add_argument("--second-pass", type=percentage, default=0.0)
    parser.add_argument("--budget", type=duration)
    parser.add_argument("--stop-when-decided", type=Path, dest="decided_by")
    parser.add_argument("--question")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--simulator-timeout", type=float, default=Timeouts().simulator_s)
    parser.add_argument("--plan-timeout", type=float, default=Timeouts().plan_s)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def _question(
    asked: argparse.Namespace, benchmark: Benchmark, selection: Selection, name: str
) -> Question | None:
    """What may end this run early; None if nothing may."""
    if asked.decided_by is None:
        if asked.question is not None:
            raise ConfigError("--question: needs --stop-when-decided RUN, to compare with")
        return None
    check_report_installed("--stop-when-decided")
    other = open_run(asked.decided_by)
    keys = choose(benchmark, replace(selection, twins=False, second_pass=0.0)).keys
    if asked.question is None:
        return Difference(other, keys)
    if asked.budget is not None:
        raise ConfigError("--question: decides about all planned episodes; leave out --budget")
    return Registered(asked.question, other, keys, name=name)


def _within(
    benchmark: Benchmark,
    selection: Selection,
    out: Path,
    asked: argparse.Namespace,
    place: Placed,
    evaluated: Callable[[Selection, Stopping, Placed], Tally],
) -> tuple[Selection, float]:
    """What fits into the budget, told on stderr, and the seconds that are left of it."""
    check_report_installed("--budget")
    plan = plan_budget(
        benchmark,
        selection,
        out,
        budget_s=asked.budget,
        workers=place.workers,
        evaluate=lambda pilot: evaluated(pilot, Stopping(within_s=asked.budget), place),
    )
    print("\n".join(plan_lines(plan, workers=place.workers)), file=sys.stderr)
    return plan.selection, plan.left_s


def _warn(checks: Sequence[Check]) -> None:
    for check in checks:
        if check.level is Level.AMBER:
            print(f"{check.name}: {check.found}; {check.remedy}", file=sys.stderr)


def _parts(records: Sequence[EpisodeRecord]) -> list[str]:
    """Rates of disturbed and undisturbed episodes, and how well a second pass repeats them."""
    lines = []
    first = [r for r in records if r.repeats is None and r.outcome is not Outcome.ERROR]
    for name, is_clean in (("disturbed", False), ("undisturbed", True)):
        part = [r for r in first if (r.twin is None) == is_clean]
        if part:
            successes = sum(r.outcome is Outcome.SUCCESS for r in part)
            lines.append(f"{name:12} {success_text(successes, len(part))}")
    if pairs := retests(records):
        found = repeatability(*zip(*(map(_succeeded, pair) for pair in pairs), strict=True))
        alike, num = found.agreement, len(first)
        lines.append(
            f"second pass  {100 * alike.estimate:.1f} % [{100 * alike.low:.1f}, "
            f"{100 * alike.high:.1f}] of {found.num_pairs} end alike; a rerun of all {num} moves "
            f"their rate by {100 * found.rate_sd(num):.2f} pp (sd; at most "
            f"{100 * found.rate_sd_at_most(num):.2f})"
        )
    return lines


def _succeeded(record: EpisodeRecord) -> bool:
    return record.outcome is Outcome.SUCCESS


def _summary(name: str, out: Path, tally: Tally, parts: Sequence[str]) -> str:
    """What came out; one rate of all episodes only if they are of one kind, without `parts`."""
    success = success_text(tally.num_successes, tally.num_finished)
    counted = f"{tally.num_finished} of {tally.num_total} episodes" if parts else success
    lines = [f"{name}  {counted}  errors {tally.num_errors}", *parts, f"run folder: {out}"]
    if tally.num_repaired_bytes:
        lines.append(
            f"cut off a torn last line of {tally.num_repaired_bytes} bytes; it is run again"
        )
    if tally.num_vanished:
        lines.append(
            f"{tally.num_vanished} processes went with their machine; their episodes were run "
            "again (logs/cluster.log)"
        )
    if tally.stopped:
        num_left = tally.num_total - tally.num_finished - tally.num_errors
        lines.append(f"stopped, {tally.stopped}: {num_left} of {tally.num_total} did not run")
    if tally.num_skipped:
        lines.append(f"left out: {tally.num_skipped} that cannot run here; run.json names them")
    if num_retries := tally.num_errors - tally.num_given_up:
        lines.append(f"incomplete: {num_retries} ended in an error; the same command retries them")
    if tally.num_given_up:
        lines.append(
            f"incomplete: {tally.num_given_up} ended in an error {MAX_ATTEMPTS} times and are not "
            "run again; see wamlab show"
        )
    return "\n".join(lines)
