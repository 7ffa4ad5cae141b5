"""Fast-WAM: action-only, joint, IDM and optional IDM, many episodes in one forward pass.

Source: arXiv 2603.16666; numbers are held against the original's code (commit 45d8e14) by
`python -m tests.parity fast_wam`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError
from wamlab.core.protocols import PlanRequest
from wamlab.core.types import ActionChunk
from wamlab.nn.card import Variant, WamCard
from wamlab.nn.model_folder import DTYPES, Sources, load_parts
from wamlab.nn.planning import Computation, Dtype, Planner, Sampling, device_of
from wamlab.nn.quantised import Quantisation
from wamlab.nn.reuse import Reuse
from wamlab.nn.samplers import MODES_OF, Mode

REUSE_STEPS = 4  # as DreamZero's cache leaves out

__all__ = ["Computation", "Dtype", "FastWam"]


class FastWam:
    """A Fast-WAM checkpoint of any variant as a policy."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """What to load, and how to plan with it.

        Attributes:
            checkpoint: Model folder (`wamlab weights convert`), upstream's `.pt` or LeRobot's
                folder.
            variant: Must be given for a checkpoint that is no model folder.
            action_shift: Likewise: 5.0 for `libero_uncond` and `robotwin_uncond`, 1.0 for
                `libero_optional_idm`.
            statistics: `dataset_stats.json`; None for the one beside the checkpoint.
            vae: Folder of the VAE; None for `vae/` beside the checkpoint.
            text: Folder of the text encoder; None for `text/` beside the checkpoint.
            prompts: Folder of cached prompts.
            mode: How to sample; None for the variant's first. Optional IDM has two.
            num_denoise_steps: Of the video and of the actions.
            imagine: Decode the video that the model expects. An action-only model then samples
                one that its actions do not see.
            fixed_seed: Draw the same noise at each plan, as published runs do (42); None draws
                from the episode's name, so that repetitions differ.
            action_noise: Standard deviation of the noise that actions start from. Models are
                trained at 1; 0 gives a plan in the middle of those that they would draw.
            computation: Which code plans.
            reuse_above: Steps are left out where two velocities of the imagined video point the
                same way: the cosine from which on the last one is taken over (`nn.reuse`). Needs
                max_batch 1. None computes every step.
            reuse_steps: How many steps then take it over.
            dtype: Number format.
            quantised: What is computed in 8 bits (`nn.quantised`); not exact.
            device: E.g. "cpu" or "cuda:0".
            cuda_graphs: Replay a plan as recorded once for each size of a batch (`nn.recorded`).
            max_batch: Episodes in one forward pass; more are planned in several. 1 makes plans
                independent of their company to the last bit, not only to 1e-5.
            num_threads: CPU threads of this process. Not taken from the machine: other numbers
                of threads round differently, and beside busy simulators threads wait for each
                other (two on two busy cores made a plan 10 times slower, 2026-11-24).
        """

        checkpoint: Path
        variant: Variant | None = None
        action_shift: float | None = None
        statistics: Path | None = None
        vae: Path | None = None
        text: Path | None = None
        prompts: Path | None = None
        mode: Mode | None = None
        num_denoise_steps: int = 10
        imagine: bool = False
        fixed_seed: int | None = None
        action_noise: float = 1.0
        computation: Computation = Computation.CACHED
        reuse_above: float | None = None
        reuse_steps: int = REUSE_STEPS
        dtype: Dtype = Dtype.FLOAT32
        quantised: Quantisation = Quantisation.NONE
        device: str = "cpu"
        cuda_graphs: bool = False
        max_batch: int = 32
        num_threads: int = 1

        def __post_init__(self) -> None:
            for name in ("num_denoise_steps", "max_batch", "num_threads"):
                if getattr(self, name) < 1:
                    raise ConfigError(f"{name}: got {getattr(self, name)}, expected at least 1")
            if self.reuse_above is None and self.reuse_steps != REUSE_STEPS:
                raise ConfigError(
                    f"reuse_steps: got {self.reuse_steps} without reuse_above, expected both: the "
                    "cosine says whether any step is left out"
                )

    def __init__(self, config: Config) -> None:
        """Loads the model.

        Raises:
            ConfigError: If something is missing or does not fit.
        """
        device, dtype = device_of(config.device), DTYPES[config.dtype]
        sources = Sources(
            checkpoint=config.checkpoint,
            variant=config.variant,
            action_shift=config.action_shift,
            statistics=config.statistics,
            vae=config.vae,
            text=config.text,
            prompts=config.prompts,
        )
        parts = load_parts(
            sources,
            dtype=dtype,
            device=device,
            decoder=config.imagine,
            quantisation=config.quantised,
        )
        self.weights, self.facts = parts.weights, parts.facts
        sampling = Sampling(
            mode=_mode(config.mode, parts.card),
            num_denoise_steps=config.num_denoise_steps,
            imagine=config.imagine,
            fixed_seed=config.fixed_seed,
            action_noise=config.action_noise,
            computation=config.computation,
            max_batch=config.max_batch,
            num_threads=config.num_threads,
            cuda_graphs=config.cuda_graphs,
            reuse=_reuse(config.reuse_above, config.reuse_steps),
        )
        self._planner = Planner(parts, sampling, dtype=dtype, device=device)
        self.spec = self._planner.spec

    def begin(self, key: EpisodeKey) -> None:
        self._planner.begin(key)

    def end(self, key: EpisodeKey) -> None:
        self._planner.end(key)

    def plan(self, requests: Sequence[PlanRequest]) -> list[ActionChunk]:
        """Plans one chunk per request, all that fit into a batch in one forward pass.

        Raises:
            SimulatorError: If an observation holds NaN; the policy is not to blame.
        """
        return self._planner.plan(requests)


def _reuse(above: float | None, num_steps: int) -> Reuse | None:
    return None if above is None else Reuse(above=above, num_steps=num_steps)


def _mode(asked: Mode | None, card: WamCard) -> Mode:
    if card.is_vla:
        raise ConfigError("model: is a VLA, expected a world action model; use policy flow_vla")
    known = MODES_OF[card.variant]
    if asked is not None and asked not in known:
        raise ConfigError(
            f"mode: got {asked} for a {card.variant} model, which was trained for "
            f"{' and '.join(known)}"
        )
    return asked or known[0]
