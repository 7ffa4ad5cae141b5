"""AdamW over one process or many, each of which keeps the numbers of its own share of weights.

Every process computes gradients of the whole model. Of each weight one process is the owner: it
alone receives the mean gradient and holds what AdamW must remember (12 bytes a number: a float32
copy, and two running means), and it sends the new weight to the others. That is stage 2 of ZeRO
(arXiv 1910.02054), which the released models were trained with up to stage 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import torch
import torch.distributed as dist
from torch import Tensor, nn

from wamlab.training.processes import Processes
from wamlab.training.recipe import Optimiser

WEIGHT, MEAN, SQUARE, STEP = "weight", "exp_avg", "exp_avg_sq", "step"
NORM_FLOOR = 1e-6  # of torch.nn.utils.clip_grad_norm_


def learning_rate(settings: Optimiser, step: int, num_steps: int) -> float:
    """The rate of a step, counted from 0: a linear rise, then half a cosine.

    The first step has one part of the rise already, the last one `final_share` of the rate.
    """
    num_rising = math.ceil(settings.warm_up * num_steps)
    if step < num_rising:
        return settings.learning_rate * (step + 1) / num_rising
    progress = (step - num_rising + 1) / max(1, num_steps - num_rising)
    cosine = (1 + math.cos(math.pi * progress)) / 2
    return settings.learning_rate * (settings.final_share + (1 - settings.final_share) * cosine)


def owners(sizes: Mapping[str, int], num_processes: int) -> dict[str, int]:
    """Which process owns each weight: the largest first, to whoever has least so far."""
    load = [0] * num_processes
    found = {}
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        found[name] = min(range(num_processes), key=lambda rank: (load[rank], rank))
        load[found[name]] += sizes[name]
    return found


class ShardedAdamW:
    """Takes over the weights of a module.

    A step is: backward, `grad_norm`, `step`. Gradients are cleared on the way.
    """

    def __init__(
        self,
        module: nn.Module,
        settings: Optimiser,
        processes: Processes,
        dtype: torch.dtype,
    ) -> None:
        """Converts a float32 module to the type that it computes in.

        Args:
            module: The same in every process.
        """
        self._settings, self._processes, self._dtype = settings, processes, dtype
        self._weights = dict(module.named_parameters())
        self._owner = owners(
            {name: weight.numel() for name, weight in self._weights.items()}, processes.count
        )
        self._masters: dict[str, Tensor] = {}
        self._pending: list[tuple[dist.Work, str]] = []
        for name, weight in self._weights.items():
            full = weight.data
            weight.data = full.to(dtype)
            if self._owner[name] == processes.rank:
                # In float32 the weight is its own master.
                self._masters[name] = weight if dtype == torch.float32 else nn.Parameter(full)
            if processes.count > 1 and weight.requires_grad:
                weight.register_post_accumulate_grad_hook(partial(self._send_gradient, name))
        self._adam = torch.optim.AdamW(
            self._masters.values(),
            lr=settings.learning_rate,
            betas=settings.betas,
            weight_decay=settings.weight_decay,
            fused=True,
        )

    def grad_norm(self) -> float:
        """Length of the mean gradient over all weights; call it once after each backward."""
        for work, name in self._pending:
            work.wait()
            if self._owner[name] != self._processes.rank:
                self._weights[name].grad = None
        self._pending.clear()
        for name, master in self._masters.items():
            weight = self._weights[name]
            if master is not weight:
                master.grad = None if weight.grad is None else weight.grad.float()
                weight.grad = None
        mine = [master.grad for master in self._masters.values() if master.grad is not None]
        norm = torch.nn.utils.get_total_norm(mine) if mine else torch.zeros(())
        squares = self._processes.mean({"square": float(norm) ** 2})["square"]
        return math.sqrt(squares * self._processes.count)

    def step(self, rate: float, norm: float) -> None:
        """Moves the weights.

        Args:
            norm: As `grad_norm` gave it.
        """
        shrink = min(1.0, self._settings.max_grad_norm / (norm + NORM_FLOOR))
        gradients = [m.grad for m in self._masters.values() if m.grad is not None]
        if shrink < 1:
            torch._foreach_mul_(gradients, shrink)
        self._adam.param_groups[0]["lr"] = rate
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)
        self._publish()

    def state(self) -> dict[str, Tensor]:
        """What must be kept of the weights that this process owns, by "kind/name"."""
        found = {}
        for name, master in self._masters.items():
            found[f"{WEIGHT}/{name}"] = master.detach()
            for kind, value in self._adam.state.get(master, {}).items():
                found[f"{kind}/{name}"] = value
        return found

    def restore(self, states: Mapping[str, Tensor]) -> None:
        """Puts back what `state` gave.

        Args:
            states: Of all processes together, however many there were.
        """
        for name, weight in self._weights.items():
            weight.data.copy_(states[f"{WEIGHT}/{name}"])
        for name, master in self._masters.items():
            master.data.copy_(states[f"{WEIGHT}/{name}"])
            if f"{STEP}/{name}" in states:
                self._adam.state[master] = {
                    # A private copy: what was read may be a view of the file.
                    kind: states[f"{kind}/{name}"].to(master.device).clone()
                    for kind in (STEP, MEAN, SQUARE)
                }

    def weights(self) -> dict[str, Tensor]:
        """The whole model in the type that it computes in."""
        return {name: weight.detach() for name, weight in self._weights.items()}

    @property
    def names(self) -> list[str]:
        return list(self._weights)

    @torch.no_grad()
    def _send_gradient(self, name: str, weight: Tensor) -> None:
        """Starts sending while backward goes on."""
        assert weight.grad is not None, "called after it was made"
        weight.grad.div_(self._processes.count)
        work = dist.reduce(weight.grad, dst=self._owner[name], async_op=True)
        assert work is not None, "asked for in the background"
        self._pending.append((work, name))

    @torch.no_grad()
    def _publish(self) -> None:
        """Every process gets every new weight from its owner."""
        sent = []
        for name, weight in self._weights.items():
            if name in self._masters and self._masters[name] is not weight:
                weight.copy_(self._masters[name])
            if self._processes.count > 1:
                work = dist.broadcast(weight.data, src=self._owner[name], async_op=True)
                assert work is not None, "asked for in the background"
                sent.append(work)
        for work in sent:
            work.wait()
