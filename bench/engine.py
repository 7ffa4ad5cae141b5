"""Times the engine against vla-eval and the bare loop on the same work, in one run.

    python bench/engine.py [--rounds N] [--episodes N] [--json]

The work: libero_spatial task 0, two 256 x 256 cameras, 10 settling and 100 control steps,
holding still. Every arm counts environment steps (both kinds), without start-up and first
episode. The arms run one after the other, in turn for each round, because the machine may be
shared; the table shows each arm's best round, since disturbance only ever slows down.

vla-eval runs in an environment of its own: bench/baselines/setup_vla_eval.sh makes it. Without
it, that arm is left out and the table says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "baselines")]

import workload
from bench.instant import InstantPolicy

from wamlab.benchmarks.libero import Libero, Renderer
from wamlab.core.recipe import Run
from wamlab.engine.run import evaluate
from wamlab.records.store import load_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One runner in the comparison: wamlab at some replan interval, or a script."""

    name: str
    workers: int
    replan_every: int = 0
    script: str = ""


ARMS = (
    Arm(name="bare loop, renders every step", workers=1, script="bare_loop.py"),
    Arm(name="vla-eval 0.8", workers=1, script="vla_eval.py"),
    Arm(name="vla-eval 0.8", workers=2, script="vla_eval.py"),
    Arm(name="wamlab, replan every 5", workers=1, replan_every=5),
    Arm(name="wamlab, replan every 5", workers=2, replan_every=5),
    Arm(name="wamlab, replan every 10", workers=1, replan_every=10),
    Arm(name="wamlab, replan every 10", workers=2, replan_every=10),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=workload.at_least_one, default=1, help="[1]")
    parser.add_argument(
        "--episodes", type=workload.at_least_one, default=3, help="counted, of each worker [3]"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()

    best: dict[Arm, float] = {}
    notes: dict[Arm, str] = {}
    for _ in range(options.rounds):
        for arm in ARMS:
            print(f"{arm.name}, {arm.workers} worker(s) ...", file=sys.stderr, flush=True)
            try:
                rate = measure(arm, options.episodes)
            except workload.MissingEnvironment as error:
                notes[arm] = str(error)
                continue
            best[arm] = max(rate, best.get(arm, 0.0))
    rows = [
        {
            "arm": arm.name,
            "workers": arm.workers,
            "env_steps_per_s": best.get(arm),
            "note": notes.get(arm, ""),
        }
        for arm in ARMS
    ]
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        print_table(rows)
    return 0


def measure(arm: Arm, episodes: int) -> float:
    """Environment steps per second, summed over the workers."""
    if not arm.script:
        return measure_wamlab(arm, episodes)
    command = [sys.executable, str(HERE / "baselines" / arm.script), "--episodes", str(episodes)]
    if arm.script == "vla_eval.py":
        command += ["--workers", str(arm.workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        raise workload.MissingEnvironment(done.stderr.strip())
    if done.returncode:
        raise RuntimeError(done.stderr)
    return float(json.loads(done.stdout.splitlines()[-1])["env_steps_per_s"])


def measure_wamlab(arm: Arm, episodes: int) -> float:
    """The engine as `wamlab eval` runs it: worker and policy processes, records, signals."""
    spec = Libero.spec
    num_episodes = arm.workers * (episodes + 1)
    run = Run(
        policy=InstantPolicy.Config(
            cameras=tuple(sorted(spec.cameras)),
            state=spec.state,
            action=spec.action,
            command=workload.HOLD,
            horizon=arm.replan_every,
        ),
        benchmark=Libero.Config(
            suites=(workload.SUITE,),
            tasks=(workload.TASK,),
            num_inits=num_episodes,
            step_limit=workload.CONTROL_STEPS,
            image_px=workload.IMAGE_PX,
            renderer=Renderer.OSMESA,
        ),
        replan_every=arm.replan_every,
        name="instant",
    )
    with tempfile.TemporaryDirectory() as folder:
        ends: list[float] = []
        evaluate(
            run,
            Path(folder) / "run",
            workers=arm.workers,
            progress=lambda tally: ends.append(perf_counter()) if tally.num_finished else None,
        )
        records = load_run(Path(folder) / "run").records
        if any(record.num_steps != workload.CONTROL_STEPS for record in records):
            raise RuntimeError("an episode did not run to its end")
    # The first episode of each worker is warm-up (compilation, first images); the clock starts
    # when the last worker has ended its first.
    counted = ends[arm.workers - 1 :]
    return (len(counted) - 1) * workload.STEPS_PER_EPISODE / (counted[-1] - counted[0])


def print_table(rows: list[dict[str, Any]]) -> None:
    rates = {(row["arm"], row["workers"]): row["env_steps_per_s"] for row in rows}
    print(f"{'':32} {'workers':>7} {'steps/s':>8} {'x vla-eval':>10} {'x bare':>7}")
    for row in rows:
        rate = row["env_steps_per_s"]
        if not isinstance(rate, float):
            print(f"{row['arm']:32} {row['workers']:>7} left out: {row['note']}")
            continue
        same = rates.get(("vla-eval 0.8", row["workers"]))
        bare = rates.get((ARMS[0].name, 1))
        against = [
            f"{rate / base:.1f}" if isinstance(base, float) else "-" for base in (same, bare)
        ]
        print(f"{row['arm']:32} {row['workers']:>7} {rate:>8.2f} {against[0]:>10} {against[1]:>7}")


if __name__ == "__main__":
    sys.exit(main())
