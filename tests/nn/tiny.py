"""Folders of tiny random models, in the layout of the released ones and made on the spot."""

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import UMT5Config, UMT5EncoderModel

from wamlab.nn.statistics import write_statistics

SENTENCES = (
    "A video recorded from a robot's point of view executing the following instruction:",
    "put the white mug on the left plate and put the yellow and white mug on the right plate",
    "pick up the black bowl between the plate and the ramekin and place it on the plate",
    "open the middle drawer of the cabinet, turn on the stove & push the plate to the front",
)


def tiny_vae(latent_channels: int = 6, seed: int = 0) -> AutoencoderKLWan:
    """Wan 2.2's VAE in small: 16 x 16 pixels and 4 frames per latent."""
    numbers = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoencoderKLWan(
            base_dim=8,
            decoder_base_dim=8,
            z_dim=latent_channels,
            dim_mult=[1, 2, 2, 2],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
            is_residual=True,
            in_channels=12,
            out_channels=12,
            patch_size=2,
            scale_factor_spatial=16,
            scale_factor_temporal=4,
            latents_mean=numbers.normal(0, 0.2, latent_channels).round(4).tolist(),
            latents_std=numbers.uniform(0.4, 1.2, latent_channels).round(4).tolist(),
        )
    return model.eval()


def tiny_vae_folder(path: Path, latent_channels: int = 6, seed: int = 0) -> Path:
    """Writes `tiny_vae` as diffusers does; returns the folder."""
    tiny_vae(latent_channels, seed).save_pretrained(path)
    return path


def tiny_text_folder(path: Path, dim: int = 40, seed: int = 0) -> Path:
    """Writes a random UMT5 (`text_encoder/`) and its tokenizer (`tokenizer/`); returns the folder.

    The tokenizer is of UMT5's kind (unigram, sentence pieces, pad 0, end 1, unknown 2), learnt
    from a few sentences.
    """
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=160, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>",
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    (path / "tokenizer").mkdir(parents=True)
    tokenizer.save(str(path / "tokenizer" / "tokenizer.json"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = UMT5EncoderModel(
            UMT5Config(
                vocab_size=tokenizer.get_vocab_size(), d_model=dim, d_kv=8, d_ff=64, num_layers=2,
                num_heads=4, feed_forward_proj="gated-gelu", dropout_rate=0.0,
            )
        )  # fmt: skip
    model.save_pretrained(path / "text_encoder")
    return path


def tiny_statistics(
    path: Path, *, state_dim: int = 8, action_dim: int = 7, horizon: int = 32, seed: int = 0
) -> Path:
    """Writes `dataset_stats.json` of random windows; returns the path."""
    numbers = np.random.default_rng(seed)
    write_statistics(
        path,
        state=numbers.normal(0.2, 0.5, (50, 1, state_dim)).astype(np.float32),
        action=numbers.uniform(-0.9, 0.8, (50, horizon, action_dim)).astype(np.float32),
        num_episodes=5,
        num_transition=50,
    )
    return path


def rename_statistics(path: Path, key: str) -> None:
    """Puts the statistics under another key than "default"."""
    stored = json.loads(path.read_text())
    for name in ("state", "action"):
        stored[name] = {key: stored[name].pop("default")}
    path.write_text(json.dumps(stored))
