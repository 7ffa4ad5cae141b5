"""Fast-WAM of any size with random weights, and a benchmark that only shows: for timing alone.

Latency does not depend on the weights. Nothing is read from disk, so the full 5 B + 1 B model
can be timed where no checkpoint is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

from wamlab.benchmarks.libero import Libero
from wamlab.core.episodes import EpisodeKey
from wamlab.core.specs import BenchmarkSpec
from wamlab.nn.card import RELEASED_SIZES, Sizes, Variant, WamCard, libero_card
from wamlab.nn.layout import lay_out
from wamlab.nn.model_folder import DTYPES, Parts
from wamlab.nn.planning import Computation, Dtype, Planner, Sampling, device_of
from wamlab.nn.samplers import MODES_OF
from wamlab.nn.statistics import Normaliser, Normalisers
from wamlab.nn.text import PromptCache, TextEmbedding
from wamlab.nn.video_vae import WAN22_CONFIG, VideoVae, drop_decoder
from wamlab.nn.vla import model_of

WEIGHT_SCALE = 0.02
NUM_WORDS = 24  # tokens of a LIBERO instruction in its prompt; the other rows are pads


class Size(StrEnum):
    """How large the model is."""

    FULL = "full"  # 5 B + 1 B and Wan 2.2's VAE
    SMALL = "small"  # that of bench/fast_wam_cpu.py: 52.5 M
    TINY = "tiny"  # for a look at the table


SIZES: Mapping[Size, Sizes] = {
    Size.FULL: RELEASED_SIZES,
    Size.SMALL: Sizes(
        video_width=512, action_width=256, num_heads=4, head_dim=128, num_layers=8,
        video_ffn=2048, action_ffn=1024, text_dim=4096, freq_dim=256, latent_channels=48,
        action_dim=7, state_dim=8,
    ),
    Size.TINY: Sizes(
        video_width=48, action_width=24, num_heads=3, head_dim=16, num_layers=2, video_ffn=64,
        action_ffn=40, text_dim=40, freq_dim=32, latent_channels=48, action_dim=7, state_dim=8,
    ),
}  # fmt: skip
VAE_WIDTHS = {Size.FULL: (160, 256), Size.SMALL: (16, 16), Size.TINY: (8, 8)}


class RandomFastWam:
    """A policy that plans as Fast-WAM does, and nonsense."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """As `FastWam.Config`, but for where the weights come from."""

        variant: Variant
        size: Size = Size.FULL
        num_denoise_steps: int = 10
        computation: Computation = Computation.CACHED
        dtype: Dtype = Dtype.BFLOAT16
        device: str = "cuda:0"
        cuda_graphs: bool = False
        max_batch: int = 32
        num_threads: int = 1

    def __init__(self, config: Config) -> None:
        device, dtype = device_of(config.device), DTYPES[config.dtype]
        card = libero_card(config.variant, action_shift=5.0, sizes=SIZES[config.size])
        parts = _parts(card, config.size, dtype, device)
        sampling = Sampling(
            mode=MODES_OF[config.variant][0],
            num_denoise_steps=config.num_denoise_steps,
            imagine=False,
            fixed_seed=None,
            computation=config.computation,
            max_batch=config.max_batch,
            num_threads=config.num_threads,
            cuda_graphs=config.cuda_graphs,
        )
        planner = Planner(parts, sampling, dtype=dtype, device=device)
        self.facts, self.spec = parts.facts, planner.spec
        self.begin, self.plan, self.end = planner.begin, planner.plan, planner.end


class LiberoSpec:
    """What LIBERO gives and takes, without its simulator."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """Nothing to set."""

    spec: BenchmarkSpec = Libero.spec
    image_px = 256

    def __init__(self, config: Config) -> None:
        self.config = config

    def episodes(self) -> Sequence[EpisodeKey]:
        return [EpisodeKey(benchmark="libero", suite="libero_10", task="003", init=0)]

    def instruction(self, key: EpisodeKey) -> str:
        return "put the black bowl in the bottom drawer of the cabinet and close it"


class _RandomText:
    """Prompts of random rows, as many as a LIBERO instruction has tokens."""

    def __init__(self, text_dim: int) -> None:
        self._text_dim = text_dim

    def encode(self, prompt: str, num_tokens: int) -> TextEmbedding:
        rows = torch.zeros(num_tokens, self._text_dim)
        rows[:NUM_WORDS] = torch.randn(NUM_WORDS, self._text_dim)
        return TextEmbedding(rows, NUM_WORDS)


def _parts(card: WamCard, size: Size, dtype: torch.dtype, device: torch.device) -> Parts:
    torch.manual_seed(0)
    with torch.device("meta"):
        model, base, decoder = model_of(card), *VAE_WIDTHS[size]
        network = AutoencoderKLWan.from_config(
            {**WAN22_CONFIG, "base_dim": base, "decoder_base_dim": decoder}
        )
    drop_decoder(network)
    for module in (model, network):
        module.to(dtype).to_empty(device=device)
        module.eval().requires_grad_(False)
        for parameter in module.parameters():
            parameter.normal_(0, WEIGHT_SCALE)
    lay_out(model)
    num = sum(parameter.numel() for parameter in model.parameters())

    def straight(dim: int) -> Normaliser:
        return Normaliser(np.ones(dim, np.float32), np.zeros(dim, np.float32))

    return Parts(
        card=card,
        model=model,
        vae=VideoVae(network),
        prompts=PromptCache(
            num_tokens=card.num_text_tokens,
            text_dim=card.sizes.text_dim,
            load_encoder=lambda: _RandomText(card.sizes.text_dim),
        ),
        normalisers=Normalisers(straight(card.sizes.state_dim), straight(card.sizes.action_dim)),
        weights="random",
        facts={"class": "WAM", "weights": "random", "num_parameters": str(num)},
    )
