"""What the parts of a run took, read from its records, for `engine.capacity`.

Times of a machine that had other work are turned into those of the same machine alone: records
say how long a simulator waited for a core. Where the system does not tell, wall time is taken at
its word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, Outcome, Spent
from wamlab.core.errors import ConfigError
from wamlab.engine.capacity import NOTHING, Costs, Work
from wamlab.records.store import LOCK_FILE, RECORDS_FILE, RUN_FILE, LoadedRun

_STEADY = 4  # see `_other_load`
STAMP_S = 60.0  # how far the time of run.json and the start that it names lie apart at most


class Length(NamedTuple):
    """How long an episode was.

    Attributes:
        checks: Whether it was found out afterwards if the success was settled.
    """

    num_steps: int
    checks: bool


class Clocked(NamedTuple):
    """Times of the last start of a run, s, from the files of its folder.

    Attributes:
        start_s: From the command's start to the first worker's.
        wall_s: To the last record.
    """

    start_s: float
    wall_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run's records say of time.

    Attributes:
        costs: On a machine that had nothing else to do.
        lengths: Of each finished episode.
        workers: Simulator processes of the run.
        share: Of a core, which a process got that wanted one.
        other_load: Other processes that wanted the cores, on average.
        plans_on_cores: Whether the policy computed on the processor.
        clocked: None if the folder was copied, or the run was started more than once.
    """

    costs: Costs
    lengths: Mapping[EpisodeKey, Length]
    workers: int
    cores: int
    share: float
    other_load: float
    plans_on_cores: bool
    clocked: Clocked | None


class _Sum(NamedTuple):
    """All work of one kind."""

    num: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    queued_s: float = 0.0

    def plus(self, spent: Spent) -> _Sum:
        return _Sum(
            self.num + spent.num,
            self.wall_s + spent.wall_s,
            self.cpu_s + spent.cpu_s,
            self.queued_s + (spent.queued_s or 0.0),
        )


def measured(run: LoadedRun) -> Measured:
    """Reads the times of a finished or unfinished run.

    Raises:
        ConfigError: If its records hold none (they are imported, from a bundle, or older than
            that), or its starts had different numbers of workers.
    """
    records = [r for r in run.records if r.outcome is not Outcome.ERROR and r.spent and r.plan_ms]
    if not records:
        raise ConfigError(
            f"{run.folder}: no record says what its simulator spent, expected a run folder that "
            "this version wrote; run wamlab eval on a few episodes"
        )
    crews = sorted({session.workers for session in run.info.sessions})
    if len(crews) > 1:
        raise ConfigError(
            f"{run.folder}: was run with {crews[0]} and {crews[-1]} workers, whose times are not "
            "comparable; name a run that was made with one number"
        )
    machine, workers = run.info.sessions[-1].machine, crews[0]
    sums = _sums(records)
    share = _share(sums)
    on_cores = _plans_on_cores(run.info.config, machine.gpu)
    clocked = _clocked(run)
    own = _own_load(records, sums, on_cores, workers)
    return Measured(
        costs=_costs(records, sums, share, on_cores, workers, clocked),
        lengths={r.key: _length(r) for r in records},
        workers=workers,
        cores=machine.cores,
        share=share,
        other_load=_other_load(machine.cores, share, own),
        plans_on_cores=on_cores,
        clocked=clocked,
    )


def _length(record: EpisodeRecord) -> Length:
    checks = any(spent.work == "settle" for spent in record.spent)
    return Length(max(1, record.num_steps or 1), checks)


def _sums(records: Sequence[EpisodeRecord]) -> Mapping[str, _Sum]:
    sums: dict[str, _Sum] = defaultdict(_Sum)
    for spent in (spent for record in records for spent in record.spent):
        sums[spent.work] = sums[spent.work].plus(spent)
    return sums


def _share(sums: Mapping[str, _Sum]) -> float:
    """By steps without images, which use one thread; else by what there is."""
    steps = sums["step"] if sums["step"].num else sums["seen_step"]
    wanted_s = steps.cpu_s + steps.queued_s
    return steps.cpu_s / wanted_s if wanted_s else 1.0


def _plans_on_cores(config: Mapping[str, object], gpu: str | None) -> bool:
    policy = config.get("policy")
    settings = policy.get("config") if isinstance(policy, Mapping) else None
    device = settings.get("device") if isinstance(settings, Mapping) else None
    return not str(device).startswith("cuda") if device else gpu is None


def _costs(
    records: Sequence[EpisodeRecord],
    sums: Mapping[str, _Sum],
    share: float,
    on_cores: bool,
    workers: int,
    clocked: Clocked | None,
) -> Costs:
    """See `Measured.costs`."""

    def work(kind: str, per: int | None = None) -> Work:
        num, wall_s, cpu_s, queued_s = sums[kind]
        # Threads of a renderer compute beside the simulator, which then has more processor time
        # than time that it did not wait for a core.
        core_s = min(cpu_s, max(0.0, wall_s - queued_s))
        # They wait for cores too, and nobody counts how long; their work, at the share that a
        # process got, may explain why the simulator waited.
        blocked_s = max(0.0, wall_s - queued_s - cpu_s)
        explained_s = min(blocked_s, cpu_s * (1 / share - 1))
        return Work(core_s, blocked_s - explained_s, cpu_s - core_s).times(1 / (per or num or 1))

    own_share = share if on_cores else 1.0
    num_steps = sums["step"].num + sums["seen_step"].num
    num_next = sum(len(record.plan_ms) - 1 for record in records)
    num_checks = sum(_length(record).checks for record in records)
    rest = Work(share * _rest_s(records) / max(1, num_steps))
    plan_s = _batches(records)
    return Costs(
        start_s=clocked.start_s * own_share if clocked else 0.0,
        build=work("build"),
        reset=work("reset"),
        step=work("step").plus(rest) if sums["step"].num else work("seen_step").plus(rest),
        seen_step=work("seen_step").plus(rest) if sums["seen_step"].num else NOTHING,
        after=work("settle", num_checks),
        num_plans_after=sums["settle_plan"].num / max(1, num_checks),
        plan_s={num: seconds * own_share for num, seconds in plan_s.items()},
        wire_s=_wire_s(records, workers) * own_share,
        seen_per_plan=sums["seen_step"].num / max(1, num_next),
    )


def _rest_s(records: Sequence[EpisodeRecord]) -> float:
    """What neither the simulator nor a plan took: traces, films."""
    return max(
        0.0,
        sum(
            record.wall_s
            - sum(record.plan_ms) / 1e3
            - sum(spent.wall_s for spent in record.spent if spent.work != "build")
            for record in records
        ),
    )


def _calls_s(records: Sequence[EpisodeRecord]) -> Mapping[float, int]:
    """Seconds of each call of the policy -> episodes in it, known by having the same time."""
    calls: dict[float, int] = defaultdict(int)
    for record in records:
        for forward_ms in record.forward_ms or record.plan_ms:
            calls[forward_ms / 1e3] += 1
    return calls


def _batches(records: Sequence[EpisodeRecord]) -> Mapping[int, float]:
    """Mean seconds of a call, by the number of episodes in it."""
    by_size: dict[int, list[float]] = defaultdict(list)
    for seconds, num in _calls_s(records).items():
        by_size[num].append(seconds)
    return {num: fmean(seconds) for num, seconds in sorted(by_size.items())}


def _wire_s(records: Sequence[EpisodeRecord], workers: int) -> float:
    """What a plan took outside of the policy; of many workers, that of the one who waited least."""
    outside_ms = [
        plan_ms - forward_ms
        for record in records
        for plan_ms, forward_ms in zip(record.plan_ms, record.forward_ms, strict=False)
    ]
    if not outside_ms:
        return 0.0
    return max(0.0, (fmean(outside_ms) if workers == 1 else min(outside_ms)) / 1e3)


def _own_load(
    records: Sequence[EpisodeRecord], sums: Mapping[str, _Sum], on_cores: bool, workers: int
) -> float:
    """Processes of the run that wanted a core, on average; at least the one that measures."""
    busy_s = sum(spent.wall_s for work, spent in sums.items() if work != "settle_plan")
    if on_cores:
        busy_s += sum(_calls_s(records))
    whole_s = (sum(record.wall_s for record in records) + sums["build"].wall_s) / workers
    return max(1.0, busy_s / whole_s)


def _other_load(cores: int, share: float, own: float) -> float:
    """Processes of others that, wanting the cores all the time, would leave that share to each.

    Of those on all cores, our own are taken off. But who waits little proves no constant load: then
    the cores that we do not use are taken to be free, all at a share of 1, a third of them at 3/4.
    (The power is a choice: waiting does not tell bursts from a constant load.)
    """
    unused = max(0.0, cores - own)
    return max(0.0, cores / share - own - share**_STEADY * unused)


def _clocked(run: LoadedRun) -> Clocked | None:
    """The lock is taken first, run.json written once the policy is there, then the records."""
    if not run.folder.is_dir() or len(run.info.sessions) != 1:
        return None
    paths = [run.folder / name for name in (LOCK_FILE, RUN_FILE, RECORDS_FILE)]
    if not all(map(Path.is_file, paths)):
        return None
    locked_s, described_s, ended_s = (path.stat().st_mtime for path in paths)
    started_s = datetime.fromisoformat(run.info.sessions[0].started).timestamp()
    if not locked_s <= described_s <= ended_s or abs(described_s - started_s) > STAMP_S:
        return None
    return Clocked(described_s - locked_s, ended_s - locked_s)
