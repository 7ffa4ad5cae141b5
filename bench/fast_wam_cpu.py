"""Plans per second of each Fast-WAM variant on one CPU thread: cached path against plain path.

python bench/fast_wam_cpu.py [--rounds 5] [--variants action_only ...] [--json]

About 52 M parameters (8 layers, widths 512 and 256), LIBERO's token counts, 10 denoise steps,
random weights; VAE and text encoder are left out. Both paths, and the plain path once more as a
null, run in turn in one process; the fastest round counts, since the machine may be shared. A
batch of 8 is compared with 8 single plans.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from copy import deepcopy
from time import perf_counter

import torch

from wamlab.nn.cached import CachedSampler
from wamlab.nn.cached_text import Prompt
from wamlab.nn.card import Sizes, Variant, libero_card
from wamlab.nn.layout import lay_out
from wamlab.nn.mixture import Mixture
from wamlab.nn.samplers import MODES_OF, Start, sample, schedules_of

SIZES = Sizes(
    video_width=512, action_width=256, num_heads=4, head_dim=128, num_layers=8, video_ffn=2048,
    action_ffn=1024, text_dim=4096, freq_dim=256, latent_channels=48, action_dim=7, state_dim=8,
)  # fmt: skip
NUM_STEPS = 10
NUM_WORDS = 24  # tokens of a LIBERO instruction in its prompt; the other rows are pads
BATCH = 8
MEASURED = (Variant.ACTION_ONLY, Variant.JOINT, Variant.IDM)


def inputs(batch: int) -> tuple[Start, list[Prompt], torch.Tensor]:
    """Random observations, noise, prompts and state."""
    torch.manual_seed(0)
    card = libero_card(Variant.JOINT, action_shift=5.0, sizes=SIZES)
    latents = (card.image_height // 16, card.image_width // 16)
    channels = SIZES.latent_channels
    start = Start(
        first_BC1YX=torch.randn(batch, channels, 1, *latents),
        video_BCFYX=torch.randn(batch, channels, card.num_latent_frames, *latents),
        action_BHA=torch.randn(batch, card.horizon, SIZES.action_dim),
    )
    prompts = []
    for index in range(batch):
        rows = torch.zeros(card.num_text_tokens, SIZES.text_dim)
        rows[:NUM_WORDS] = torch.randn(NUM_WORDS, SIZES.text_dim)
        prompts.append(Prompt(f"{batch}/{index}", rows))
    return start, prompts, torch.randn(batch, SIZES.state_dim)


def fastest(arms: dict[str, Callable[[], torch.Tensor]], rounds: int) -> dict[str, float]:
    """Milliseconds of each arm, the best of some rounds in which all take turns."""
    best = dict.fromkeys(arms, float("inf"))
    for _ in range(rounds + 1):  # the first warms up
        for name, arm in arms.items():
            begin = perf_counter()
            arm()
            best[name] = min(best[name], (perf_counter() - begin) * 1e3)
    return best


def measure(model: Mixture, variant: Variant, rounds: int) -> dict[str, float]:
    """Times both paths of a variant and how far apart their actions are.

    The cached path runs as the policy runs it on CPU: with weights laid out for it.
    """
    card = libero_card(variant, action_shift=5.0, sizes=SIZES)
    schedules = schedules_of(card, NUM_STEPS, dtype=torch.float32)
    mode = MODES_OF[variant][0]
    laid_out = deepcopy(model)
    lay_out(laid_out)
    cached = CachedSampler(laid_out, mode, schedules)
    (one, prompt, state), (many, prompts, states) = inputs(1), inputs(BATCH)
    hidden_by_nothing = torch.ones(1, card.num_text_tokens, dtype=torch.bool)

    def plain() -> torch.Tensor:
        context = model.context(prompt[0].rows_LT[None], hidden_by_nothing, state)
        return sample(model, mode, one, context, schedules).action_BHA

    arms = {
        "plain": plain,
        "cached": lambda: cached.sample(one, prompt, state).action_BHA,
        "null": plain,
        "batch": lambda: cached.sample(many, prompts, states).action_BHA,
    }
    difference = (arms["plain"]() - arms["cached"]()).abs().max().item()
    ms = fastest(arms, rounds)
    return {
        "plain_ms": ms["plain"],
        "null_ratio": ms["null"] / ms["plain"],
        "cached_ms": ms["cached"],
        "plans_per_s": 1e3 / ms["cached"],
        "plain_over_cached": ms["plain"] / ms["cached"],
        "batch_of_8_ms": ms["batch"],
        "singles_over_batch": BATCH * ms["cached"] / ms["batch"],
        "largest_difference": difference,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--variants", nargs="+", type=Variant, default=MEASURED)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Mixture(SIZES).eval()
    millions = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    print(f"{millions:.1f} M parameters, one thread, best of {arguments.rounds}", file=sys.stderr)
    found = {}
    with torch.inference_mode():
        for variant in arguments.variants:
            found[variant.value] = row = measure(model, variant, arguments.rounds)
            if not arguments.json:
                print(
                    f"{variant.value:12} plain {row['plain_ms']:6.0f} ms (null "
                    f"{row['null_ratio']:.2f})  cached {row['cached_ms']:6.0f} ms  "
                    f"{row['plain_over_cached']:.2f}x  {row['plans_per_s']:.2f} plans/s  "
                    f"batch of 8 {row['singles_over_batch']:.2f}x of 8 single  "
                    f"differ by {row['largest_difference']:.1e}"
                )
    if arguments.json:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
