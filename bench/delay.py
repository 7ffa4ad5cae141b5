"""Success against delay, way of waiting and replanning interval, of any recipe.

python bench/delay.py [RECIPE] [--delays 0,1,2,4,8] [--ways hold,continue,stale] [--replan 4,8]
                      [--out runs/delay] [--workers 2]

Run it from the folder of the recipes. Every point is a run folder of its own under --out, which
`wamlab report runs/delay/*` compares in pairs; the same command continues an interrupted sweep.
Delays are simulated time (core/delay.py): on every machine the numbers are the same.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from recipes.delay import sweep

from wamlab.cli._recipes import load_recipe
from wamlab.core.delay import WhileWaiting
from wamlab.core.errors import WamlabError
from wamlab.engine.run import evaluate
from wamlab.records.store import load_run
from wamlab.report.delays import delay_table
from wamlab.report.study import make_study
from wamlab.stats.rates import wilson


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recipe", nargs="?", default="recipes.delay:hold")
    parser.add_argument("--delays", default="0,1,2,4,8")
    parser.add_argument("--ways", default="hold,continue,stale")
    parser.add_argument("--replan", default="")
    parser.add_argument("--out", type=Path, default=Path("runs/delay"))
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    try:
        run = load_recipe(asked.recipe).run
        delays = sorted({0, *map(int, asked.delays.split(","))})
        ways = [WhileWaiting(way) for way in asked.ways.split(",")]
        replans = [int(text) for text in asked.replan.split(",") if text] or [run.replan_every]
        measured: dict[tuple[int, WhileWaiting], list[tuple[int, int, int]]] = {}
        folders = []
        for point in sweep(run, delays=delays, ways=ways, replans=replans):
            folders.append(asked.out / point.name)
            tally = evaluate(point, folders[-1], workers=asked.workers)
            if tally.num_errors:
                print(f"{point.name}: {tally.num_errors} errors; run the same command again")
            found = (point.delay_steps, tally.num_successes, tally.num_finished)
            for way in [point.while_waiting] if point.delay_steps else ways:
                measured.setdefault((point.replan_every, way), []).append(found)
    except (WamlabError, ValueError) as error:
        parser.exit(2, f"{asked.recipe}: {error}\n")
    print(f"{'replan every':>12}  {'waiting':<9} " + "".join(f"{d:>22} steps" for d in delays))
    for (replan_every, way), points in measured.items():
        print(f"{replan_every:>12}  {way.value:<9} " + "".join(f"{_cell(*p):>28}" for p in points))
    print(*_tolerated(folders), sep="\n")


def _cell(_: int, num_successes: int, num_finished: int) -> str:
    rate = wilson(num_successes, num_finished)
    return f"{rate.estimate:.1%} [{rate.low:.0%}, {rate.high:.0%}] {num_successes}/{num_finished}"


def _tolerated(folders: Sequence[Path]) -> list[str]:
    """The report's sentences on the largest delay that costs next to nothing."""
    table = delay_table(make_study([load_run(folder) for folder in folders]))
    return [] if table is None else [note.en for note in table.notes[:-1]]  # the last explains


if __name__ == "__main__":
    main()
