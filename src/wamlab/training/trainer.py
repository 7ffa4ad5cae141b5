"""Trains: the loop, what surrounds it, and going on where it stopped."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from types import MappingProxyType

import torch

from wamlab.core.config import build
from wamlab.core.errors import ConfigError
from wamlab.training.adamw import ShardedAdamW, learning_rate
from wamlab.training.batches import Examples, Loader, Sources, statistics_of
from wamlab.training.checkpoints import Checkpoints
from wamlab.training.clock import Clock
from wamlab.training.curves import Curves, Score, StepRecord
from wamlab.training.divergence import divergence, keep_batch
from wamlab.training.folder import TrainingFolder
from wamlab.training.latents import latents_of
from wamlab.training.models import MODEL, STATISTICS_FILE, Models
from wamlab.training.objective import TOTAL, Batch, Objective
from wamlab.training.order import generators_at, positions
from wamlab.training.processes import Processes, joined
from wamlab.training.progress import Progress
from wamlab.training.recipe import Precision, Training
from wamlab.training.recompute import recompute_blocks
from wamlab.training.stopping import stop_signals
from wamlab.training.trackers import check_trackers, open_trackers

DTYPES = {Precision.FLOAT32: torch.float32, Precision.BFLOAT16: torch.bfloat16}
LOOK_BACK_S = 60.0  # the time to go is judged by about the last minute
STOP = "asked to stop"

Evaluate = Callable[[Path, int], Score]
"""Measures the success of a model folder at a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What came of one call.

    Attributes:
        step: Steps that are done, of this call and those before it.
        losses: Of the last step; empty if none was left to do.
        score: Of the last evaluation.
        model: The finished model; None if the training has not come to its end.
        is_interrupted: Whether it was asked to stop; its checkpoint is written.
    """

    step: int
    losses: dict[str, float]
    score: Score | None
    model: Path | None
    is_interrupted: bool


def train(
    training: Training,
    out: Path,
    *,
    stop_at: int | None = None,
    recipe: str = "",
    argv: Sequence[str] = (),
    facts: Mapping[str, object] = MappingProxyType({}),
    evaluate: Evaluate | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Trained:
    """Trains from the newest checkpoint in a folder, or from the start.

    Interrupt or kill it at any time: the same call goes on, and on the CPU every number is the
    one that it would have been. Started by `torchrun`, all processes train together.

    Args:
        out: Made if it is absent.
        stop_at: Number of steps after which to stop, a checkpoint written; the schedule is that
            of the whole training in any case.
        recipe: What the caller calls the training, for training.json.
        facts: What else training.json should tell of this start: code, machine.
        evaluate: Needed if the training has an evaluation.

    Raises:
        ConfigError: If a setting, the data or a file does not fit, or the folder holds another
            training.
        DivergenceError: If a loss or gradient is NaN or infinite; the batch is kept.
        StoreError: If the disk is full.
    """
    if training.evaluation is not None and evaluate is None:
        raise ConfigError("evaluation: the recipe has one, expected somebody who evaluates")
    check_trackers(training.trackers)
    with joined() as processes, ExitStack() as stack:
        if training.batch_size % processes.count:
            raise ConfigError(
                f"batch_size: got {training.batch_size}, expected a multiple of the "
                f"{processes.count} processes"
            )
        examples = Examples(training.data, build(training.objective).card)
        if processes.writes:
            folder = stack.enter_context(TrainingFolder(out, training))
        processes.meet()
        quiet = progress if processes.writes else lambda progress: None
        run = _Run(training, out, examples, processes, evaluate, quiet, stack)
        if processes.writes:
            own = {"weights": run.origin, **examples.facts(), **processes.facts()}
            folder.describe(recipe, argv, examples.digest(), {**own, **facts})
        return run.to(training.num_steps if stop_at is None else min(stop_at, training.num_steps))


class _Run:
    """One call of `train`, from where the training stands.

    Attributes:
        origin: Where the first weights come from, in words.
    """

    def __init__(
        self,
        training: Training,
        out: Path,
        examples: Examples,
        processes: Processes,
        evaluate: Evaluate | None,
        progress: Callable[[Progress], None],
        stack: ExitStack,
    ) -> None:
        self._training, self._out, self._processes = training, out, processes
        self._evaluate, self._progress, self._examples = evaluate, progress, examples
        self._dtype = DTYPES[training.precision]
        self._objective: Objective = build(training.objective)
        self.origin = self._objective.load(training.seed, processes.device)
        sources = self._sources()
        if training.gradient_checkpointing:
            recompute_blocks(self._objective.module)
        self._optimiser = ShardedAdamW(
            self._objective.module, training.optimiser, processes, self._dtype
        )
        self._checkpoints = Checkpoints(out / "checkpoints", processes)
        self._step = self._checkpoints.newest() or 0
        if self._step:
            self._checkpoints.restore(self._step, self._optimiser)
        self._loader = Loader(sources, training, processes)
        stack.callback(self._loader.close)
        self._models = Models(out, self._objective, self._optimiser)
        self._curves: Curves | None = None
        if processes.writes:
            listeners = open_trackers(training, out, self._step)
            self._curves = stack.enter_context(Curves(out, self._step, listeners))

    def to(self, last: int) -> Trained:
        """Trains until a number of steps is done."""
        losses: dict[str, float] = {}
        recent = [(monotonic(), self._step)]
        is_stopped = False
        with stop_signals() as signals:
            while True:
                self._evaluate_if_due()
                if self._step >= last or is_stopped:
                    break
                losses = self._one_step()
                recent.append((monotonic(), self._step))
                if recent[-1][0] - recent[0][0] > LOOK_BACK_S:
                    recent.pop(0)
                self._show(losses, recent)
                # Every process must stop behind the same step, whichever got the signal.
                asked = self._processes.mean({STOP: float(bool(signals))})
                is_stopped = asked[STOP] > 0
                at_end = self._step == last or is_stopped
                if at_end or self._step % self._training.checkpoint_every == 0:
                    self._save()
        scores = self._curves.scores if self._curves else {}
        is_over = self._step == self._training.num_steps
        if is_over and self._processes.writes:
            self._models.finished()
        return Trained(
            step=self._step,
            losses=losses,
            score=scores[max(scores)] if scores else None,
            model=self._out / MODEL if is_over else None,
            is_interrupted=is_stopped,
        )

    def _one_step(self) -> dict[str, float]:
        training, processes = self._training, self._processes
        clock = Clock(processes.device)
        batch = self._loader.batch(self._step).to(processes.device, self._dtype)
        clock.stop("data")
        batch = self._encoded(batch)
        clock.stop("encode")
        places = positions(self._step, training.batch_size, processes.rank, processes.count)
        losses = self._objective.loss(batch, generators_at(places, training.seed))
        own = {name: float(loss.detach()) for name, loss in losses.items()}
        means = processes.mean(own)
        clock.stop("forward")
        if not _all_finite(means):
            self._stop(batch, means, is_mine=not _all_finite(own))
        losses[TOTAL].backward()
        clock.stop("backward")
        norm = self._optimiser.grad_norm()
        if not math.isfinite(norm):
            self._stop(batch, means | {"grad_norm": norm}, is_mine=True)
        rate = learning_rate(training.optimiser, self._step, training.num_steps)
        self._optimiser.step(rate, norm)
        clock.stop("step")
        self._step += 1
        if self._curves:
            self._curves.add(
                StepRecord(
                    step=self._step,
                    losses=means,
                    learning_rate=rate,
                    grad_norm=norm,
                    examples_per_s=training.batch_size / clock.total_s,
                    spans_ms=clock.spans_ms,
                )
            )
        return means

    def _encoded(self, batch: Batch) -> Batch:
        encoder = self._objective.encoder
        if encoder is None or batch.latents_BCFYX is not None:
            return batch
        assert batch.frames_BRHW3 is not None, "frames or latents"
        with torch.no_grad():
            latents = encoder.encode(batch.frames_BRHW3).to(self._dtype)
        return replace(batch, frames_BRHW3=None, latents_BCFYX=latents)

    def _sources(self) -> Sources:
        objective, examples, data = self._objective, self._examples, self._training.data
        if self._processes.writes:
            statistics_of(examples, self._out / STATISTICS_FILE, objective.card)
        texts = dict(objective.embed(examples.instructions))
        latents = None
        if objective.encoder is not None and data.cache is not None:
            latents = latents_of(
                examples,
                objective.encoder,
                data.cache,
                self._processes,
                self._dtype,
                self._progress,
            )
        self._processes.meet()
        normalisers = statistics_of(examples, self._out / STATISTICS_FILE, objective.card)
        return Sources(examples=examples, normalisers=normalisers, texts=texts, latents=latents)

    def _save(self) -> None:
        if self._curves:
            self._curves.sync()
        self._checkpoints.save(self._step, self._optimiser)

    def _evaluate_if_due(self) -> None:
        """Evaluates behind the checkpoint, so that a killed evaluation is made up for."""
        evaluation = self._training.evaluation
        if evaluation is None or self._step == 0:
            return
        is_last = self._step == self._training.num_steps
        if self._step % evaluation.every and not is_last:
            return
        if self._curves and self._step not in self._curves.scores:
            assert self._evaluate is not None, "checked at the start"
            total = self._training.num_steps
            self._progress(Progress("evaluation", self._step, total, "measuring success"))
            candidate = self._models.candidate(self._step)
            score = self._evaluate(candidate, self._step)
            best = max((each.num_successes for each in self._curves.scores.values()), default=-1)
            self._curves.add_score(self._step, score)
            self._models.settle(candidate, is_best=score.num_successes > best)
        self._processes.meet()

    def _stop(self, batch: Batch, values: dict[str, float], *, is_mine: bool) -> None:
        names = self._examples.names(batch.window_B.tolist())
        kept = self._out
        if is_mine:
            kept = keep_batch(self._out, self._step + 1, self._processes.rank, batch, names)
        self._processes.meet()
        raise divergence(self._step + 1, values, kept, names)

    def _show(self, losses: dict[str, float], recent: list[tuple[float, int]]) -> None:
        (start, first), (end, last) = recent[0], recent[-1]
        rate = (last - first) / max(end - start, 1e-9)
        text = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
        total = self._training.num_steps
        speed = f"{rate * self._training.batch_size:.3g} examples/s"
        self._progress(Progress("training", last, total, f"{text}  {speed}", (total - last) / rate))


def _all_finite(values: dict[str, float]) -> bool:
    return all(math.isfinite(value) for value in values.values())
