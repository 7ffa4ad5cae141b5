"""Does planning leak? Resident memory over a thousand plans, for each path of the nano models.

python bench/leaks.py [--plans 1000] [--models src/wamlab/assets/nano]

Random images, a new episode every 35 plans, ten instructions in turn. Each path has a process of
its own. Growth is counted from a tenth of the plans on, when every buffer has been made once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from resource import getpagesize
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from wamlab.core.episodes import EpisodeKey
from wamlab.core.protocols import PlanRequest, Policy
from wamlab.core.types import Observation
from wamlab.policies.fast_wam import Computation, FastWam
from wamlab.policies.flow_vla import FlowVla

PLANS_PER_EPISODE, NUM_PROMPTS, IMAGE_PX = 35, 10, 128
ALLOWED_MB = 5.0  # a plan that kept its two images would grow by 90 MB


def paths(models: Path) -> dict[str, Any]:
    """Name -> Config of what plans."""
    joint = partial(FastWam.Config, checkpoint=models / "joint")
    return {
        "flow_vla": FlowVla.Config(checkpoint=models / "flow_vla"),
        "action_only": FastWam.Config(checkpoint=models / "action_only"),
        "joint": joint(),
        "joint, plain": joint(computation=Computation.PLAIN),
        "joint, imagines": joint(imagine=True),
        "joint, reuse_above=0.95": joint(reuse_above=0.95, max_batch=1),
        "idm": FastWam.Config(checkpoint=models / "idm"),
    }


def grown(config: Any, policy_class: type, num_plans: int, answer: Any) -> None:  # noqa: ANN401
    """Sends resident MB after a tenth of the plans and after all."""
    policy: Policy = policy_class(config)
    found = []
    for number, request in enumerate(requests(policy, num_plans), start=1):
        policy.plan([request])
        if number in (num_plans // 10, num_plans):
            found.append(resident_mb())
    answer.put(found)


def requests(policy: Policy, num_plans: int) -> Iterator[PlanRequest]:
    """One robot's requests, with its episodes begun and ended."""
    rng = np.random.default_rng(0)
    state_size = sum(field.size for field in policy.spec.state)
    key = None
    for number in range(num_plans):
        episode, step = divmod(number, PLANS_PER_EPISODE)
        if step == 0:
            if key is not None:
                policy.end(key)
            key = EpisodeKey(benchmark="random", suite="random", task="0", init=episode)
            policy.begin(key)
        assert key is not None
        seen = Observation(
            images={
                name: rng.integers(0, 256, (IMAGE_PX, IMAGE_PX, 3), np.uint8)
                for name in policy.spec.cameras
            },
            state=rng.normal(size=state_size).astype(np.float32),
            instruction=f"task {episode % NUM_PROMPTS}",
            step=step,
        )
        yield PlanRequest(key=key, observations=(seen,), executed=())


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * getpagesize() / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--plans", type=int, default=1000)
    parser.add_argument("--models", type=Path, default=Path("src/wamlab/assets/nano"))
    asked = parser.parse_args()
    context = get_context("spawn")
    print(f"{'path':<26}{'MB, a tenth':>14}{f'MB, {asked.plans} plans':>18}{'growth':>10}")
    leaks = []
    for name, config in paths(asked.models).items():
        answer = context.Queue()
        policy_class = FlowVla if name == "flow_vla" else FastWam
        process = context.Process(target=grown, args=(config, policy_class, asked.plans, answer))
        process.start()
        process.join()  # what it answers fits the pipe
        if process.exitcode:
            sys.exit(f"{name}: the process ended with {process.exitcode}")
        early, late = answer.get()
        print(f"{name:<26}{early:>14.1f}{late:>18.1f}{late - early:>+10.1f}", flush=True)
        leaks += [name] if late - early > ALLOWED_MB else []
    print(f"more than {ALLOWED_MB:g} MB: {', '.join(leaks) or 'none'}")


if __name__ == "__main__":
    main()
