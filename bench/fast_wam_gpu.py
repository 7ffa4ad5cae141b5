"""Latency of Fast-WAM at full size on a CUDA card, with random weights: one command, one table.

python bench/fast_wam_gpu.py [--calls 125] [--restarts 3] [--batches 1,16] [--arrivals 20]
                             [--cuda-graphs] [--out runs/gpu]

5 B + 1 B parameters, bfloat16, LIBERO's shapes (224 x 448), 10 denoise steps, text cached, each
variant in fresh processes, by the machinery of `wamlab profile`. It needs 16 GB of the card's
memory. To look at the table without a card: --device cpu --size tiny --dtype float32.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))

from random_fast_wam import LiberoSpec, RandomFastWam, Size

from wamlab.cli._profiles import profile_text
from wamlab.core.errors import WamlabError
from wamlab.core.recipe import Run
from wamlab.nn.card import Variant
from wamlab.nn.planning import Computation, Dtype
from wamlab.profiling.record import Profile, write_profile
from wamlab.profiling.run import job_of, put_together, sample
from wamlab.records.machine import this_code, this_machine

REPLAN_EVERY = 10
PATIENCE_S = 600.0  # 6 B random weights and the first kernels
# What we aim at on an H100, batch 1, milliseconds: estimates from floors, no measurements.
AIM_MS = {Variant.ACTION_ONLY: 22, Variant.JOINT: 60, Variant.IDM: 65}
AIM_PLANS_PER_S = 200  # action-only, batch 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=125)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--batches", default="1,16")
    parser.add_argument("--arrivals", type=int, default=20)
    parser.add_argument("--variants", nargs="+", type=Variant, default=list(AIM_MS))
    parser.add_argument("--computation", type=Computation, default=Computation.CACHED)
    parser.add_argument("--cuda-graphs", action="store_true")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--dtype", type=Dtype, default=Dtype.BFLOAT16)
    parser.add_argument("--size", type=Size, default=Size.FULL)
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"))
    asked = parser.parse_args()
    if asked.device.startswith("cuda") and not torch.cuda.is_available():
        parser.exit(
            2,
            f"fast_wam_gpu: device: got {asked.device!r}, but no CUDA device is visible; run this "
            "on a machine with a card of at least 16 GB and a CUDA build of torch\n",
        )
    profiles = []
    for variant in asked.variants:
        try:
            profiles.append(profiled(variant, asked))
        except (WamlabError, ValueError) as error:
            parser.exit(2, f"fast_wam_gpu: {variant}: {error}\n")
        print(profile_text(profiles[-1]), "\n", flush=True)
    print(table(profiles))


def profiled(variant: Variant, asked: argparse.Namespace) -> Profile:
    config = RandomFastWam.Config(
        variant=variant,
        size=asked.size,
        computation=asked.computation,
        dtype=asked.dtype,
        device=asked.device,
        cuda_graphs=asked.cuda_graphs,
    )
    run = Run(
        policy=config, benchmark=LiberoSpec.Config(), replan_every=REPLAN_EVERY, name=variant.value
    )
    job = job_of(
        run,
        batches=tuple(map(int, asked.batches.split(","))),
        num_calls=asked.calls,
        num_arrivals=asked.arrivals,
    )
    processes = sample(
        job,
        asked.restarts,
        patience_s=PATIENCE_S,
        say=lambda line: print(f"{variant}: {line}", file=sys.stderr),
    )
    profile = put_together(
        run,
        job,
        processes,
        recipe="bench/fast_wam_gpu.py",
        machine=asdict(this_machine()),
        commit=this_code().commit,
    )
    write_profile(asked.out / variant.value, profile)
    return profile


def table(profiles: list[Profile]) -> str:
    lines = [
        f"{'variant':<14}{'batch':>6}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}{'floor ms':>10}"
        f"{'plans/s':>10}{'ms/action':>11}{'MB':>9}  aim on an H100"
    ]
    for profile in profiles:
        for batch in profile.batches:
            floors = [stage.floor_ms or 0.0 for stage in batch.ledger.stages]
            ms, variant = batch.plan_ms, Variant(profile.name)
            aim = f"{AIM_MS.get(variant, '')} ms" if batch.batch == 1 else ""
            if batch.batch == 16 and variant is Variant.ACTION_ONLY:
                aim = f"{AIM_PLANS_PER_S} plans/s"
            lines.append(
                f"{variant:<14}{batch.batch:>6}{ms.p50:>10.2f}{ms.p95:>10.2f}{ms.p99:>10.2f}"
                f"{sum(floors):>10.2f}{batch.plans_per_s:>10.1f}"
                f"{batch.ms_per_executed_action:>11.2f}{batch.peak_memory_mb:>9,.0f}  {aim}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
