"""Puts together all that a model needs to plan, or says what is missing before the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path

import torch

from wamlab.core.config import digest
from wamlab.core.errors import ConfigError
from wamlab.nn.card import Variant, WamCard
from wamlab.nn.checkpoints import (
    Checkpoint,
    Format,
    known_history,
    open_checkpoint,
    read_manifest,
    resolve_card,
)
from wamlab.nn.frozen import is_nano_vae, load_text, load_vae, nano_identity
from wamlab.nn.layout import lay_out
from wamlab.nn.mixture import Mixture
from wamlab.nn.nano_text import is_nano_text
from wamlab.nn.nano_vae import NanoVae
from wamlab.nn.quantised import Quantisation, quantise
from wamlab.nn.statistics import Normalisers, read_statistics
from wamlab.nn.text import PromptCache, PromptEncoder
from wamlab.nn.video_vae import VideoVae
from wamlab.nn.vla import model_of
from wamlab.nn.weights import load_weights

DTYPES: Mapping[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the parts of a model lie; None for the place inside the checkpoint's folder.

    Attributes:
        checkpoint: Our model folder, upstream's `.pt` or LeRobot's folder.
        variant: Must be given where the checkpoint has no card, as must `action_shift`.
        statistics: `dataset_stats.json`.
        vae: Folder of Wan's VAE or a nano one.
        text: Folder with `text_encoder/` and `tokenizer/`, or of a nano encoder.
        prompts: Folder of cached prompts; with all of them there, no text encoder is needed.
    """

    checkpoint: Path
    variant: Variant | None = None
    action_shift: float | None = None
    statistics: Path | None = None
    vae: Path | None = None
    text: Path | None = None
    prompts: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A model that is ready to plan.

    Attributes:
        weights: Names everything that was loaded, by content.
        facts: Of the model, for tables; the names are those of `records.store.RunInfo.model`.
    """

    card: WamCard
    model: Mixture
    vae: VideoVae | NanoVae
    prompts: PromptCache
    normalisers: Normalisers
    weights: str
    facts: Mapping[str, str]


def load_parts(
    sources: Sources,
    *,
    dtype: torch.dtype,
    device: torch.device,
    decoder: bool,
    quantisation: Quantisation = Quantisation.NONE,
) -> Parts:
    """Loads a model, strictly.

    Args:
        decoder: Whether frames will be decoded; without, the VAE's decoder stays on disk.
        quantisation: Of the model; the VAE stays as it is.

    Raises:
        ConfigError: If a part is missing or does not fit; the message says which and what to do.
    """
    if not sources.checkpoint.exists():
        raise ConfigError(
            f"checkpoint: no {sources.checkpoint}; name a model folder (of `wamlab train` or "
            "`wamlab weights convert`), a .pt or a LeRobot folder with "
            "--set policy.checkpoint=PATH"
        )
    checkpoint = open_checkpoint(sources.checkpoint)
    card = resolve_card(checkpoint, variant=sources.variant, action_shift=sources.action_shift)
    inside = sources.checkpoint if sources.checkpoint.is_dir() else sources.checkpoint.parent
    statistics = sources.statistics or checkpoint.statistics_path
    if statistics is None:
        raise ConfigError(
            f"statistics: none beside {sources.checkpoint}, expected dataset_stats.json, without "
            "which actions have no unit; name it with --set policy.statistics=FILE"
        )
    normalisers = read_statistics(statistics, card)
    vae_folder = _existing("vae", sources.vae, inside / "vae", "convert with --vae")
    vae = _fitting_vae(vae_folder, card, dtype, decoder=decoder).to(device)
    prompts, text_identity = _prompts(sources, inside, card, dtype, device)
    with torch.device("meta"):
        model = model_of(card)
    load_weights(model, checkpoint, dtype, device=device, copy=True)
    num_parameters = sum(weight.numel() for weight in model.parameters())
    _make_ready(model, quantisation, device)
    identities = [
        checkpoint.identity,
        digest(card),
        _vae_identity(vae_folder),
        text_identity,
        sha256(statistics.read_bytes()).hexdigest(),
    ]
    return Parts(
        card=card,
        model=model,
        vae=vae,
        prompts=prompts,
        normalisers=normalisers,
        weights=sha256("\n".join(identities).encode()).hexdigest()[:16],
        facts=_facts(checkpoint, card, num_parameters),
    )


def _facts(checkpoint: Checkpoint, card: WamCard, num_parameters: int) -> dict[str, str]:
    return {
        "class": "VLA" if card.is_vla else "WAM",
        "role": "flow VLA" if card.is_vla else f"WAM, {card.variant.replace('_', ' ')}",
        "weights": checkpoint.identity,
        "num_parameters": str(num_parameters),
        **_origin(checkpoint),
        **_pretraining(checkpoint),
    }


def _make_ready(model: Mixture, quantisation: Quantisation, device: torch.device) -> None:
    """For planning, no more for training."""
    model.eval().requires_grad_(False)
    if quantisation is Quantisation.NONE:
        lay_out(model)
    else:  # which lays weights out in its own way
        quantise(model, quantisation, device)


def _fitting_vae(
    folder: Path, card: WamCard, dtype: torch.dtype, *, decoder: bool
) -> VideoVae | NanoVae:
    vae = load_vae(folder, dtype, decoder=decoder)
    if vae.latent_channels != card.sizes.latent_channels:
        raise ConfigError(
            f"vae: {folder} has {vae.latent_channels} channels, expected "
            f"{card.sizes.latent_channels} as in the model's card"
        )
    return vae


def _origin(checkpoint: Checkpoint) -> dict[str, str]:
    """Whose weights they are."""
    if checkpoint.format is not Format.WAMLAB:
        return {"origin": f"{checkpoint.path.name} ({checkpoint.format})", "trained_here": "no"}
    if checkpoint.card is None or not checkpoint.path.is_dir():
        return {}
    origin = read_manifest(checkpoint.path).origin
    if origin is None:
        return {"trained_here": "yes"}
    return {"origin": f"{origin.file} ({origin.format})", "trained_here": "no"}


def _pretraining(checkpoint: Checkpoint) -> dict[str, str]:
    """On what the weights were trained before their last training."""
    history = known_history(checkpoint)
    if history is None:
        return {}
    learned = history.pretraining
    return {
        field.name: "yes" if getattr(learned, field.name) else "no" for field in fields(learned)
    }


def _vae_identity(folder: Path) -> str:
    return nano_identity(folder) if is_nano_vae(folder) else open_checkpoint(folder).identity


def _prompts(
    sources: Sources, inside: Path, card: WamCard, dtype: torch.dtype, device: torch.device
) -> tuple[PromptCache, str]:
    """Where embedded prompts come from, and a name for their content."""
    folder = sources.text or inside / "text"
    has_encoder = folder.is_dir()
    if sources.text is not None and not has_encoder:
        raise ConfigError(f"text: no folder {folder}; expected text_encoder/ and tokenizer/ in it")
    if not has_encoder and sources.prompts is None:
        raise ConfigError(
            f"text: no folder {folder} and no cached prompts; name one of them with "
            "--set policy.text=DIR or policy.prompts=DIR, or convert with --text"
        )

    def load_encoder() -> PromptEncoder:
        return load_text(folder, dtype).to(device)

    cache = PromptCache(
        num_tokens=card.num_text_tokens,
        text_dim=card.sizes.text_dim,
        folder=sources.prompts,
        load_encoder=load_encoder if has_encoder else None,
    )
    if has_encoder:
        # the cache fills while it is used: its place stands for what was put there before
        return cache, f"{_text_identity(folder)} {sources.prompts or ''}".rstrip()
    assert sources.prompts is not None, "checked above"
    return cache, _content(sorted(sources.prompts.glob("*.pt")))


def _text_identity(folder: Path) -> str:
    if is_nano_text(folder):
        return nano_identity(folder)
    tokenizer = _content(sorted((folder / "tokenizer").glob("tokenizer.json")))
    return f"{open_checkpoint(folder / 'text_encoder').identity} {tokenizer}"


def _content(files: Iterable[Path]) -> str:
    known = sha256()
    for file in files:
        known.update(file.name.encode() + file.read_bytes())
    return known.hexdigest()


def _existing(name: str, given: Path | None, default: Path, advice: str) -> Path:
    folder = given or default
    if not folder.is_dir():
        raise ConfigError(
            f"{name}: no folder {folder}; name one with --set policy.{name}=DIR, or {advice}"
        )
    return folder
