"""What computing in 8 bits gives on this CPU, and how far plans move (torchao, extra `quantised`).

python bench/quantised.py [MODEL]       # src/wamlab/assets/nano/joint
"""

import argparse
import os
from pathlib import Path
from statistics import median
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor

from wamlab.nn.cached import CachedSampler
from wamlab.nn.cached_text import Prompt
from wamlab.nn.model_folder import Sources, load_parts
from wamlab.nn.quantised import Quantisation
from wamlab.nn.samplers import MODES_OF, Start, schedules_of

NUM_PLANS, NUM_STEPS = 20, 10
SHIPPED = Path("src/wamlab/assets/nano/joint")
CPU = torch.device("cpu")


def planned(model: Path, how: Quantisation) -> tuple[Tensor, float]:
    """Actions of one plan on random input, and the median of a plan's CPU milliseconds."""
    parts = load_parts(
        Sources(checkpoint=model), dtype=torch.float32, device=CPU, decoder=False, quantisation=how
    )
    card, sizes = parts.card, parts.card.sizes
    schedules = schedules_of(card, NUM_STEPS, dtype=torch.float32)
    sampler = CachedSampler(parts.model, MODES_OF[card.variant][0], schedules)
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    grid = (card.image_height // 16, card.image_width // 16)
    start = Start(
        first_BC1YX=normal(1, sizes.latent_channels, 1, *grid),
        video_BCFYX=normal(1, sizes.latent_channels, card.num_latent_frames, *grid),
        action_BHA=normal(1, card.horizon, sizes.action_dim),
    )
    prompts = [Prompt("random", normal(card.num_text_tokens, sizes.text_dim))]
    state, times = normal(1, sizes.state_dim), []
    with torch.inference_mode():
        sampler.sample(start, prompts, state)
        for _ in range(NUM_PLANS):
            began = process_time()
            action = sampler.sample(start, prompts, state).action_BHA
            times.append(1e3 * (process_time() - began))
    return action, median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?", default=SHIPPED)
    model = parser.parse_args().model
    torch.set_num_threads(1)
    exact, base_ms = planned(model, Quantisation.NONE)
    print(f"{Quantisation.NONE:14} {base_ms:7.1f} ms a plan")
    for how in (Quantisation.INT8_WEIGHTS, Quantisation.INT8):
        action, ms = planned(model, how)
        error = (action - exact).abs()
        print(
            f"{how:14} {ms:7.1f} ms, {ms / base_ms:.2f} times; normalised actions "
            f"{error.mean():.4f} off in the mean, {error.max():.4f} at most"
        )


if __name__ == "__main__":
    main()
