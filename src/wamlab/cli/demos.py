"""Records demonstrations."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from wamlab.cli._parser import Parser, percentage
from wamlab.cli._progress import ProgressDisplay
from wamlab.cli._recipes import load_recipe
from wamlab.cli._runs import success_text
from wamlab.core.config import build
from wamlab.core.errors import ConfigError
from wamlab.core.health import Level
from wamlab.doctor import quick_check, recommended_workers

INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended

HELP = """\
usage: wamlab demos RECIPE --out DIR [--workers N] [--only PATTERN] [--set KEY=VALUE ...]
                    [--keep-no-ops] [--image-every N] [--push-rate PCT] [--json]

Runs a recipe and keeps every episode that succeeded and stayed so as a demonstration, in a
LeRobot dataset (v3.0). Interrupt it at any time; the same command continues.

  RECIPE             recipes.demos:libero_spatial
  --out DIR          the dataset; recordings lie in its folder "recording"
  --workers N        simulator processes                   [cores, if memory allows]
  --only PATTERN     episodes whose key matches, e.g. 'libero/libero_spatial/003/*'  [all]
  --set KEY=VALUE    change one setting, e.g. benchmark.image_px=256 (repeatable)
  --keep-no-ops      record actions that change nothing, too  [they are not executed]
  --image-every N    render every Nth step and repeat the picture between      [1]
  --push-rate PCT    of the steps: somebody begins to push the hand aside, which is marked and
                     not learned from; what the demonstrator then does is        [0%]
  --json             print the counts as JSON

exit status: 0 all episodes recorded; 1 some ended in an error, or the run stopped;
2 the request is wrong; 130 interrupted
"""


def run(arguments: Sequence[str]) -> int:
    parser = Parser("demos")
    parser.add_argument("recipe")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=recommended_workers())
    parser.add_argument("--only")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--keep-no-ops", action="store_true")
    parser.add_argument("--image-every", type=int, default=1)
    parser.add_argument("--push-rate", type=percentage, default=0.0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    recipe = load_recipe(asked.recipe, asked.settings)
    try:
        from wamlab.engine.demonstrate import Demonstrated, demonstrate
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"demonstrations: package {error.name} is not installed; run pip install 'wamlab[data]'"
        ) from error
    checks = quick_check(build(recipe.run.benchmark), asked.out)
    for check in checks:
        if check.level is Level.AMBER:
            print(f"{check.name}: {check.found}; {check.remedy}", file=sys.stderr)
    with ProgressDisplay() as display:
        try:
            done: Demonstrated = demonstrate(
                recipe.run,
                asked.out,
                workers=asked.workers,
                only=asked.only,
                drop_no_ops=not asked.keep_no_ops,
                image_every=asked.image_every,
                push_rate=asked.push_rate,
                recipe=recipe.name,
                argv=("wamlab", "demos", *arguments),
                checks=checks,
                progress=display.show,
            )
        except KeyboardInterrupt:
            print(f"interrupted; the same command continues in {asked.out}", file=sys.stderr)
            return INTERRUPTED
    if asked.json:
        print(json.dumps({"dataset": str(asked.out), **asdict(done)}))
    else:
        tally = done.tally
        success = success_text(tally.num_successes, tally.num_finished)
        print(f"{recipe.run.name}  {success}  errors {tally.num_errors}")
        print(
            f"dataset: {asked.out}  {done.num_demonstrations} demonstrations, "
            f"{done.num_frames} steps  ({done.num_unsettled} successes did not last)"
        )
    return 1 if done.tally.num_errors else 0
