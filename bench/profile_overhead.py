"""What timing the stages of a plan costs the plan: listening against not listening.

python bench/profile_overhead.py [--rounds 40] [--json]

The model of bench/fast_wam_cpu.py (52.5 M parameters, action-only, 10 denoise steps, one thread).
Both arms, and the silent one once more as a null, take turns in one process. Times are CPU time of
the process, so that other work on the machine shows less; compared are medians. Beside it: what
one mark costs alone, heard and unheard, and how many there are in a plan.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time

import torch
from fast_wam_cpu import NUM_STEPS, SIZES, inputs

from wamlab.core.stages import listening, stage_done
from wamlab.nn.cached import CachedSampler
from wamlab.nn.card import Variant, libero_card
from wamlab.nn.layout import lay_out
from wamlab.nn.mixture import Mixture
from wamlab.nn.samplers import MODES_OF, schedules_of
from wamlab.profiling.devices import Host

NUM_MARKS = 200_000
NUM_TRIALS = 7


def cpu_ms(work: Callable[[], object]) -> float:
    begin = process_time()
    work()
    return (process_time() - begin) * 1e3


def mark_ns() -> dict[str, float]:
    """Nanoseconds of one mark, the best of some trials."""

    def marks() -> float:
        begin = perf_counter()
        for _ in range(NUM_MARKS):
            stage_done("stage")
        return (perf_counter() - begin) / NUM_MARKS * 1e9

    unheard = min(marks() for _ in range(NUM_TRIALS))
    host, heard = Host(), float("inf")
    for _ in range(NUM_TRIALS):
        host.start()
        with listening(host):
            heard = min(heard, marks())
    return {"unheard_mark_ns": unheard, "heard_mark_ns": heard}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Mixture(SIZES).eval()
    lay_out(model)
    card = libero_card(Variant.ACTION_ONLY, action_shift=5.0, sizes=SIZES)
    schedules = schedules_of(card, NUM_STEPS, dtype=torch.float32)
    sampler = CachedSampler(model, MODES_OF[Variant.ACTION_ONLY][0], schedules)
    start, prompts, state = inputs(1)
    host = Host()

    def silent() -> None:
        sampler.sample(start, prompts, state)

    def heard() -> None:
        host.start()
        with listening(host):
            sampler.sample(start, prompts, state)
            host.finish()

    arms = {"silent": silent, "heard": heard, "null": silent}
    times: dict[str, list[float]] = {name: [] for name in arms}
    with torch.inference_mode():
        for turn in range(arguments.rounds + 2):  # the first two warm up
            for name, arm in arms.items():
                taken_ms = cpu_ms(arm)
                if turn >= 2:
                    times[name].append(taken_ms)
        host.start()
        heard()
    num_marks = len(host.finish().laps)
    ms = {name: median(values) for name, values in times.items()}
    marks = mark_ns()
    found = {
        "silent_ms": ms["silent"],
        "heard_over_silent": ms["heard"] / ms["silent"],
        "null_over_silent": ms["null"] / ms["silent"],
        "num_marks": num_marks,
        **marks,
        "marks_of_plan_heard": num_marks * marks["heard_mark_ns"] / 1e6 / ms["silent"],
        "marks_of_plan_unheard": num_marks * marks["unheard_mark_ns"] / 1e6 / ms["silent"],
    }
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    print(
        f"plan {found['silent_ms']:.1f} ms; listening {found['heard_over_silent'] - 1:+.2%} "
        f"(null {found['null_over_silent'] - 1:+.2%})\n"
        f"{num_marks} marks a plan; one takes {marks['heard_mark_ns']:.0f} ns heard, "
        f"{marks['unheard_mark_ns']:.0f} ns unheard: {found['marks_of_plan_heard']:.4%} and "
        f"{found['marks_of_plan_unheard']:.4%} of a plan"
    )


if __name__ == "__main__":
    main()
