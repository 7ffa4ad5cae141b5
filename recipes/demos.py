"""Demonstrations to train on: `wamlab demos recipes.demos:libero_spatial --out DIR`.

Initial states 0 to 20 of each task are for training, 28 and 29 are for looking at a training while
it runs, and 30 to 49 are kept for evaluation, so that "initial states never seen in training" is
true of every model trained on these.
"""

from __future__ import annotations

from dataclasses import replace

from wamlab.benchmarks.libero import Libero
from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.recipe import Run
from wamlab.policies.experts import ScriptedExpert
from wamlab.policies.seek import SeekPolicy

NUM_TRAINING_INITS = 21
IMAGE_PX = 128  # nano models; full-size ones take --set benchmark.image_px=256


def libero_spatial() -> Run:
    """210 episodes of the varied expert: 10 tasks, 21 initial states.

    Two fifths of the first grasps are off by up to 6 cm, beside the object or above it, and are
    done again: a policy that misses finds itself where somebody has shown how to go on. The hand
    always turns to the best grasp: no picture shows a side that was drawn (docs/nano.md).
    """
    return Run(
        policy=ScriptedExpert.Config(
            speed=(0.8, 1.0),
            waypoint_noise_m=0.02,
            miss_rate=0.4,
            miss_aside_m=0.06,
            miss_height_m=(0.0, 0.06),
        ),
        benchmark=Libero.Config(
            suites=("libero_spatial",), num_inits=NUM_TRAINING_INITS, image_px=IMAGE_PX
        ),
        replan_every=1,
        name="varied_expert",
        check_settled=True,
    )


def libero_object() -> Run:
    """The same of libero_object."""
    spatial = libero_spatial()
    return replace(spatial, benchmark=replace(spatial.benchmark, suites=("libero_object",)))


def pointmass() -> Run:
    """A point on a plane: the whole way from demonstrations to a policy in a minute."""
    return Run(
        policy=SeekPolicy.Config(noise_m=0.05),
        benchmark=PointMass.Config(tasks=("reach", "corner", "edge"), num_inits=20),
        replan_every=4,
        name="seek",
        check_settled=True,
    )
