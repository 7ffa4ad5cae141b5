"""Plans with nothing computed twice: the normal path, equal to `nn.samplers` but for rounding.

Every saving is exact (specification, section 10.3):

* text is embedded, and its keys and values made, once for each prompt, not in every step; its
  zero rows (pads) are one row with the logarithm of their number added to the logit;
* the observed frame is clean in every step and sees only itself: its keys and values are made
  once a plan, and later steps carry the other frames alone;
* timesteps are those of the schedule: the bends of all blocks are tables made at load;
* text has few rows that are looked at in every step: the output projection of cross-attention
  is done once a plan, for those rows, if they are fewer than the numbers of a head;
* who passes a memory on needs no last layer: prefills stop at its keys and values;
* keys and values stand in one buffer, in the order [other frames | observed frame | actions], so
  that whatever is attended to is one range of it, without a mask and without joining tensors.

Shape legend: as in `nn.mixture`; Q = text rows that are kept, n = layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from wamlab.core.stages import stage_done
from wamlab.nn.attention import KeysValues, Rotary, action_rotary, attend, video_rotary
from wamlab.nn.cached_text import Context, Prompt, TextMemory, Texts
from wamlab.nn.dit import PATCH, Expert, Modulation
from wamlab.nn.mixture import Mixture
from wamlab.nn.recorded import Recorded, Recorder, Tensors
from wamlab.nn.reuse import Reuse, Velocities
from wamlab.nn.samplers import Mode, Sample, Schedules, Start

ROWS_RECORDED = 32  # text rows come in multiples of this where plans are recorded, to be alike


class _Tables(NamedTuple):
    """Bends of each block: of clean video, and of each step.

    Attributes:
        head: Shift and scale of the video's head in each step, each of shape (D,).
    """

    clean: list[Modulation]
    video: list[list[Modulation]]
    head: list[tuple[Tensor, Tensor]]
    action: list[list[Modulation]]


class CachedSampler:
    """Samples plans of one model by one mode and schedule.

    Not for training, and not for a model whose weights change afterwards: tables and prompts are
    kept. One plan at a time: the buffers are shared.
    """

    def __init__(
        self,
        model: Mixture,
        mode: Mode,
        schedules: Schedules,
        reuse: Reuse | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """Lays out tables for every step.

        Args:
            reuse: Which steps take over an earlier velocity. Not exact, and for one sample at a
                time, since each decides for itself.
            recorder: Records plans and replays them (`nn.recorded`). Not together with `reuse`,
                which looks at values to decide what is computed.
        """
        assert reuse is None or recorder is None, "checked by the policy"
        self._model, self._mode, self._schedules = model, mode, schedules
        self._reuse, self._is_recording = reuse, recorder is not None
        self._recorded: dict[bool, Recorded] = {}
        if recorder is not None:
            for imagine in (False, True):
                work = partial(self._plan_of_tensors, imagine)
                self._recorded[imagine] = Recorded(work, recorder)
        self._memory = TextMemory(model, rows_multiple=ROWS_RECORDED if recorder else 1)
        self._buffer: Tensor | None = None
        self._rotary: dict[tuple[int, ...], Rotary] = {}
        with torch.no_grad():
            self._tables = _tables(model, schedules)

    def sample(
        self,
        start: Start,
        prompts: Sequence[Prompt],
        state_BP: Tensor | None,
        *,
        imagine: bool = False,
    ) -> Sample:
        """Samples one chunk for each sample of a batch.

        Args:
            prompts: One for each sample; equal words must mean equal rows.
            imagine: Whether the finished video is wanted. It is free but for the last layer in
                JOINT, free in IDM, and sampled only for this in FIRST_FRAME.

        Raises:
            ValueError: If a video is to be sampled and there is no noise for it.
        """
        samples_video = imagine or self._mode is not Mode.FIRST_FRAME
        if samples_video and start.video_BCFYX is None:
            raise ValueError("noise: got none for the video, expected some to sample one")
        texts = self._memory.side_by_side(prompts, has_state=state_BP is not None)
        if not self._is_recording:
            return self._plan(start, texts, state_BP, imagine=imagine)
        stage_done("text")
        video_BCFYX = start.video_BCFYX if samples_video else None
        action_BHA, film_BCFYX = self._recorded[imagine](
            start.first_BC1YX, video_BCFYX, start.action_BHA, *texts, state_BP
        )
        stage_done("recorded_plan")
        assert action_BHA is not None, "a plan has actions"
        return Sample(action_BHA, film_BCFYX)

    def _plan_of_tensors(
        self,
        imagine: bool,
        first_BC1YX: Tensor,
        video_BCFYX: Tensor | None,
        action_BHA: Tensor,
        video: Tensor,
        action: Tensor,
        bias_BQ: Tensor,
        state_BP: Tensor | None,
    ) -> Tensors:
        start = Start(first_BC1YX=first_BC1YX, video_BCFYX=video_BCFYX, action_BHA=action_BHA)
        return self._plan(start, Texts(video, action, bias_BQ), state_BP, imagine=imagine)

    def _plan(
        self, start: Start, texts: Texts, state_BP: Tensor | None, *, imagine: bool
    ) -> Sample:
        context = self._memory.context(texts, state_BP)
        stage_done("text")
        samples_video = imagine or self._mode is not Mode.FIRST_FRAME
        plan = _Plan(self, start, context, samples_video=samples_video)
        return plan.run(self._mode, Velocities(self._reuse), imagine=imagine)

    @property
    def model(self) -> Mixture:
        return self._model

    @property
    def schedules(self) -> Schedules:
        return self._schedules

    @property
    def tables(self) -> _Tables:
        return self._tables

    def buffer(self, batch: int, num_tokens: int, like: Tensor) -> Tensor:
        """Keys and values of all blocks, shape (2, n, B, M, S, K); what it holds is undefined."""
        sizes = self._model.sizes
        shape = (2, sizes.num_layers, batch, sizes.num_heads, num_tokens, sizes.head_dim)
        if self._is_recording:  # it is the recording's: another must not grow or free it
            return like.new_empty(shape)
        if self._buffer is None or self._buffer.numel() < math.prod(shape):
            self._buffer = like.new_empty(math.prod(shape))
        return self._buffer[: math.prod(shape)].view(shape)

    def video_rotary(self, grid: tuple[int, int, int], device: torch.device) -> Rotary:
        if grid not in self._rotary:
            self._rotary[grid] = video_rotary(*grid, self._model.sizes.head_dim, device)
        return self._rotary[grid]

    def action_rotary(self, horizon: int, device: torch.device) -> Rotary:
        if (horizon,) not in self._rotary:
            self._rotary[(horizon,)] = action_rotary(horizon, self._model.sizes.head_dim, device)
        return self._rotary[(horizon,)]


class _Plan:
    """One pass from noise to a chunk."""

    def __init__(
        self, sampler: CachedSampler, start: Start, context: Context, *, samples_video: bool
    ) -> None:
        self._model, self._tables = sampler.model, sampler.tables
        self._schedules, self._context, self._start = sampler.schedules, context, start
        batch, horizon, _ = start.action_BHA.shape
        _, _, _, height, width = start.first_BC1YX.shape
        rows, columns = height // PATCH, width // PATCH
        frames = start.video_BCFYX.shape[2] if start.video_BCFYX is not None else 1
        self._grid = (frames - 1, rows, columns)
        self._num_first = rows * columns
        self._num_later = (frames - 1) * rows * columns if samples_video else 0
        self._num_video = self._num_later + self._num_first
        total = self._num_video + horizon
        self._k, self._v = sampler.buffer(batch, total, start.action_BHA).unbind(0)
        device = start.action_BHA.device
        rotary = sampler.video_rotary((frames, rows, columns), device)
        self._first_rotary = rotary.rows(0, self._num_first)
        self._later_rotary = rotary.rows(self._num_first)
        self._action_rotary = sampler.action_rotary(horizon, device)
        self._video_blocks = self._model.video.layers
        self._action_blocks = self._model.action.layers

    def run(self, mode: Mode, known: Velocities, *, imagine: bool) -> Sample:
        self._observe()
        stage_done("video_prefill")
        later, action_BHA = None, self._start.action_BHA
        if self._num_later:
            assert self._start.video_BCFYX is not None, "checked by the sampler"
            later = self._start.video_BCFYX[:, :, 1:]
        steps = range(len(self._schedules.action.timesteps))
        if mode is Mode.JOINT:
            assert later is not None, "joint samples a video"
            later, action_BHA = self._run_joint(later, action_BHA, known, imagine=imagine)
        else:
            if later is not None:
                later = self._run_video(later, known)
            if mode is Mode.IDM:
                self._remember(later)
                stage_done("video_prefill")
            for step in steps:
                velocity = self._action_velocity(action_BHA, step, see_all=mode is Mode.IDM)
                action_BHA = action_BHA + self._schedules.action.deltas[step] * velocity
                stage_done("action_step")
        if later is None or not imagine:
            return Sample(action_BHA, None)
        return Sample(action_BHA, torch.cat([self._start.first_BC1YX, later], dim=2))

    def _run_joint(
        self, later: Tensor, action_BHA: Tensor, known: Velocities, *, imagine: bool
    ) -> tuple[Tensor, Tensor]:
        video, action = self._schedules
        num_steps = len(action.timesteps)
        for step in range(num_steps):
            if known.are_due():
                later = later + video.deltas[step] * known.video
                action_BHA = action_BHA + action.deltas[step] * known.action
                stage_done("reused_step")
                continue
            # Actions see the video as it was before this step: the last step moves it for films.
            is_moved = imagine or step < num_steps - 1
            velocity = self._video_velocity(later, step, keys_only=not is_moved)
            if velocity is not None:
                known.learn_video(velocity)
                later = later + video.deltas[step] * velocity
            stage_done("video_step")
            known.action = self._action_velocity(action_BHA, step, see_all=True)
            action_BHA = action_BHA + action.deltas[step] * known.action
            stage_done("action_step")
        return later, action_BHA

    def _run_video(self, later: Tensor, known: Velocities) -> Tensor:
        for step, delta in enumerate(self._schedules.video.deltas):
            if known.are_due():
                later = later + delta * known.video
                stage_done("reused_step")
                continue
            velocity = self._video_velocity(later, step)
            assert velocity is not None, "asked for it"
            known.learn_video(velocity)
            later = later + delta * velocity
            stage_done("video_step")
        return later

    def _observe(self) -> None:
        """Keys and values of the observed frame."""
        x_BSD = self._model.video.tokens(self._start.first_BC1YX)
        place = slice(self._num_later, self._num_video)
        self._video_pass(
            x_BSD, self._tables.clean, self._first_rotary, place, seen=place, keys_only=True
        )

    def _remember(self, later: Tensor | None) -> None:
        """Keys and values of the finished video, now clean."""
        assert later is not None, "IDM samples a video"
        place, seen = slice(0, self._num_later), slice(0, self._num_video)
        x_BSD = self._model.video.tokens(later)
        self._video_pass(
            x_BSD, self._tables.clean, self._later_rotary, place, seen=seen, keys_only=True
        )

    def _video_velocity(
        self, later: Tensor, step: int, *, keys_only: bool = False
    ) -> Tensor | None:
        """Of the frames after the observed one, which see it and each other."""
        place, seen = slice(0, self._num_later), slice(0, self._num_video)
        x_BSD = self._model.video.tokens(later)
        x_BSD = self._video_pass(
            x_BSD, self._tables.video[step], self._later_rotary, place, seen=seen,
            keys_only=keys_only,
        )  # fmt: skip
        if keys_only:
            return None
        return self._model.video.bent_velocity(x_BSD, *self._tables.head[step], self._grid)

    def _video_pass(
        self,
        x_BSD: Tensor,
        bends: list[Modulation],
        rotary: Rotary,
        place: slice,
        *,
        seen: slice,
        keys_only: bool,
    ) -> Tensor:
        """Video tokens through all blocks; their keys and values go to their place."""
        last = len(bends) - 1
        for layer, (block, bend) in enumerate(zip(self._video_blocks, bends, strict=True)):
            if keys_only and layer == last:
                h_BSD = block.before_attention(x_BSD, bend)
                self._write(layer, place, block.self_attn.keys_values(h_BSD, rotary))
                return x_BSD
            heads = block.heads(x_BSD, bend, rotary)
            self._write(layer, place, KeysValues(heads.k_BMSK, heads.v_BMSK))
            mixed = attend(heads.q_BMSK, self._memory(layer, seen))
            text = self._context.video[layer]
            x_BSD = block.after_attention(x_BSD, mixed, bend, text, self._context.bias_B11Q)
        return x_BSD

    def _action_velocity(self, action_BHA: Tensor, step: int, *, see_all: bool) -> Tensor:
        """Of the actions, which see the observed frame, and other frames if asked to."""
        expert, bends = self._model.action, self._tables.action[step]
        place = slice(self._num_video, None)
        seen = slice(0 if see_all else self._num_later, None)
        x_BHD = expert.action_encoder(action_BHA)
        for layer, (block, bend) in enumerate(zip(self._action_blocks, bends, strict=True)):
            heads = block.heads(x_BHD, bend, self._action_rotary)
            self._write(layer, place, KeysValues(heads.k_BMSK, heads.v_BMSK))
            mixed = attend(heads.q_BMSK, self._memory(layer, seen))
            text = self._context.action[layer]
            x_BHD = block.after_attention(x_BHD, mixed, bend, text, self._context.bias_B11Q)
        return expert.head(x_BHD)

    def _write(self, layer: int, place: slice, made: KeysValues) -> None:
        self._k[layer, :, :, place] = made.k_BMSK
        self._v[layer, :, :, place] = made.v_BMSK

    def _memory(self, layer: int, seen: slice) -> KeysValues:
        return KeysValues(self._k[layer, :, :, seen], self._v[layer, :, :, seen])


def _tables(model: Mixture, schedules: Schedules) -> _Tables:
    t_video, t_action = schedules.video.timesteps, schedules.action.timesteps
    _, clean_6D = model.video.time(torch.zeros_like(t_video[0]))
    temb_KD, tmod_K6D = model.video.time(t_video)
    _, action_K6D = model.action.time(t_action)
    return _Tables(
        clean=_bends(model.video, clean_6D),
        video=[_bends(model.video, tmod_6D) for tmod_6D in tmod_K6D],
        head=model.video.head_bends(temb_KD),
        action=[_bends(model.action, tmod_6D) for tmod_6D in action_K6D],
    )


def _bends(expert: Expert, tmod_6D: Tensor) -> list[Modulation]:
    return [Modulation(*(block.modulation[0] + tmod_6D).unbind(0)) for block in expert.layers]
