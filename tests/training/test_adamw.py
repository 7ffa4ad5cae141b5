import pytest
import torch
from torch import nn

from wamlab.training.adamw import ShardedAdamW, learning_rate, owners
from wamlab.training.processes import Processes
from wamlab.training.recipe import Optimiser

ALONE = Processes(rank=0, count=1, device=torch.device("cpu"))


def layer(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(5, 3)


def backward(module, scale=1.0):
    rows = torch.linspace(-1, 1, 20, dtype=next(module.parameters()).dtype).reshape(4, 5)
    (scale * module(rows).float()).square().sum().backward()


@pytest.mark.parametrize(
    ("step", "share"), [(0, 0.1), (4, 0.5), (9, 1.0), (104, 0.505), (199, 0.01)]
)
def test_the_rate_rises_and_falls_as_published(step, share):
    # 5 % of 200 steps rise; 104 is half of the 190 that fall: (1 + 0.01) / 2.
    assert learning_rate(Optimiser(), step, 200) == pytest.approx(share * 1e-4, rel=1e-9)


def test_every_weight_has_one_owner_and_shares_are_even():
    sizes = {f"block.{i}.weight": 100 for i in range(7)} | {"bias": 3, "head": 250}

    owner = owners(sizes, 2)

    load = [sum(sizes[name] for name in sizes if owner[name] == rank) for rank in (0, 1)]
    assert set(owner) == set(sizes)
    assert max(load) - min(load) <= 100


@pytest.mark.parametrize("scale", [0.1, 10.0], ids=["short gradient", "limited gradient"])
def test_a_step_is_that_of_torch(scale):
    settings = Optimiser(learning_rate=0.1)
    ours, theirs = layer(), layer()
    optimiser = ShardedAdamW(ours, settings, ALONE, torch.float32)
    reference = torch.optim.AdamW(
        theirs.parameters(), lr=0.1, betas=settings.betas, weight_decay=settings.weight_decay
    )

    for _ in range(3):
        backward(ours, scale)
        optimiser.step(0.1, optimiser.grad_norm())
        backward(theirs, scale)
        nn.utils.clip_grad_norm_(theirs.parameters(), settings.max_grad_norm)
        reference.step()
        reference.zero_grad()

    # One float32 rounding per step: ours multiplies all gradients at once.
    torch.testing.assert_close(ours.weight, theirs.weight, atol=1e-6, rtol=0)


def test_bfloat16_weights_move_by_less_than_they_can_show():
    module = layer()
    optimiser = ShardedAdamW(module, Optimiser(weight_decay=0), ALONE, torch.bfloat16)
    before = {name: value.clone() for name, value in optimiser.state().items()}

    backward(module)
    optimiser.step(1e-5, optimiser.grad_norm())

    moved = optimiser.state()["weight/weight"] - before["weight/weight"]
    assert module.weight.dtype == torch.bfloat16
    # The first step of Adam moves every weight by the rate; bfloat16 has steps of 1e-3 here.
    torch.testing.assert_close(moved.abs(), torch.full((3, 5), 1e-5), atol=1e-7, rtol=0)


def test_a_weight_without_gradient_stays():
    module = nn.ModuleList([layer(), layer(1)])
    optimiser = ShardedAdamW(module, Optimiser(), ALONE, torch.float32)
    before = module[1].weight.detach().clone()

    backward(module[0])
    optimiser.step(0.1, optimiser.grad_norm())

    assert torch.equal(module[1].weight, before)
