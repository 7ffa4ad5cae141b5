"""How far a training is, for whoever wants to show it."""

from __future__ import annotations

from typing import NamedTuple


class Progress(NamedTuple):
    """One moment of a long piece of work.

    Attributes:
        stage: "latents", "training" or "evaluation".
        text: What else is worth knowing: sizes, losses.
        eta_s: Expected seconds until the stage is over; None while that is unknown.
    """

    stage: str
    num_done: int
    num_total: int
    text: str
    eta_s: float | None = None
