"""The card of a checkpoint: its own, or put together from what the user says of it."""

from __future__ import annotations

from dataclasses import replace

from wamlab.core.errors import ConfigError, unknown_name
from wamlab.nn.card import RELEASED_SIZES, Variant, WamCard, libero_card
from wamlab.nn.checkpoints.checkpoint import Checkpoint

CARDS = {"libero": libero_card}
"""Benchmark -> the card of a checkpoint trained on it."""
NAMED_VARIANTS = {"optional_idm": Variant.OPTIONAL_IDM, "uncond": Variant.ACTION_ONLY}
"""Part of a released file's name -> its variant (specification, section 8)."""
ADVICE = (
    "The weights do not tell it and a wrong one only shows as failures. Released checkpoints: "
    "libero_uncond and robotwin_uncond are variant action_only with action shift 5.0; "
    "libero_optional_idm is variant optional_idm with action shift 1.0"
)


def named_variant(checkpoint: Checkpoint) -> Variant | None:
    """The variant that the file's name speaks of; only a hint."""
    found = (variant for part, variant in NAMED_VARIANTS.items() if part in checkpoint.path.name)
    return next(found, None)


def resolve_card(
    checkpoint: Checkpoint,
    *,
    variant: Variant | None = None,
    action_shift: float | None = None,
    video_shift: float | None = None,
    benchmark: str | None = None,
) -> WamCard:
    """The card of a checkpoint.

    Args:
        variant: Must be given for files without a card, as must `action_shift`.
        video_shift: That of the released models, 5.0, if not given.
        benchmark: Whose layout of state, action and cameras to take, for files without a card.

    Raises:
        ConfigError: If something is not known, or what is given contradicts the card.
    """
    if checkpoint.card is not None:
        _check_agrees(checkpoint.card, variant, action_shift, video_shift)
        return checkpoint.card
    sizes = checkpoint.sizes
    for name, given in (("variant", variant), ("action_shift", action_shift)):
        if given is None:
            hint = named_variant(checkpoint)
            says = f" This file's name speaks of {hint}." if hint else ""
            raise ConfigError(f"{checkpoint.path}: {name} must be given. {ADVICE}.{says}")
    assert variant is not None
    assert action_shift is not None
    if (named := named_variant(checkpoint)) not in (None, variant):
        raise ConfigError(
            f"variant: got {variant}, but {checkpoint.path.name} is named after {named}; give "
            f"{named}, or rename the file if its name is wrong"
        )
    benchmark = benchmark or next(iter(CARDS))
    if benchmark not in CARDS:
        raise unknown_name("benchmark", benchmark, CARDS)
    template = CARDS[benchmark](variant, action_shift=action_shift, sizes=RELEASED_SIZES)
    for size in ("action_dim", "state_dim"):
        found, expected = getattr(sizes, size), getattr(template.sizes, size)
        if found != expected:
            raise ConfigError(
                f"{checkpoint.path}: {size} {found} where the card of {benchmark} says {expected}; "
                "it was trained for another robot"
            )
    card = replace(template, sizes=sizes)
    return card if video_shift is None else replace(card, video_shift=video_shift)


def _check_agrees(
    card: WamCard, variant: Variant | None, action_shift: float | None, video_shift: float | None
) -> None:
    given = {"variant": variant, "action_shift": action_shift, "video_shift": video_shift}
    for name, value in given.items():
        if value is not None and value != getattr(card, name):
            raise ConfigError(
                f"{name}: got {value}, but the model's card says {getattr(card, name)}; leave it "
                "out, or convert the original checkpoint again"
            )
