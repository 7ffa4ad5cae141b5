"""Trains a policy."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column

from wamlab.cli._parser import Parser
from wamlab.cli._runs import success_text
from wamlab.core.config import digest, to_json
from wamlab.core.errors import ConfigError
from wamlab.core.settings import with_settings
from wamlab.records.machine import this_code, this_machine

if TYPE_CHECKING:
    from wamlab.training.memory import Outline
    from wamlab.training.progress import Progress
    from wamlab.training.recipe import Evaluation, Training
    from wamlab.training.trainer import Evaluate, Trained

INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended
LINE_EVERY_S = 10.0

HELP = """\
usage: wamlab train RECIPE [--out DIR] [--steps N] [--set KEY=VALUE ...] [--dry-run]
                    [--json]

Trains what a recipe describes. Interrupt or kill it at any time: the same command
continues, on a CPU with the very numbers that it would have had. Raw losses of every
step are in DIR/curves.jsonl and, if it is installed, in DIR/tensorboard; the finished
model is in DIR/model.

On several GPUs: torchrun --nproc-per-node 8 -m wamlab.cli train RECIPE

  RECIPE           recipes.training:plane
  --out DIR        the training's folder                     [runs/<recipe>-<digest>]
  --steps N        stop after step N; the same command without it goes on        [all]
  --set KEY=VALUE  change one setting, e.g. optimiser.learning_rate=3e-4 (repeatable)
  --dry-run        print sizes and memory, then stop; needs neither data nor weights
  --json           print what came of it as JSON

exit status: 0 done; 1 the losses became NaN, or the disk is full; 2 the request is
wrong; 130 interrupted
"""


def run(arguments: Sequence[str]) -> int:
    parser = Parser("train")
    parser.add_argument("recipe")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.steps is not None and asked.steps < 1:
        raise ConfigError(f"--steps: got {asked.steps}, expected at least 1")
    named = _load(asked.recipe, asked.settings)
    if asked.dry_run:
        return _dry_run(named.training, as_json=asked.json)
    from wamlab.training.trainer import train

    out = asked.out or named.folder
    with _Display() as display:
        try:
            trained = train(
                named.training,
                out,
                stop_at=asked.steps,
                recipe=asked.recipe,
                argv=("wamlab", "train", *arguments),
                facts={"code": to_json(this_code()), "machine": to_json(this_machine())},
                evaluate=_evaluator(named.training.evaluation, out),
                progress=display.show,
            )
        except KeyboardInterrupt:
            print(f"interrupted; the same command continues in {out}", file=sys.stderr)
            return INTERRUPTED
    if os.environ.get("RANK", "0") == "0":
        _report(named.training, trained, out, as_json=asked.json)
    return INTERRUPTED if trained.is_interrupted else 0


class _Named(NamedTuple):
    training: Training
    folder: Path


def _load(name: str, settings: Sequence[str]) -> _Named:
    """Calls a recipe and changes its settings."""
    module_name, colon, function_name = name.partition(":")
    if not colon or not function_name:
        raise ConfigError(f"recipe {name!r}: expected module:function, e.g. recipes.training:plane")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        is_there = find_spec(module_name) is not None
    except (ModuleNotFoundError, ValueError):
        is_there = False
    if not is_there:
        raise ConfigError(f"no recipe {name!r}: there is no {module_name} in {Path.cwd()}")
    try:
        module = import_module(module_name)
        from wamlab.training.recipe import Training
    except ImportError as error:
        raise ConfigError(f"recipe {name}: {error}; run pip install 'wamlab[train]'") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ConfigError(f"no recipe {name!r}: {module_name} has no function {function_name}")
    training = function()
    if not isinstance(training, Training):
        raise ConfigError(
            f"recipe {name}: returned {type(training).__name__}, expected a Training; runs are "
            "evaluated with wamlab eval"
        )
    changed = with_settings(training, settings)
    label = name.removeprefix("recipes.").replace(":", "-").replace(".", "-")
    return _Named(changed, Path("runs") / f"{label}-{digest(changed)}")


def _evaluator(evaluation: Evaluation | None, out: Path) -> Evaluate | None:
    """Runs the recipe's episodes with a model, each time in a run folder of its own."""
    if evaluation is None:
        return None
    from wamlab.doctor import recommended_workers
    from wamlab.engine.run import evaluate
    from wamlab.training.curves import Score

    def measured(model: Path, step: int) -> Score:
        changed = with_settings(evaluation, [f"run.{evaluation.setting}={model.absolute()}"])
        folder = out / "evaluations" / f"step_{step:06d}"
        # A killed evaluation begins again: its records were made with the same weights, but a
        # run folder that cannot tell is not mixed with.
        shutil.rmtree(folder, ignore_errors=True)
        named = replace(changed.run, name=f"{changed.run.name} step {step}")
        tally = evaluate(named, folder, workers=recommended_workers())
        return Score(tally.num_successes, tally.num_finished, tally.num_errors)

    return measured


def _dry_run(training: Training, *, as_json: bool) -> int:
    from wamlab.training.memory import outline

    num_processes = int(os.environ.get("WORLD_SIZE", "1"))
    found = outline(training, num_processes)
    if os.environ.get("RANK", "0") != "0":
        return 0
    if as_json:
        totals = {"total_weights": found.total_weights, "total_bytes": found.total_bytes}
        print(json.dumps({**asdict(found), **totals, "num_processes": num_processes}))
    else:
        print(_outline_text(training, found, num_processes))
    return 0


def _outline_text(training: Training, found: Outline, num_processes: int) -> str:
    share = training.batch_size // num_processes
    lines = [
        f"{training.name}: {training.num_steps} steps of {training.batch_size} windows "
        f"({share} in each of {num_processes} processes), {training.precision}",
        "weights",
        *(f"  {part:<24}{count:>16,}" for part, count in found.num_weights.items()),
        f"  {'all':<24}{found.total_weights:>16,}",
        "memory of a process, GB",
        *(
            f"  {name:<24}{num_bytes / 1e9:>16.3f}"
            for name, num_bytes in (
                ("weights", found.weights_bytes),
                ("gradients", found.gradients_bytes),
                ("optimiser", found.optimiser_bytes),
                ("activations", found.activations_bytes),
                ("all", found.total_bytes),
            )
        ),
        "Buffers of kernels and communication, and the frozen encoders, come on top.",
    ]
    return "\n".join(lines)


def _report(training: Training, trained: Trained, out: Path, *, as_json: bool) -> None:
    if as_json:
        plain = asdict(trained) | {
            "training": str(out),
            "model": None if trained.model is None else str(trained.model),
            "score": None if trained.score is None else trained.score._asdict(),
        }
        print(json.dumps(plain))
        return
    losses = "  ".join(f"{name} {value:.4f}" for name, value in trained.losses.items())
    print(f"{training.name}  step {trained.step} of {training.num_steps}  {losses}".rstrip())
    if trained.score is not None:
        print(f"success {success_text(trained.score.num_successes, trained.score.num_finished)}")
    if trained.model is not None:
        print(f"model: {trained.model}")
    else:
        print(f"stopped; the same command continues in {out}")


class _Display:
    """Shows on stderr how far a training is: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar: Bar | None = None
        self._stage, self._last_line = "", 0.0
        if console.is_terminal:
            rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
            self._bar = Bar(
                TextColumn("{task.fields[stage]}"),
                BarColumn(bar_width=16),
                TextColumn("{task.completed}/{task.total}"),
                TextColumn("{task.fields[eta]}"),
                TextColumn("{task.description}", table_column=rest),
                console=console,
                expand=True,
            )
            self._task = self._bar.add_task("starting", total=None, stage="", eta="")

    def __enter__(self) -> _Display:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *ended: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, progress: Progress) -> None:
        is_new = progress.stage != self._stage
        self._stage = progress.stage
        if self._bar is not None:
            if is_new:
                self._bar.reset(self._task)
            self._bar.update(
                self._task,
                completed=progress.num_done,
                total=progress.num_total,
                description=progress.text,
                stage=progress.stage,
                eta=_eta(progress),
            )
            return
        is_over = progress.num_done == progress.num_total
        if is_new or is_over or monotonic() - self._last_line >= LINE_EVERY_S:
            self._last_line = monotonic()
            print(_line(progress), file=sys.stderr)


def _line(progress: Progress) -> str:
    done = f"{progress.stage} {progress.num_done}/{progress.num_total}"
    return "  ".join(filter(None, (done, progress.text, _eta(progress))))


def _eta(progress: Progress) -> str:
    if progress.eta_s is None:
        return ""
    return f"ETA {timedelta(seconds=round(progress.eta_s))}"
