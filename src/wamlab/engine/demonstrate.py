"""Records demonstrations: runs a recipe, keeps what succeeded and settled, writes a dataset.

One pass: failures of an expert are rare, so rendering them costs less than executing every
success a second time would.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wamlab.core.config import build, pack
from wamlab.core.episodes import Outcome
from wamlab.core.health import Check
from wamlab.core.protocols import Benchmark
from wamlab.core.recipe import Run
from wamlab.data.convention import Gripper
from wamlab.data.lerobot_writer import About, write_dataset
from wamlab.engine.recording import NO_OP, Recording, recorded
from wamlab.engine.run import Tally, evaluate
from wamlab.engine.selection import Selection
from wamlab.engine.timeouts import Timeouts
from wamlab.records.machine import this_code
from wamlab.records.store import load_run

RECORDING = "recording"  # a run folder inside the dataset's; may be removed when all is recorded
DEMOS = "demos"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstrated:
    """What was recorded.

    Attributes:
        tally: How the episodes ended.
        num_demonstrations: Episodes in the dataset: they succeeded and settled.
        num_unsettled: Episodes that succeeded and did not last; they are left out.
        num_frames: Steps in the dataset.
    """

    tally: Tally
    num_demonstrations: int
    num_unsettled: int
    num_frames: int


def demonstrate(
    run: Run,
    out: Path,
    *,
    workers: int,
    only: str | None = None,
    drop_no_ops: bool = True,
    image_every: int = 1,
    push_rate: float = 0.0,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - it is immutable
    recipe: str = "",
    argv: Sequence[str] = (),
    checks: Sequence[Check] = (),
    progress: Callable[[Tally], None] = lambda tally: None,
) -> Demonstrated:
    """Records every episode that has no record yet, then writes the dataset anew.

    The same call continues after any interruption. Arguments are those of `evaluate`.

    Args:
        out: Folder of the dataset; recordings are kept in its folder "recording".
        drop_no_ops: Leave out actions that change nothing.
        image_every: Render the cameras at every so many steps; the rows between repeat the picture.
        push_rate: Share of undisturbed steps at which somebody begins to push the hand aside.

    Raises:
        ConfigError: If a setting is wrong, or the folder holds another recording.
        SpecError: If policy and benchmark do not fit.
        StoreError: If the folder cannot be written.
        PolicyError: If the policy process does not start or dies again and again.
    """
    folder = out.absolute() / RECORDING
    watched = Recording.Config(
        benchmark=run.benchmark,
        folder=folder / DEMOS,
        drop_no_ops=drop_no_ops,
        image_every=image_every,
        push_rate=push_rate,
    )
    recording = replace(run, benchmark=watched, check_settled=True, video_every=0)
    tally = evaluate(
        recording,
        folder,
        workers=workers,
        selection=Selection(only=only),
        timeouts=timeouts,
        recipe=recipe,
        argv=argv,
        checks=checks,
        progress=progress,
    )
    return _assemble(run, out, watched, tally)


def _assemble(run: Run, out: Path, watched: Recording.Config, tally: Tally) -> Demonstrated:
    benchmark: Benchmark = build(run.benchmark)
    folder = out.absolute() / RECORDING
    loaded = load_run(folder)
    records = {record.key: record for record in loaded.records}
    tried = [records[key] for key in benchmark.episodes() if key in records]
    successes = [record for record in tried if record.outcome is Outcome.SUCCESS]
    kept = [record.key for record in successes if record.settled]
    cameras = sorted(benchmark.spec.cameras)
    takes = [recorded(watched.folder, key, benchmark.instruction(key), cameras) for key in kept]
    gripper = Gripper.of(benchmark.spec.action)
    write_dataset(
        out,
        takes,
        About(
            robot=kept[0].benchmark if kept else "",
            fps=benchmark.spec.control_hz,
            state=benchmark.spec.state,
            action=benchmark.spec.action,
            gripper=Gripper.NONE if gripper is Gripper.NONE else Gripper.OPEN_1,
            image_every=watched.image_every,
            origin={
                "policy": pack(run.policy),
                "benchmark": pack(run.benchmark),
                "fingerprint": dict(loaded.info.fingerprint),
                "no_ops": f"not executed: motion below {NO_OP:g}, gripper unchanged"
                if watched.drop_no_ops
                else "kept",
                "push_rate": watched.push_rate,
                "commit": this_code().commit,
            },
        ),
    )
    return Demonstrated(
        tally=tally,
        num_demonstrations=len(kept),
        num_unsettled=len(successes) - len(kept),
        num_frames=sum(len(take.action) for take in takes),
    )
