"""Where the time of a training step goes."""

from __future__ import annotations

from time import perf_counter

import torch


class Clock:
    """Times the stages of a step, each once the device is done with it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._start = self._last = perf_counter()
        self.spans_ms: dict[str, float] = {}

    def stop(self, stage: str) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        now = perf_counter()
        self.spans_ms[stage] = round((now - self._last) * 1e3, 3)
        self._last = now

    @property
    def total_s(self) -> float:
        return self._last - self._start
