"""Stands in for torch, which vla-eval's LIBERO entry imports only to wrap `torch.load`.

The LIBERO package beside it reads its initial states with numpy, so `load` is never called;
this file saves the download of several gigabytes.
"""

from __future__ import annotations


class Tensor:
    """Asked for by scipy, which tests arrays against `torch.Tensor` once torch is imported."""


def load(path: object, *, weights_only: bool = False) -> None:
    raise RuntimeError(
        f"torch.load was called for {path!r}; this environment has no torch, "
        "use a LIBERO package that reads its initial states without it"
    )
