"""Trains a world action model of any variant, with or without video, or the VLA beside it.

Shape legend: as in `training.objective`.

Source: Fast-WAM (arXiv 2603.16666; code at commit 45d8e14), specification sections 4.2, 6 and 7.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from wamlab.core.errors import ConfigError
from wamlab.nn.card import WamCard
from wamlab.nn.checkpoints import (
    RANDOM,
    Learned,
    continued,
    open_checkpoint,
    save_folder,
    start_of,
)
from wamlab.nn.frozen import load_text, load_vae
from wamlab.nn.losses import Draws, Window, draw, losses
from wamlab.nn.mixture import Mixture
from wamlab.nn.model_folder import DTYPES
from wamlab.nn.text import PromptCache, prompt_of
from wamlab.nn.vla import model_of
from wamlab.nn.weights import load_weights, start_from_video
from wamlab.training.objective import TOTAL, Batch, FrozenEncoder
from wamlab.training.recipe import Precision

VAE_FOLDER, TEXT_FOLDER = "vae", "text"  # inside a model folder
PIXELS_PER_LATENT = 16  # Wan 2.2's VAE


class WorldAction:
    """Predicts the velocity of actions and, unless switched off, of the video."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """What is trained, and from where.

        Attributes:
            card: Of the model that shall come out.
            vae: Folder of the frozen VAE.
            text: Folder with `text_encoder/` and `tokenizer/`; not needed if `prompts` has all.
            prompts: Folder of embedded prompts, read and added to.
            start: Wan2.2's video transformer, from which the action expert is interpolated, or
                a whole model to go on from; None starts from random weights.
            video_weight: Of the video's loss; 0 trains the actions alone, without co-training.
            idm_probability: Of samples of optional IDM, how many see the whole video.
            stored: Number format of the weights in model folders.
        """

        card: WamCard
        vae: Path
        text: Path | None = None
        prompts: Path | None = None
        start: Path | None = None
        video_weight: float = 1.0
        idm_probability: float = 0.5
        stored: Precision = Precision.FLOAT32

        def __post_init__(self) -> None:
            if self.video_weight < 0:
                raise ConfigError(f"video_weight: got {self.video_weight}, expected 0 or more")
            if self.card.is_vla and self.video_weight:
                raise ConfigError(
                    f"video_weight: got {self.video_weight}, expected 0: a VLA knows no video"
                )
            if not 0 <= self.idm_probability <= 1:
                raise ConfigError(f"idm_probability: got {self.idm_probability}, expected 0 to 1")

    def __init__(self, config: Config) -> None:
        self._config = config
        self.card = config.card
        self.module = self.outline()
        self.encoder: FrozenEncoder | None = None
        self._start = RANDOM

    def load(self, seed: int, device: torch.device) -> str:
        self.encoder = _fitting_vae(self._config.vae, self.card, device)
        if self._config.start is None:
            # torch's layers draw from the global stream; it is put back behind them.
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                self.module = model_of(self.card).to(device)
            return "random weights"
        checkpoint = open_checkpoint(self._config.start)
        self._start = start_of(checkpoint)
        if checkpoint.format.is_video_only:
            generator = torch.Generator().manual_seed(seed)
            report = start_from_video(
                self.module, checkpoint, generator=generator, dtype=torch.float32, device=device
            )
        else:
            report = load_weights(self.module, checkpoint, torch.float32, device=device)
        return str(report)

    def embed(self, instructions: Sequence[str]) -> dict[str, Tensor]:
        text = self._config.text
        cache = PromptCache(
            num_tokens=self.card.num_text_tokens,
            text_dim=self.card.sizes.text_dim,
            folder=self._config.prompts,
            load_encoder=None if text is None else lambda: load_text(text, torch.bfloat16),
        )
        with torch.no_grad():
            return {
                each: cache.embedding(prompt_of(self.card.prompt, each)).text_LD
                for each in instructions
            }

    def loss(self, batch: Batch, generators: Sequence[torch.Generator]) -> dict[str, Tensor]:
        assert batch.latents_BCFYX is not None, "the trainer encodes what has an encoder"
        window = Window(
            latents_BCFYX=batch.latents_BCFYX,
            action_BHA=batch.action_BHA,
            action_is_pad_BH=batch.action_is_pad_BH,
            image_is_pad_BR=batch.image_is_pad_BR,
        )
        module = self.module
        # On the CPU, since it is only asked whether it is all True, as in every released model.
        text_mask_BL = torch.ones(batch.text_BLT.shape[:2], dtype=torch.bool)
        state_BP = batch.state_BP if self.card.sizes.state_dim else None
        found = losses(
            module,
            self.card.variant,
            window,
            module.context(batch.text_BLT, text_mask_BL, state_BP),
            self._draws(window, generators),
            video_shift=self.card.video_shift,
            action_shift=self.card.action_shift,
            video_weight=self._config.video_weight,
        )
        named = {TOTAL: found.total, "action": found.action}
        return named if self._config.video_weight == 0 else {**named, "video": found.video}

    def outline(self) -> Mixture:
        with torch.device("meta"):
            return model_of(self.card)

    def outline_batch(self, batch_size: int, dtype: torch.dtype) -> Batch:
        card, sizes = self.card, self.card.sizes

        def numbers(*shape: int) -> Tensor:
            return torch.empty(batch_size, *shape, dtype=dtype, device="meta")

        def flags(length: int) -> Tensor:
            return torch.zeros(batch_size, length, dtype=torch.bool, device="meta")

        return Batch(
            window_B=torch.zeros(batch_size, dtype=torch.int64, device="meta"),
            text_BLT=numbers(card.num_text_tokens, sizes.text_dim),
            state_BP=numbers(sizes.state_dim),
            action_BHA=numbers(card.horizon, sizes.action_dim),
            action_is_pad_BH=flags(card.horizon),
            image_is_pad_BR=flags(card.num_frames),
            latents_BCFYX=numbers(
                sizes.latent_channels,
                card.num_latent_frames,
                card.image_height // PIXELS_PER_LATENT,
                card.image_width // PIXELS_PER_LATENT,
            ),
        )

    def save(self, out: Path, weights: Mapping[str, Tensor], statistics: Path) -> None:
        beside = out.with_name(f".{out.name}.{os.getpid()}")
        try:
            dtype = DTYPES[self._config.stored]
            stored = {name: value.to(dtype) for name, value in weights.items()}
            learned = Learned(robot_actions=True, robot_video=self._config.video_weight > 0)
            history = continued(self._start, learned, statistics)
            save_folder(beside, stored, self.card, statistics, history)
            _place(self._config.vae, beside / VAE_FOLDER)
            if self._config.text is not None:
                _place(self._config.text, beside / TEXT_FOLDER)
            beside.rename(out)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def _draws(self, window: Window, generators: Sequence[torch.Generator]) -> Draws:
        """Noise and timesteps, each sample's from its own generator."""
        one = Window(
            **{
                # Only shapes and types are looked at, and generators are on the CPU.
                field.name: torch.empty_like(getattr(window, field.name)[:1], device="cpu")
                for field in fields(Window)
            }
        )
        drawn = [
            draw(
                self.card.variant,
                one,
                generator,
                video_shift=self.card.video_shift,
                action_shift=self.card.action_shift,
                idm_probability=self._config.idm_probability,
            )
            for generator in generators
        ]
        device = window.latents_BCFYX.device
        present = [
            field.name for field in fields(Draws) if getattr(drawn[0], field.name) is not None
        ]
        return Draws(
            **{
                name: torch.cat([getattr(each, name) for each in drawn]).to(device)
                for name in present
            }
        )


def _fitting_vae(folder: Path, card: WamCard, device: torch.device) -> FrozenEncoder:
    vae = load_vae(folder, torch.float32, decoder=False).to(device)
    if vae.latent_channels != card.sizes.latent_channels:
        raise ConfigError(
            f"{folder}: its latents have {vae.latent_channels} channels, expected "
            f"{card.sizes.latent_channels} as in the model's card"
        )
    return vae


def _place(source: Path, place: Path) -> None:
    """The files of a folder in a second place: linked, or copied to another disk."""

    def link_or_copy(old: str, new: str) -> None:
        try:
            os.link(old, new)
        except OSError:
            shutil.copyfile(old, new)

    shutil.copytree(source, place, copy_function=link_or_copy)
