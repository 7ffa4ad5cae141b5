"""The VLA reference: a flow-matching policy of Fast-WAM's sizes that never sees a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError
from wamlab.core.protocols import PlanRequest
from wamlab.core.types import ActionChunk
from wamlab.nn.model_folder import DTYPES, Sources, load_parts
from wamlab.nn.planning import Computation, Dtype, Planner, Sampling, device_of
from wamlab.nn.quantised import Quantisation
from wamlab.nn.samplers import Mode
from wamlab.nn.vla import check_vla

__all__ = ["Computation", "Dtype", "FlowVla"]


class FlowVla:
    """A checkpoint of `nn.vla.FlowVla` as a policy."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """What to load, and how to plan with it.

        Attributes:
            checkpoint: Model folder that a training wrote.
            statistics: `dataset_stats.json`; None for the one beside the checkpoint.
            vae: Folder of the VAE; None for `vae/` beside the checkpoint.
            text: Folder of the text encoder; None for `text/` beside the checkpoint.
            prompts: Folder of cached prompts.
            num_denoise_steps: Of the actions.
            fixed_seed: Draw the same noise at each plan; None draws from the episode's name, so
                that repetitions differ.
            action_noise: Standard deviation of the noise that actions start from. Models are
                trained at 1; 0 gives a plan in the middle of those that they would draw.
            computation: Which code plans.
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
        statistics: Path | None = None
        vae: Path | None = None
        text: Path | None = None
        prompts: Path | None = None
        num_denoise_steps: int = 10
        fixed_seed: int | None = None
        action_noise: float = 1.0
        computation: Computation = Computation.CACHED
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

    def __init__(self, config: Config) -> None:
        """Loads the model.

        Raises:
            ConfigError: If something is missing or does not fit, or the model is no VLA.
        """
        device, dtype = device_of(config.device), DTYPES[config.dtype]
        sources = Sources(
            checkpoint=config.checkpoint,
            statistics=config.statistics,
            vae=config.vae,
            text=config.text,
            prompts=config.prompts,
        )
        parts = load_parts(
            sources, dtype=dtype, device=device, decoder=False, quantisation=config.quantised
        )
        check_vla(parts.card)
        self.weights, self.facts = parts.weights, parts.facts
        sampling = Sampling(
            mode=Mode.FIRST_FRAME,
            num_denoise_steps=config.num_denoise_steps,
            imagine=False,
            fixed_seed=config.fixed_seed,
            action_noise=config.action_noise,
            computation=config.computation,
            max_batch=config.max_batch,
            num_threads=config.num_threads,
            cuda_graphs=config.cuda_graphs,
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
