"""The demo: three policies on the same 24 episodes of the real LIBERO, a few minutes on a CPU."""

from __future__ import annotations

from dataclasses import replace

from wamlab.benchmarks.libero import Libero
from wamlab.core.recipe import Run
from wamlab.policies.baselines import RandomPolicy
from wamlab.policies.experts import Fault, ScriptedExpert

BENCHMARK = Libero.Config(tasks=(0, 8), num_inits=3)  # two tasks of each suite


def expert() -> Run:
    """Reads the simulator's state: the ceiling."""
    return Run(
        policy=ScriptedExpert.Config(),
        benchmark=BENCHMARK,
        replan_every=1,
        name="expert",
        check_settled=True,
        video_every=10,
    )


def hasty() -> Run:
    """The same expert, but it lets go on the way: a failure that the report must find."""
    policy = ScriptedExpert.Config(fault=Fault.EARLY_RELEASE)
    return replace(expert(), policy=policy, name="hasty")


def random() -> Run:
    """Noise: the floor."""
    policy = RandomPolicy.Config(action=Libero.spec.action, horizon=10)
    return replace(expert(), policy=policy, replan_every=10, name="random")
