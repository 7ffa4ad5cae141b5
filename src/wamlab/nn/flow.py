"""Flow matching: from noise to a sample along straight lines.

The one time convention of this package (checked by tests/nn/test_flow.py):

    sigma = 1 is noise, sigma = 0 is data
    x_sigma = sigma * noise + (1 - sigma) * data,    velocity = dx/dsigma = noise - data

Models are told the timestep t = 1000 * sigma. openpi and Wan use this direction; the pi0 paper
uses the opposite one. Convert when loading weights, never here.

Source: Fast-WAM (arXiv 2603.16666; code at commit 45d8e14), specification section 6.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

NUM_TIMESTEPS = 1000  # the scale of t, and the points over which loss weights are normed


class Schedule(NamedTuple):
    """The steps from noise to data.

    Attributes:
        timesteps: t at the start of each step, shape (num_steps,).
        deltas: Change of sigma in each step, negative, shape (num_steps,).
    """

    timesteps: Tensor
    deltas: Tensor


def shift_sigma(u: Tensor, shift: float) -> Tensor:
    """Spends more steps near the noise when shift > 1; keeps 0 and 1 in place."""
    return shift * u / (1 + (shift - 1) * u)


def schedule(
    num_steps: int,
    shift: float,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
) -> Schedule:
    """An Euler schedule, evenly spaced before the shift.

    Computed in float32 and then rounded to the model's dtype, as the original does: in bfloat16,
    ten steps at shift 5 become 1000, 980, 952, ..., 358 and the deltas sum to -0.9998. A model
    evaluated in bfloat16 is the original's only with these roundings.

    Raises:
        ValueError: If there is no step.
    """
    if num_steps < 1:
        raise ValueError(f"num_steps: got {num_steps}, expected at least 1")
    sigma = shift_sigma(torch.linspace(1, 0, num_steps + 1, dtype=torch.float32), shift)
    return Schedule(
        timesteps=(sigma[:-1] * NUM_TIMESTEPS).to(device, dtype),
        deltas=sigma.diff().to(device, dtype),
    )


def draw_timesteps(
    count: int,
    shift: float,
    generator: torch.Generator,
    *,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Training timesteps, shape (count,): uniform before the shift, in the model's dtype.

    The paper speaks of logit-normal draws; the code that trained the released checkpoints draws
    uniformly.
    """
    u = torch.rand(count, generator=generator, device=generator.device)
    return (shift_sigma(u, shift) * NUM_TIMESTEPS).to(dtype)


def noised(data: Tensor, noise: Tensor, t_B: Tensor) -> Tensor:
    """The point of the path at timestep t of each sample; all of shape (B, ...)."""
    sigma = (t_B / NUM_TIMESTEPS).view(-1, *(1,) * (data.ndim - 1))
    return (1 - sigma) * data + sigma * noise


def loss_weight(t_B: Tensor, shift: float) -> Tensor:
    """Weight of a training sample, float32: a bell over t that is 0 at both ends.

    Its mean is 1 over the thousand timesteps of the shifted schedule.
    """
    lowest, mean = _bell_norm(shift)
    return (_bell(t_B.float()) - lowest) / mean


def _bell(t: Tensor) -> Tensor:
    half = NUM_TIMESTEPS / 2
    return torch.exp(-2 * ((t - half) / NUM_TIMESTEPS) ** 2)


@cache
def _bell_norm(shift: float) -> tuple[float, float]:
    """Lowest value of the bell over the schedule, and its mean above that."""
    u = torch.linspace(1, 1 / NUM_TIMESTEPS, NUM_TIMESTEPS, dtype=torch.float64)
    bell = _bell(shift_sigma(u, shift) * NUM_TIMESTEPS)
    return bell.min().item(), (bell - bell.min()).mean().item()
