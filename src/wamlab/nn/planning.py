"""From observations to action chunks: what policies that sample a mixture have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError, SimulatorError
from wamlab.core.protocols import PlanRequest
from wamlab.core.specs import PolicySpec
from wamlab.core.stages import stage_done
from wamlab.core.types import ActionChunk, Observation
from wamlab.nn.cached import CachedSampler
from wamlab.nn.cached_text import Prompt
from wamlab.nn.canvas import paint
from wamlab.nn.card import Gripper, WamCard
from wamlab.nn.model_folder import Parts
from wamlab.nn.recorded import CudaGraphs, Recorded, Recorder
from wamlab.nn.reuse import Reuse
from wamlab.nn.samplers import Mode, Sample, Start, sample, sample_both, schedules_of
from wamlab.nn.text import prompt_of


class Computation(StrEnum):
    """Which code plans; the numbers are the same but for rounding."""

    CACHED = "cached"  # nothing is computed twice
    PLAIN = "plain"  # as the original computes: the reference


class Dtype(StrEnum):
    """Number format of weights and activations."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"  # as the released checkpoints are stored and evaluated


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How chunks are sampled.

    Attributes:
        num_denoise_steps: Of the video and of the actions.
        imagine: Decode the video that the model expects.
        fixed_seed: Draw the same noise at each plan; None draws from the episode's name.
        max_batch: Episodes in one forward pass; more are planned in several.
        num_threads: CPU threads of this process.
        reuse: Which steps take over an earlier velocity; None computes each.
        action_noise: Standard deviation of what actions start from; models are trained at 1.
        cuda_graphs: Record the work of a plan once for each size of a batch, then replay it.
    """

    mode: Mode
    num_denoise_steps: int
    imagine: bool
    fixed_seed: int | None
    computation: Computation
    max_batch: int
    num_threads: int = 1
    reuse: Reuse | None = None
    action_noise: float = 1.0
    cuda_graphs: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.action_noise <= 1:
            raise ConfigError(f"action_noise: got {self.action_noise}, expected 0 to 1")
        for name in ("num_denoise_steps", "max_batch", "num_threads"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: got {getattr(self, name)}, expected at least 1")
        if self.cuda_graphs:
            self._check_graphs()
        if self.reuse is not None:
            self._check_reuse()

    def _check_graphs(self) -> None:
        if self.computation is not Computation.CACHED:
            raise ConfigError(f"cuda_graphs: got computation {self.computation}, expected cached")
        if self.reuse is not None:
            raise ConfigError(
                "cuda_graphs: a recorded plan computes each step; leave out this or reuse_above"
            )

    def _check_reuse(self) -> None:
        if self.mode is Mode.FIRST_FRAME:
            raise ConfigError("reuse_above: this model's actions wait for no video; leave it out")
        if self.computation is not Computation.CACHED:
            raise ConfigError(f"reuse_above: got computation {self.computation}, expected cached")
        if self.max_batch != 1:
            raise ConfigError(
                f"reuse_above: got max_batch {self.max_batch}, expected 1, since each episode "
                "decides for itself which steps it leaves out"
            )


class Planner:
    """A loaded model that plans for many episodes at once.

    Attributes:
        spec: Of the policy around it.
    """

    def __init__(
        self, parts: Parts, sampling: Sampling, *, dtype: torch.dtype, device: torch.device
    ) -> None:
        torch.set_num_threads(sampling.num_threads)
        self._parts, self._sampling = parts, sampling
        self._dtype, self._device = dtype, device
        self._schedules = schedules_of(
            parts.card, sampling.num_denoise_steps, dtype=dtype, device=device
        )
        recorder = recorder_for(device) if sampling.cuda_graphs else None
        self._sampler = CachedSampler(
            parts.model, sampling.mode, self._schedules, sampling.reuse, recorder
        )
        self._encode: Callable[[Tensor], Tensor] = parts.vae.encode
        self._decode: Callable[[Tensor], Tensor] = parts.vae.decode
        if recorder is not None:
            self._encode = _replayed(parts.vae.encode, recorder)
            self._decode = _replayed(parts.vae.decode, recorder)
        self._num_plans: dict[EpisodeKey, int] = {}
        self.spec = spec_of(parts.card, imagines=sampling.imagine)

    def begin(self, key: EpisodeKey) -> None:
        self._num_plans[key] = 0

    def end(self, key: EpisodeKey) -> None:
        del self._num_plans[key]

    def plan(self, requests: Sequence[PlanRequest]) -> list[ActionChunk]:
        """Plans one chunk per request, all that fit into a batch in one forward pass.

        Raises:
            SimulatorError: If an observation holds NaN; the policy is not to blame.
        """
        size = self._sampling.max_batch
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
        observations = [request.observations[-1] for request in requests]
        canvases = np.stack([paint(seen.images, self._parts.card) for seen in observations])
        cpu_BP = self._normalised_state(observations)
        stage_done("preprocess")
        prompts = [self._prompt(seen.instruction) for seen in observations]
        stage_done("text")
        frames_B1HW3 = torch.from_numpy(canvases[:, None]).to(self._device)
        state_BP = None if cpu_BP is None else cpu_BP.to(self._device, self._dtype)
        stage_done("transfer")
        first_BC1YX = self._encode(frames_B1HW3).to(self._dtype)
        stage_done("vae_encode")
        start = self._start([request.key for request in requests], first_BC1YX)
        stage_done("noise")
        done = self._sample(start, prompts, state_BP)
        imagined_BTHW3 = None
        if done.video_BCFYX is not None and self._sampling.imagine:
            imagined_BTHW3 = self._decode(done.video_BCFYX).cpu().numpy()
            stage_done("video_decode")
        chunks = self._chunks(done.action_BHA.float().cpu().numpy(), imagined_BTHW3)
        stage_done("action_decode")
        return chunks

    def _chunks(
        self, action_BHA: NDArray[np.float32], imagined_BTHW3: NDArray[np.uint8] | None
    ) -> list[ActionChunk]:
        """What is executed, and what is expected to be seen meanwhile."""
        card, actions_BHA = self._parts.card, executable(action_BHA, self._parts)
        if imagined_BTHW3 is None:
            return [ActionChunk(actions=actions) for actions in actions_BHA]
        return [
            ActionChunk(
                actions=actions,
                imagined=imagined,
                imagined_every=card.steps_per_frame,
                imagined_layout=card.cameras,
            )
            for actions, imagined in zip(actions_BHA, imagined_BTHW3, strict=True)
        ]

    def _sample(self, start: Start, prompts: list[Prompt], state_BP: Tensor | None) -> Sample:
        imagine, mode = self._sampling.imagine, self._sampling.mode
        if self._sampling.computation is Computation.CACHED:
            return self._sampler.sample(start, prompts, state_BP, imagine=imagine)
        model = self._parts.model
        text_BLT = torch.stack([prompt.rows_LT for prompt in prompts])
        seen_BL = torch.ones(text_BLT.shape[:2], dtype=torch.bool, device=self._device)
        context = model.context(text_BLT, seen_BL, state_BP)
        stage_done("text")
        if mode is Mode.FIRST_FRAME and imagine:
            return sample_both(model, start, context, self._schedules)
        return sample(model, mode, start, context, self._schedules)

    def _normalised_state(self, observations: Sequence[Observation]) -> Tensor | None:
        """Normalised proprioception, float32, on the CPU, shape (B, P)."""
        normaliser = self._parts.normalisers.state
        if normaliser is None:
            return None
        raw_BP = np.stack([seen.state for seen in observations])
        if not np.isfinite(raw_BP).all():
            raise SimulatorError(f"state: got {raw_BP.tolist()}, expected finite numbers")
        return torch.from_numpy(normaliser.normalise(raw_BP))

    def _prompt(self, instruction: str) -> Prompt:
        words = prompt_of(self._parts.card.prompt, instruction)
        rows_LT = self._parts.prompts.embedding(words).text_LD
        return Prompt(words, rows_LT.to(self._device, self._dtype))

    def _start(self, keys: Sequence[EpisodeKey], first_BC1YX: Tensor) -> Start:
        """The observed frame and each episode's noise."""
        card = self._parts.card
        samples_video = self._sampling.mode is not Mode.FIRST_FRAME or self._sampling.imagine
        _, channels, _, rows, columns = first_BC1YX.shape
        video_shape = (channels, card.num_latent_frames, rows, columns)
        action_shape = (card.horizon, card.sizes.action_dim)
        video = [self._noise(key, "video", video_shape) for key in keys if samples_video]
        action = [self._noise(key, "action", action_shape) for key in keys]
        return Start(
            first_BC1YX=first_BC1YX,
            video_BCFYX=torch.stack(video).to(self._device, self._dtype) if video else None,
            action_BHA=(self._sampling.action_noise * torch.stack(action)).to(
                self._device, self._dtype
            ),
        )

    def _noise(self, key: EpisodeKey, part: str, shape: tuple[int, ...]) -> Tensor:
        """Standard normal, float32, on the CPU; the same for every variant of a model.

        With a fixed seed, video and action start from equal numbers, as in published runs.
        """
        if self._sampling.fixed_seed is not None:
            generator = torch.Generator().manual_seed(self._sampling.fixed_seed)
            return torch.randn(shape, generator=generator)
        stream = f"policy/{part}/{self._num_plans[key]}"
        return torch.from_numpy(key.rng(stream).standard_normal(shape, np.float32))


def recorder_for(device: torch.device) -> Recorder:
    """What records plans on that device.

    Raises:
        ConfigError: If nothing can.
    """
    if device.type != "cuda":
        raise ConfigError(f"cuda_graphs: got device {str(device)!r}, expected a CUDA device")
    return CudaGraphs()


def _replayed(work: Callable[[Tensor], Tensor], recorder: Recorder) -> Callable[[Tensor], Tensor]:
    recorded = Recorded(lambda given: (work(given),), recorder)

    def replayed(given: Tensor) -> Tensor:
        (made,) = recorded(given)
        assert made is not None, "work gives a tensor"
        return made

    return replayed


def executable(action_BHA: NDArray[np.float32], parts: Parts) -> NDArray[np.float32]:
    """What a model says, in the benchmark's units and signs."""
    actions = parts.normalisers.action.denormalise(action_BHA)
    if parts.card.gripper is Gripper.CLOSE_0_OPEN_1:
        actions[..., -1] = -np.sign(2 * actions[..., -1] - 1)
    return actions


def spec_of(card: WamCard, *, imagines: bool) -> PolicySpec:
    """What a model with that card needs and gives."""
    return PolicySpec(
        cameras=frozenset(box.camera for box in card.cameras),
        state=card.state,
        action=card.action,
        horizon=card.horizon,
        imagines=imagines,
    )


def device_of(name: str) -> torch.device:
    """A device that is there.

    Raises:
        ConfigError: If the name is unknown or no such device is visible.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device: got {name!r}, expected e.g. 'cpu' or 'cuda:0'") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device: got {name!r}, but no CUDA device is visible; use 'cpu'")
    return device
