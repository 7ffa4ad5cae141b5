"""What a plan of the nano joint model costs at each setting that speeds it up, beside the full one.

python bench/plan_settings.py [MODEL] [--rounds 20]     # src/wamlab/assets/nano/joint

CPU milliseconds of one thread, settings in turn within each round, so that a busy machine touches
all alike. Observations are the first ones of four `libero_object` episodes: how many steps may be
left out depends on what is seen. With torchao (extra `quantised`) 8 bits are tried as well.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).parents[1]))

from recipes import nano

from wamlab.core.config import build
from wamlab.core.contracts import first_requests
from wamlab.core.recipe import Run
from wamlab.nn.quantised import Quantisation
from wamlab.policies.fast_wam import FastWam

SHIPPED = Path("src/wamlab/assets/nano/joint")
NUM_EPISODES = 4


def settings(model: Path) -> dict[str, FastWam.Config]:
    """Name -> what plans; the first is what others are held against."""
    config = partial(FastWam.Config, checkpoint=model, action_noise=nano.ACTION_NOISE)
    found = {"10 steps": config()}
    found |= {f"{n} steps": config(num_denoise_steps=n) for n in (1, 2, 4, 20)}
    found |= {
        f"reuse_above={cosine}": config(reuse_above=cosine, max_batch=1)
        for cosine in (0.99, 0.95, 0.9)
    }
    if find_spec("torchao"):
        found |= {
            how.value: config(quantised=how)
            for how in (Quantisation.INT8_WEIGHTS, Quantisation.INT8)
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path, nargs="?", default=SHIPPED)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    policies = {name: FastWam(config) for name, config in settings(asked.model).items()}
    run: Run = nano.unseen()
    first = next(iter(policies.values()))
    requests = first_requests(first, build(run.benchmark), num_episodes=NUM_EPISODES)
    taken: dict[str, list[float]] = {name: [] for name in policies}
    for policy in policies.values():
        for request in requests:
            policy.begin(request.key)
    for turn in range(asked.rounds + 1):  # the first makes buffers
        for name, policy in policies.items():
            for request in requests:
                start = process_time()
                policy.plan([request])
                if turn:
                    taken[name].append(1000 * (process_time() - start))
    full = median(taken["10 steps"])
    print(f"{'setting':<20}{'CPU ms a plan':>15}{'of 10 steps':>13}")
    for name, times in taken.items():
        print(f"{name:<20}{median(times):>15.1f}{median(times) / full:>13.2f}")


if __name__ == "__main__":
    main()
