"""Pointmass, without a simulator: the whole lab in a second."""

from __future__ import annotations

from dataclasses import replace

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.recipe import Run
from wamlab.policies.baselines import HoldPolicy, RandomPolicy
from wamlab.policies.seek import SeekPolicy

BENCHMARK = PointMass.Config(tasks=("reach", "corner", "edge"), num_inits=20)
ACTION = PointMass.spec.action


def seek() -> Run:
    """A proportional controller that goes where it should, most of the time."""
    policy = SeekPolicy.Config(noise_m=0.1)
    return Run(policy=policy, benchmark=BENCHMARK, replan_every=4, name="seek", video_every=1)


def random() -> Run:
    """Noise: what success costs when nobody looks."""
    return replace(seek(), policy=RandomPolicy.Config(action=ACTION, scale=0.5), name="random")


def hold() -> Run:
    """Standing still: what success costs when nobody moves."""
    return replace(seek(), policy=HoldPolicy.Config(action=ACTION, command=(0, 0)), name="hold")
