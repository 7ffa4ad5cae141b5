"""Compares what a policy needs with what a benchmark gives."""

from __future__ import annotations

from collections.abc import Sequence

from wamlab.cli._parser import Parser
from wamlab.cli._recipes import load_recipe
from wamlab.core.config import build
from wamlab.core.protocols import Benchmark, Policy
from wamlab.core.recipe import check_run

HELP = """\
usage: wamlab check RECIPE [--set KEY=VALUE ...]

Builds the policy and compares what it needs with what the benchmark gives: cameras, state,
action, horizon. Lists every mismatch. Starts no simulator.

  RECIPE           recipes.quickstart:seek, or a run folder or its run.json
  --set KEY=VALUE  change one setting, e.g. policy.horizon=16 (repeatable)

exit status: 0 they fit; 2 they do not
"""


def run(arguments: Sequence[str]) -> int:
    parser = Parser("check")
    parser.add_argument("recipe")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    asked = parser.parse_args(arguments)
    recipe = load_recipe(asked.recipe, asked.settings).run
    benchmark: Benchmark = build(recipe.benchmark)
    policy: Policy = build(recipe.policy)
    check_run(recipe, policy.spec, benchmark.spec)
    keys = benchmark.episodes()
    num_tasks = len({(key.suite, key.task) for key in keys})
    cameras = ", ".join(sorted(policy.spec.cameras)) or "none"
    print(
        f"{recipe.name} fits: {len(keys)} episodes of {num_tasks} tasks, "
        f"{recipe.replan_every} of {policy.spec.horizon} actions a plan, cameras: {cameras}"
    )
    return 0
