"""Fast-WAM: action-only, joint, IDM and optional IDM, many episodes in one forward pass.

Source: arXiv 2603.16666; numbers are held against the original's code (commit 45d8e14) by
`python -m tests.parity fast_wam`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError, SimulatorError
from wamlab.core.protocols import PlanRequest
from wamlab.core.specs import PolicySpec
from wamlab.core.types import ActionChunk, Observation
from wamlab.nn.cached import CachedSampler, Prompt
from wamlab.nn.canvas import paint
from wamlab.nn.card import Gripper, Variant
from wamlab.nn.samplers import (
    MODES_OF,
    Mode,
    Sample,
    Start,
    sample,
    sample_both,
    schedules_of,
)
from wamlab.nn.text import prompt_of
from wamlab.policies.fast_wam.loading import DTYPES, Sources, load_parts

__all__ = ["Computation", "Dtype", "FastWam"]


class Computation(StrEnum):
    """Which code plans; the numbers are the same but for rounding."""

    CACHED = "cached"  # nothing is computed twice
    PLAIN = "plain"  # as the original computes: the reference


class Dtype(StrEnum):
    """Number format of weights and activations."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"  # as the released checkpoints are stored and evaluated


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
            computation: Which code plans.
            dtype: Number format.
            device: E.g. "cpu" or "cuda:0".
            max_batch: Episodes in one forward pass; more are planned in several.
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
        computation: Computation = Computation.CACHED
        dtype: Dtype = Dtype.FLOAT32
        device: str = "cpu"
        max_batch: int = 32

        def __post_init__(self) -> None:
            for name in ("num_denoise_steps", "max_batch"):
                if getattr(self, name) < 1:
                    raise ConfigError(f"{name}: got {getattr(self, name)}, expected at least 1")

    def __init__(self, config: Config) -> None:
        """Loads the model.

        Raises:
            ConfigError: If something is missing or does not fit.
        """
        self._config = config
        self._device, self._dtype = _device(config.device), DTYPES[config.dtype]
        sources = Sources(
            checkpoint=config.checkpoint,
            variant=config.variant,
            action_shift=config.action_shift,
            statistics=config.statistics,
            vae=config.vae,
            text=config.text,
            prompts=config.prompts,
        )
        self._parts = load_parts(
            sources, dtype=self._dtype, device=self._device, decoder=config.imagine
        )
        self.weights = self._parts.weights
        card = self._parts.card
        self._mode = _mode(config.mode, card.variant)
        self._schedules = schedules_of(
            card, config.num_denoise_steps, dtype=self._dtype, device=self._device
        )
        self._sampler = CachedSampler(self._parts.model, self._mode, self._schedules)
        self._num_plans: dict[EpisodeKey, int] = {}
        self.spec = PolicySpec(
            cameras=frozenset(box.camera for box in card.cameras),
            state=card.state,
            action=card.action,
            horizon=card.horizon,
        )

    def begin(self, key: EpisodeKey) -> None:
        self._num_plans[key] = 0

    def end(self, key: EpisodeKey) -> None:
        del self._num_plans[key]

    def plan(self, requests: Sequence[PlanRequest]) -> list[ActionChunk]:
        """Plans one chunk per request, all that fit into a batch in one forward pass.

        Raises:
            SimulatorError: If an observation holds NaN; the policy is not to blame.
        """
        size = self._config.max_batch
        chunks = [
            chunk
            for first in range(0, len(requests), size)
            for chunk in self._plan_batch(requests[first : first + size])
        ]
        for request in requests:
            self._num_plans[request.key] += 1
        return chunks

    @torch.inference_mode()
    def _plan_batch(self, requests: Sequence[PlanRequest]) -> list[ActionChunk]:
        clock = _Clock(self._device)
        observations = [request.observations[-1] for request in requests]
        canvases = np.stack([paint(seen.images, self._parts.card) for seen in observations])
        state_BP = self._state(observations)
        prompts = [self._prompt(seen.instruction) for seen in observations]
        clock.stop("preprocess")
        frames_B1HW3 = torch.from_numpy(canvases[:, None]).to(self._device)
        first_BC1YX = self._parts.vae.encode(frames_B1HW3).to(self._dtype)
        clock.stop("encode")
        start = self._start([request.key for request in requests], first_BC1YX)
        done = self._sample(start, prompts, state_BP)
        clock.stop("sample")
        imagined = None
        if done.video_BCFYX is not None and self._config.imagine:
            imagined = self._parts.vae.decode(done.video_BCFYX).cpu().numpy()
            clock.stop("decode")
        actions_BHA = self._executable(done.action_BHA.float().cpu().numpy())
        clock.stop("postprocess")
        card = self._parts.card
        return [
            ActionChunk(
                actions=actions_BHA[index],
                imagined=None if imagined is None else imagined[index],
                imagined_every=0 if imagined is None else card.steps_per_frame,
                imagined_layout=() if imagined is None else card.cameras,
                spans_ms=clock.spans_ms,
            )
            for index in range(len(requests))
        ]

    def _sample(self, start: Start, prompts: list[Prompt], state_BP: Tensor | None) -> Sample:
        if self._config.computation is Computation.CACHED:
            return self._sampler.sample(start, prompts, state_BP, imagine=self._config.imagine)
        model = self._parts.model
        text_BLT = torch.stack([prompt.rows_LT for prompt in prompts])
        seen_BL = torch.ones(text_BLT.shape[:2], dtype=torch.bool, device=self._device)
        context = model.context(text_BLT, seen_BL, state_BP)
        if self._mode is Mode.FIRST_FRAME and self._config.imagine:
            return sample_both(model, start, context, self._schedules)
        return sample(model, self._mode, start, context, self._schedules)

    def _state(self, observations: Sequence[Observation]) -> Tensor | None:
        """Normalised proprioception, shape (B, P)."""
        normaliser = self._parts.normalisers.state
        if normaliser is None:
            return None
        raw_BP = np.stack([seen.state for seen in observations])
        if not np.isfinite(raw_BP).all():
            raise SimulatorError(f"state: got {raw_BP.tolist()}, expected finite numbers")
        state_BP = torch.from_numpy(normaliser.normalise(raw_BP))
        return state_BP.to(self._device, self._dtype)

    def _prompt(self, instruction: str) -> Prompt:
        words = prompt_of(self._parts.card.prompt, instruction)
        rows_LT = self._parts.prompts.embedding(words).text_LD
        return Prompt(words, rows_LT.to(self._device, self._dtype))

    def _start(self, keys: Sequence[EpisodeKey], first_BC1YX: Tensor) -> Start:
        """The observed frame and each episode's noise."""
        card = self._parts.card
        samples_video = self._mode is not Mode.FIRST_FRAME or self._config.imagine
        _, channels, _, rows, columns = first_BC1YX.shape
        video_shape = (channels, card.num_latent_frames, rows, columns)
        action_shape = (card.horizon, card.sizes.action_dim)
        video = [self._noise(key, "video", video_shape) for key in keys if samples_video]
        action = [self._noise(key, "action", action_shape) for key in keys]
        return Start(
            first_BC1YX=first_BC1YX,
            video_BCFYX=torch.stack(video).to(self._device, self._dtype) if video else None,
            action_BHA=torch.stack(action).to(self._device, self._dtype),
        )

    def _noise(self, key: EpisodeKey, part: str, shape: tuple[int, ...]) -> Tensor:
        """Standard normal, float32, on the CPU; the same for every variant of a model.

        With a fixed seed, video and action start from equal numbers, as in published runs.
        """
        if self._config.fixed_seed is not None:
            generator = torch.Generator().manual_seed(self._config.fixed_seed)
            return torch.randn(shape, generator=generator)
        stream = f"policy/{part}/{self._num_plans[key]}"
        return torch.from_numpy(key.rng(stream).standard_normal(shape, np.float32))

    def _executable(self, action_BHA: NDArray[np.float32]) -> NDArray[np.float32]:
        """In the benchmark's units and signs."""
        actions = self._parts.normalisers.action.denormalise(action_BHA)
        if self._parts.card.gripper is Gripper.CLOSE_0_OPEN_1:
            actions[..., -1] = -np.sign(2 * actions[..., -1] - 1)
        return actions


class _Clock:
    """Milliseconds of each part of a plan, the device's work included."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._last = device, perf_counter()
        self.spans_ms: dict[str, float] = {}

    def stop(self, part: str) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        now = perf_counter()
        self.spans_ms[part] = (now - self._last) * 1e3
        self._last = now


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device: got {name!r}, expected e.g. 'cpu' or 'cuda:0'") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device: got {name!r}, but no CUDA device is visible; use 'cpu'")
    return device


def _mode(asked: Mode | None, variant: Variant) -> Mode:
    known = MODES_OF[variant]
    if asked is not None and asked not in known:
        raise ConfigError(
            f"mode: got {asked} for a {variant} model, which was trained for {' and '.join(known)}"
        )
    return asked or known[0]
