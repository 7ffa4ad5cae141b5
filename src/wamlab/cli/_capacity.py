"""`wamlab plan-size --cluster`: how long a run takes on some machines, and what limits it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path

from wamlab.cli._parser import Parser, percentage
from wamlab.cli._recipes import load_recipe
from wamlab.cli._runs import open_run
from wamlab.core.config import build
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError
from wamlab.core.protocols import Benchmark
from wamlab.core.recipe import Run
from wamlab.engine.capacity import Cluster, Costs, Forecast, Job, Work, forecast
from wamlab.engine.measured import Length, Measured, measured
from wamlab.engine.schedule import simulators_of
from wamlab.engine.selection import Selection, choose
from wamlab.profiling.record import read_profile

HELP = """\
usage: wamlab plan-size --cluster RECIPE --workers N [--times RUN] [options below] [--json]

How long a run takes on some machines, how busy they are, and what limits it: the engine, with
its time simulated. Costs come from the records of a run, a profile, or you; the last named wins.

  --workers N     simulator processes, on all machines together
  --cores N       cores of all machines together  [those of --times, busy as then; or one each]
  --replicas N    policies, one a device                                    [1]
  --batch N       episodes in one call of the policy at most                [all that wait]
  --times RUN     run folder: what things cost, and how long episodes are
  --profile FILE  of wamlab profile: seconds of a plan, for each batch size
  --plan-ms LIST  110, or 1:110,8:300 for batches of 1 and of 8
  --step-ms MS    control step without images      --seen-ms MS   one with images
  --reset-s S     reset, settling steps included   --build-s S    loading a simulator
  --start-s S     loading the policy               --steps N      control steps to success
  --rate PCT      episodes that succeed after --steps; the others run to their limit  [100]
  --reload        each episode loads its simulator anew, as official scripts do
  --sample PCT, --only PATTERN, --set KEY=VALUE    as for wamlab eval
  --json          print as one JSON object
"""

PARTS: dict[str, Callable[[Costs], Costs]] = {
    "simulators": lambda c: replace(
        c,
        reset=c.reset.times(0.5),
        step=c.step.times(0.5),
        seen_step=c.seen_step.times(0.5),
        after=c.after.times(0.5),
    ),
    "policy": lambda c: replace(c, plan_s={num: s / 2 for num, s in c.plan_s.items()}),
    "loading simulators": lambda c: replace(c, build=c.build.times(0.5)),
    "start-up": lambda c: replace(c, start_s=c.start_s / 2),
}
"""What may limit a run, and the same run with that part twice as fast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What `plan-size --cluster` prints.

    Attributes:
        start_known: Whether the forecast's wall time includes loading the policy.
        halved_s: Part -> wall time if that part were twice as fast.
        bottleneck: The part that saves most.
    """

    recipe: str
    num_episodes: int
    num_simulators: int
    mean_steps: float
    replan_every: int
    costs: Costs
    start_known: bool
    cluster: Cluster
    forecast: Forecast
    halved_s: Mapping[str, float]
    bottleneck: str


def run(arguments: Sequence[str]) -> int:
    if "--help" in arguments or "-h" in arguments:
        print(HELP, end="")
        return 0
    asked = _asked(arguments)
    recipe = load_recipe(asked.cluster, asked.settings)
    known = measured(open_run(asked.times)) if asked.times else None
    cluster = _cluster(asked, known)
    job = _job(asked, recipe.run, known)
    costs, start_known = _costs(asked, known)
    found = forecast(job, costs, cluster)
    halved_s = {part: forecast(job, half(costs), cluster).wall_s for part, half in PARTS.items()}
    capacity = Capacity(
        recipe=recipe.name,
        num_episodes=len(job.num_steps),
        num_simulators=len(set(map(job.simulators, job.num_steps))),
        mean_steps=sum(job.num_steps.values()) / len(job.num_steps),
        replan_every=job.replan_every,
        costs=costs,
        start_known=start_known,
        cluster=cluster,
        forecast=found,
        halved_s=halved_s,
        bottleneck=min(halved_s, key=halved_s.__getitem__),
    )
    print(json.dumps(asdict(capacity)) if asked.json else "\n".join(_lines(capacity, known)))
    return 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser("plan-size --cluster")
    parser.add_argument("--cluster", required=True, metavar="RECIPE")
    for name in ("--workers", "--cores"):
        parser.add_argument(name, type=_count)
    parser.add_argument("--replicas", type=_count, default=1)
    parser.add_argument("--batch", type=_count)
    parser.add_argument("--times", type=Path)
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--plan-ms", type=_plan_times)
    for name in ("--step-ms", "--seen-ms", "--reset-s", "--build-s", "--start-s"):
        parser.add_argument(name, type=_time)
    parser.add_argument("--steps", type=_count)
    parser.add_argument("--rate", type=percentage)
    parser.add_argument("--reload", action="store_true")
    parser.add_argument("--sample", type=percentage, default=1.0)
    parser.add_argument("--only")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.rate is not None and asked.steps is None:
        parser.error("--rate says how many episodes end after --steps; name both")
    if asked.workers is None:
        parser.error("--workers is missing: how many simulator processes?")
    return asked


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number, at least 1")
    return int(text)


def _time(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a time, 0 or more")
    return number


def _plan_times(text: str) -> dict[int, float]:
    """Batch size -> seconds, of "110" or "1:110,8:300"."""
    found: dict[int, float] = {}
    for part in text.split(","):
        size, colon, number = part.rpartition(":")
        milliseconds = _time(number)
        if milliseconds == 0:
            raise argparse.ArgumentTypeError(f"got {part!r}, expected more than 0 ms")
        found[_count(size) if colon else 1] = milliseconds / 1e3
    return found


def _cluster(asked: argparse.Namespace, known: Measured | None) -> Cluster:
    is_there = known is not None and asked.cores is None  # on the machine of --times
    return Cluster(
        workers=asked.workers,
        replicas=asked.replicas,
        max_batch=asked.batch,
        cores=known.cores if known and is_there else asked.cores,
        other_load=known.other_load if known and is_there else 0.0,
        plans_on_cores=bool(
            known and known.plans_on_cores and not (asked.profile or asked.plan_ms)
        ),
    )


def _costs(asked: argparse.Namespace, known: Measured | None) -> tuple[Costs, bool]:
    """What things cost, and whether loading the policy is known."""
    costs = None if known is None else known.costs
    plan_s = asked.plan_ms or (_profiled(asked.profile) if asked.profile else None)
    named = {
        "--step-ms": None if asked.step_ms is None else asked.step_ms / 1e3,
        "--seen-ms": None if asked.seen_ms is None else asked.seen_ms / 1e3,
        "--reset-s": asked.reset_s,
        "--build-s": asked.build_s,
    }
    if costs is None:
        missing = [name for name, value in named.items() if value is None]
        missing += [] if plan_s else ["--plan-ms or --profile"]
        if missing:
            raise ConfigError(
                f"costs of {', '.join(missing)} are not known; name them, or a run with --times"
            )
    works = dict(zip(("step", "seen_step", "reset", "build"), named.values(), strict=True))
    changes: dict[str, object] = {n: Work(s) for n, s in works.items() if s is not None}
    if plan_s:
        changes |= {"plan_s": plan_s}
    if asked.start_s is not None:
        changes |= {"start_s": asked.start_s}
    start_known = asked.start_s is not None or bool(known and known.clocked)
    if costs is None:
        return Costs(**changes), start_known  # type: ignore[arg-type]  # each is there, see above
    return replace(costs, **changes), start_known  # type: ignore[arg-type]


def _profiled(path: Path) -> dict[int, float]:
    return {batch.batch: batch.ledger.whole_ms / 1e3 for batch in read_profile(path).batches}


def _job(asked: argparse.Namespace, run: Run, known: Measured | None) -> Job:
    benchmark: Benchmark = build(run.benchmark)
    keys = choose(benchmark, Selection(only=asked.only, sample=asked.sample)).keys
    if asked.steps is not None:
        rate = 1.0 if asked.rate is None else asked.rate
        lengths = {key: _guessed(key, asked.steps, rate, benchmark) for key in keys}
    elif known is not None:
        lengths = {key: _like(key, known.lengths) for key in keys}
    else:
        raise ConfigError("how long episodes are is not known; name --steps, or a run with --times")
    return Job(
        num_steps={key: min(lengths[key].num_steps, benchmark.step_limit(key)) for key in keys},
        step_limit=benchmark.step_limit,
        simulators=str if asked.reload else simulators_of(benchmark),
        replan_every=run.replan_every,
        succeeds=frozenset(key for key in keys if run.check_settled and lengths[key].checks),
    )


def _guessed(key: EpisodeKey, num_steps: int, rate: float, benchmark: Benchmark) -> Length:
    succeeds = rate == 1 or key.rng("capacity").random() < rate
    return Length(num_steps if succeeds else benchmark.step_limit(key), succeeds)


def _like(key: EpisodeKey, lengths: Mapping[EpisodeKey, Length]) -> Length:
    """As the episode was, else as one of its suite was, else as any was; drawn by its name."""
    if key in lengths:
        return lengths[key]
    suite = [known for other, known in lengths.items() if other.suite == key.suite]
    choices = suite or list(lengths.values())
    return choices[int(key.rng("capacity").integers(len(choices)))]


def _lines(found: Capacity, known: Measured | None) -> list[str]:
    costs, cluster, what = found.costs, found.cluster, found.forecast
    plans = ", ".join(f"{1e3 * s:.4g} ms for {num}" for num, s in sorted(costs.plan_s.items()))
    lines = [
        f"run         {found.num_episodes:,} episodes of {found.mean_steps:.0f} steps, a plan "
        f"every {found.replan_every}; {found.num_simulators:,} simulators",
        f"costs       step {_ms(costs.step)}, with images {_ms(costs.seen_step)}; reset "
        f"{_s(costs.reset)}, load {_s(costs.build)}",
        f"plans       {plans}; {1e3 * costs.wire_s:.3g} ms to ask for one",
        f"machines    {_machines(cluster)}",
    ]
    if known is not None and cluster.other_load:
        lines.append(
            f"            beside {cluster.other_load:.1f} other processes, as in --times, where a "
            f"process got {known.share:.0%} of a core"
        )
    start = "loading the policy is not known and left out"
    if found.start_known:
        start = f"{costs.start_s:.0f} s of them until the policy is there"
    lines += [
        f"predicted   {_time_text(what.wall_s)}; {start}",
        f"workers     {what.simulating:.0%} simulate, {what.planning:.0%} wait for plans, "
        f"{what.building:.0%} load, {what.workless:.0%} have no work",
        f"policy      {what.policy_busy:.0%} busy, {what.mean_batch or 0:.1f} episodes a call; "
        f"{what.num_plans:,} plans",
    ]
    if what.cores_busy is not None:
        lines.append(f"cores       {what.cores_busy:.0%} busy with this run")
    lines.append(f"bottleneck  {found.bottleneck}; twice as fast, the run would take")
    for part, seconds in sorted(found.halved_s.items(), key=lambda item: item[1]):
        lines.append(f"  {part:18} {_time_text(seconds):>10}  {seconds / what.wall_s - 1:+.0%}")
    return lines


def _machines(cluster: Cluster) -> str:
    cores = "a core each" if cluster.cores is None else f"{cluster.cores} cores"
    batch = "all that wait" if cluster.max_batch is None else f"at most {cluster.max_batch}"
    where = " on the same cores" if cluster.plans_on_cores else ""
    return (
        f"{cluster.workers} workers, {cores}; {cluster.replicas} policies{where}, {batch} in a call"
    )


def _ms(work: Work) -> str:
    return f"{1e3 * sum(work):.3g} ms"


def _s(work: Work) -> str:
    return f"{sum(work):.3g} s"


def _time_text(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
