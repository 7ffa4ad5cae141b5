"""Does `wamlab plan-size --cluster` foretell what the engine does? Real runs, asleep most times.

python bench/capacity.py [--inits 8]

A simulator sleeps 0.6 s to load, 0.2 s to reset, 40 ms a control step, 60 ms more with images; the
policy sleeps 150 ms and 30 ms more for each episode of the call. Six tasks, episodes of 8 to 24
steps. What things cost is read from the records of the first run, with one worker; only what a call
of several episodes takes, which one worker cannot show, is told. The later runs are foretold from
that, and timed. Whoever sleeps wakes up late on a busy machine, which no forecast knows: run it on
an idle one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter, sleep

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.episodes import EpisodeKey
from wamlab.core.protocols import Env, PlanRequest, Sense, StepResult
from wamlab.core.recipe import Run
from wamlab.core.specs import PolicySpec
from wamlab.core.types import ActionChunk, Observation
from wamlab.engine.capacity import Cluster, Costs, Job, forecast
from wamlab.engine.measured import measured
from wamlab.engine.run import evaluate
from wamlab.engine.schedule import one_per_task
from wamlab.records.store import load_run

BUILD_S, RESET_S, STEP_S, IMAGE_S = 0.6, 0.2, 0.040, 0.060
CALL_S, EACH_S = 0.150, 0.030
TASKS = 6


class SleepyEnv:
    """A point on a plane that takes its time; it stops by the step limit."""

    def __init__(self, env: Env) -> None:
        self._env = env
        sleep(BUILD_S)

    def __getattr__(self, name: str) -> object:
        return getattr(self._env, name)

    def reset(self, key: EpisodeKey, sense: Sense) -> Observation:
        sleep(RESET_S)
        return self._env.reset(replace(key, task="reach"), sense)

    def step(self, action: NDArray[np.float32], sense: Sense) -> StepResult:
        sleep(STEP_S + (IMAGE_S if sense.cameras else 0.0))
        return replace(self._env.step(action, sense), success=False)


class SleepyMass:
    """Six tasks; the longer, the higher their number."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """How many episodes each of the tasks has."""

        num_inits: int

    spec = PointMass.spec

    def __init__(self, config: Config) -> None:
        self._config = config
        self._inner = PointMass(PointMass.Config())

    def episodes(self) -> Sequence[EpisodeKey]:
        return [
            EpisodeKey(benchmark="sleepy", suite="plane", task=str(task), init=init)
            for task in range(TASKS)
            for init in range(self._config.num_inits)
        ]

    def step_limit(self, key: EpisodeKey) -> int:
        return 8 + 3 * int(key.task) + key.init % 2

    def instruction(self, key: EpisodeKey) -> str:
        return f"sleep {key.task}"

    def make_env(self, key: EpisodeKey) -> SleepyEnv:
        return SleepyEnv(self._inner.make_env(replace(key, task="reach")))

    def fingerprint(self) -> dict[str, str]:
        return {}


class SleepyPolicy:
    """Stands still after a nap."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """Where it seems to compute: a nap is no load on the cores."""

        device: str = "cuda:0"

    def __init__(self, config: Config) -> None:
        del config
        self.spec = PolicySpec(cameras=frozenset({"top"}), state=(), action=(), horizon=8)

    def begin(self, key: EpisodeKey) -> None: ...

    def plan(self, requests: Sequence[PlanRequest]) -> list[ActionChunk]:
        sleep(CALL_S + EACH_S * len(requests))
        return [ActionChunk(actions=np.zeros((8, 2), np.float32)) for _ in requests]

    def end(self, key: EpisodeKey) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inits", type=int, default=8)
    inits = parser.parse_args().inits
    # Workers import what they are told by name, and this file runs as __main__.
    from bench.capacity import SleepyMass, SleepyPolicy

    run = Run(
        policy=SleepyPolicy.Config(),
        benchmark=SleepyMass.Config(num_inits=inits),
        replan_every=4,
        name="sleepy",
    )
    print(
        f"{'workers':>8}{'replan':>8}{'foretold s':>12}{'measured s':>12}{'off':>8}"
        f"{'simulate':>11}{'plan':>6}"
    )
    known = None
    for workers, replan_every in ((1, 4), (2, 4), (4, 4), (4, 8), (6, 2)):
        this = replace(run, replan_every=replan_every)
        with tempfile.TemporaryDirectory() as folder:
            started = perf_counter()
            evaluate(this, Path(folder), workers=workers)
            wall_s = perf_counter() - started
            found = measured(load_run(Path(folder)))
        if known is None:
            curve = {num: CALL_S + EACH_S * num for num in range(1, 7)}
            known = replace(found.costs, plan_s=curve | {1: found.costs.plan_s[1]})
        _print(this, Cluster(workers=workers), known, wall_s)


def _print(run: Run, cluster: Cluster, costs: Costs, wall_s: float) -> None:
    benchmark = SleepyMass(run.benchmark)
    job = Job(
        num_steps={key: benchmark.step_limit(key) for key in benchmark.episodes()},
        step_limit=benchmark.step_limit,
        simulators=one_per_task,
        replan_every=run.replan_every,
    )
    foretold = forecast(job, costs, cluster)
    print(
        f"{cluster.workers:>8}{run.replan_every:>8}{foretold.wall_s:>12.1f}{wall_s:>12.1f}"
        f"{foretold.wall_s / wall_s - 1:>+8.1%}{foretold.simulating:>11.0%}"
        f"{foretold.planning:>6.0%}",
        flush=True,
    )


if __name__ == "__main__":
    main()
