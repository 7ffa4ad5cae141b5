"""Runs a recipe: names the episodes, has those executed that have no record, writes records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from wamlab.core.config import build, digest, pack, to_json
from wamlab.core.episodes import EpisodeKey, EpisodeRecord, Outcome
from wamlab.core.health import Check
from wamlab.core.protocols import Benchmark, Disturbs, NamesSkipped
from wamlab.core.recipe import Run, check_run
from wamlab.core.specs import places_of
from wamlab.data.convention import GRIPPER
from wamlab.engine.crew import Crew, Job
from wamlab.engine.local import LocalPlace
from wamlab.engine.messages import PolicyReady
from wamlab.engine.places import Needs, Opener
from wamlab.engine.replicas import Replicas
from wamlab.engine.rollout import Terms
from wamlab.engine.schedule import Schedule, simulators_of
from wamlab.engine.selection import Chosen, Selection, choose
from wamlab.engine.stopping import Stopping
from wamlab.engine.timeouts import Timeouts
from wamlab.records.machine import this_code, this_machine
from wamlab.records.store import RunInfo, Session
from wamlab.records.video import check_encoder
from wamlab.records.writer import RunStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How far a run is; counts are of episodes.

    Attributes:
        num_total: Asked for.
        num_given_up: Ended in an error three times; not run again. They are among the errors.
        num_skipped: The benchmark has them too, and they cannot run here; not among the total.
        num_repaired_bytes: Length of a torn last line that was cut off at the start.
        eta_s: Expected seconds until the end, or None before the first episode is over.
        build_s: Mean seconds that a simulator took to start; None if none did.
        num_vanished: Processes of this start that went with their machine; whatever they were at
            was run again.
        stopped: Why the run ended before all episodes had run; empty if it did not.
    """

    num_total: int
    num_successes: int
    num_failures: int
    num_errors: int
    num_given_up: int = 0
    num_skipped: int = 0
    num_repaired_bytes: int = 0
    eta_s: float | None = None
    build_s: float | None = None
    num_vanished: int = 0
    stopped: str = ""

    @property
    def num_finished(self) -> int:
        """With an outcome; errors are none."""
        return self.num_successes + self.num_failures


def evaluate(
    run: Run,
    out: Path,
    *,
    workers: int,
    selection: Selection = Selection(),  # noqa: B008 - it is immutable
    stopping: Stopping = Stopping(),  # noqa: B008 - it is immutable
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - it is immutable
    on: Opener = LocalPlace,
    replicas: int = 1,
    recipe: str = "",
    argv: Sequence[str] = (),
    checks: Sequence[Check] = (),
    progress: Callable[[Tally], None] = lambda tally: None,
) -> Tally:
    """Runs every episode that has no finished record; the same call continues a run.

    Args:
        out: Run folder, made if it is absent.
        workers: Simulator processes at the same time, at most.
        stopping: When to end before all of them have run.
        on: Where the processes run: this machine, or `engine.cluster`.
        replicas: Copies of the policy, at most.
        recipe: What the caller calls the run, for run.json.
        checks: What was found out about this machine, for run.json.
        progress: Called at the start and after each episode.

    Raises:
        ConfigError: If a setting is wrong, or the folder holds another run or is in use.
        SpecError: If policy and benchmark do not fit.
        StoreError: If the folder cannot be written any more.
        PolicyError, ClusterError: If the policy dies again and again, or no machine is left.
    """
    deadline = None if stopping.within_s is None else monotonic() + stopping.within_s
    needs = Needs(out, workers, replicas, _wants_gpu(run.policy), timeouts)
    if run.video_every or run.save_imagined:
        check_encoder()
    benchmark: Benchmark = build(run.benchmark)
    chosen = choose(benchmark, selection)
    with RunStore(out) as store:
        store.check_config(to_json(run))
        ledger = _Ledger(store, benchmark, chosen, workers, progress)
        parts = ledger.begin(stopping.parts(chosen.keys))
        if not any(part.num_left for part in parts):
            return ledger.tally()
        place = on(needs)
        copies = Replicas(pack(run.policy), place, timeouts)
        try:
            policy = copies.await_ready()
            check_run(run, policy.spec, benchmark.spec)
            info = _info(run, benchmark, policy, _session(argv, workers, checks), recipe, chosen)
            store.describe(replace(info, sample=selection.sample, skipped=ledger.left_out))
            job = _job(run, benchmark, policy, out)
            crews = (Crew(job, p, copies, place, timeouts, record=ledger.record) for p in parts)
            ledger.stopped = _run_until_stopped(crews, deadline, stopping, store)
            copies.close()
        finally:
            copies.kill()
            place.close()
        return replace(ledger.tally(), num_vanished=place.num_vanished)


class _Ledger:
    """Writes records and counts them.

    Attributes:
        stopped: See `Tally`.
    """

    def __init__(
        self,
        store: RunStore,
        benchmark: Benchmark,
        chosen: Chosen,
        workers: int,
        progress: Callable[[Tally], None],
    ) -> None:
        self._store, self._benchmark, self._chosen = store, benchmark, chosen
        self._workers, self._progress = workers, progress
        self._parts: Sequence[Schedule] = ()
        self._has_news = False
        self.left_out = skipped_by(benchmark, store.records)
        self._outcomes = Counter(
            store.records[key].outcome for key in chosen.keys if key in store.records
        )
        self.stopped = ""

    def begin(self, parts: Sequence[Sequence[EpisodeKey]]) -> Sequence[Schedule]:
        """What is left of each part of the episodes."""
        limit, simulators = self._benchmark.step_limit, simulators_of(self._benchmark)
        self._parts = [Schedule(keys, self._store.records, limit, simulators) for keys in parts]
        self._report()
        return self._parts

    def record(self, record: EpisodeRecord) -> None:
        key = record.key
        if isinstance(self._benchmark, Disturbs):
            twin = self._benchmark.twin(key)
            record = replace(record, twin=None if twin == key else twin)
        record = replace(record, repeats=self._chosen.repeats.get(key))
        self._outcomes -= self._counted(key)
        self._store.append(record)
        self._outcomes += self._counted(key)
        self._has_news = True
        self._report()

    def tally(self) -> Tally:
        expected_s = sum(part.expected_s() for part in self._parts)
        return Tally(
            num_total=len(self._chosen.keys),
            num_successes=self._outcomes[Outcome.SUCCESS],
            num_failures=self._outcomes[Outcome.FAILURE],
            num_errors=self._outcomes[Outcome.ERROR],
            num_given_up=sum(part.num_given_up for part in self._parts),
            num_skipped=sum(map(len, self.left_out.values())),
            num_repaired_bytes=self._store.repaired_bytes,
            eta_s=expected_s / self._workers if self._has_news else None,
            build_s=next(filter(None, (part.build_s for part in self._parts)), None),
            stopped=self.stopped,
        )

    def _report(self) -> None:
        self._progress(self.tally())

    def _counted(self, key: EpisodeKey) -> Counter[Outcome]:
        known = self._store.records.get(key)
        return Counter([known.outcome] if known else [])


def skipped_by(
    benchmark: Benchmark, recorded: Collection[EpisodeKey] = ()
) -> dict[str, tuple[str, ...]]:
    """What is missing -> names of the episodes that the benchmark leaves out for want of it.

    Args:
        recorded: Episodes that were run when it was there.
    """
    found: dict[str, list[str]] = {}
    if isinstance(benchmark, NamesSkipped):
        asked = {*benchmark.episodes(), *recorded}
        for key, reason in benchmark.skipped().items():
            if key not in asked:
                found.setdefault(reason, []).append(str(key))
    return {reason: tuple(names) for reason, names in found.items()}


def _run_until_stopped(
    crews: Iterable[Crew], deadline: float | None, stopping: Stopping, store: RunStore
) -> str:
    """Has crews run their parts; why the rest of them did not, empty if all did."""
    for crew in crews:
        try:
            crew.run(until=deadline)
        finally:
            crew.kill()
        if crew.is_late:
            return "out of time"
        if stopping.decided(store.records):
            return "decided"
    return ""


def _wants_gpu(policy: object) -> bool:
    """Whether a policy's config names a CUDA device."""
    return str(getattr(policy, "device", "")).startswith("cuda")


def _job(run: Run, benchmark: Benchmark, policy: PolicyReady, out: Path) -> Job:
    terms = Terms(
        policy=policy.digest,
        spec=policy.spec,
        action_dim=sum(field.size for field in benchmark.spec.action),
        replan_every=run.replan_every,
        check_settled=run.check_settled,
        delay=run.delay,
        kept=places_of(benchmark.spec.action, GRIPPER),
    )
    return Job(
        benchmark=pack(run.benchmark),
        terms=terms,
        folder=out.absolute(),
        video_every=run.video_every,
        save_imagined=run.save_imagined,
        fingerprint=dict(benchmark.fingerprint()),
    )


def _session(argv: Sequence[str], workers: int, checks: Sequence[Check]) -> Session:
    return Session(
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        argv=tuple(argv),
        workers=workers,
        code=this_code(),
        machine=this_machine(),
        checks=tuple(checks),
    )


def _info(
    run: Run,
    benchmark: Benchmark,
    policy: PolicyReady,
    session: Session,
    recipe: str,
    chosen: Chosen,
) -> RunInfo:
    return RunInfo(
        name=run.name,
        recipe=recipe,
        digest=digest(run),
        policy=policy.digest,
        config=to_json(run),
        spec=policy.spec,
        model=policy.facts,
        fingerprint=benchmark.fingerprint(),
        num_episodes=chosen.num_asked,
        num_repeats=chosen.num_repeats,
        control_hz=benchmark.spec.control_hz,
        sessions=(session,),
    )
