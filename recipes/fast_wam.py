"""Fast-WAM on LIBERO, under the protocol that its authors published.

Name the checkpoint: wamlab eval recipes.fast_wam:libero --set policy.checkpoint=DIR
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wamlab.benchmarks.libero import Libero
from wamlab.core.recipe import Run
from wamlab.policies.fast_wam import FastWam

CHECKPOINT = Path("checkpoints/fast_wam")  # made by `wamlab weights convert`
PUBLISHED_SEED = 42  # of every plan's noise (FastWAM, experiments/libero)


def libero() -> Run:
    """All four suites, 50 initial states; noise from each episode's name."""
    return Run(
        policy=FastWam.Config(checkpoint=CHECKPOINT),
        benchmark=Libero.Config(protocol="fast_wam"),
        replan_every=10,
        name="fast_wam",
    )


def libero_imagined() -> Run:
    """The same with the imagined video kept beside the executed one, one episode of each task."""
    run = libero()
    return replace(
        run,
        policy=replace(run.policy, imagine=True),
        benchmark=replace(run.benchmark, num_inits=1),
        save_imagined=True,
        video_every=2,
    )


def libero_published() -> Run:
    """As published: the same noise at every plan."""
    run = libero()
    return replace(
        run, policy=replace(run.policy, fixed_seed=PUBLISHED_SEED), name="fast_wam_fixed_noise"
    )
