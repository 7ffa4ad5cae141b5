"""The demo: the shipped nano models, an expert and noise on the same episodes of the real LIBERO.

Twelve episodes each: six tasks, two initial states that no model was trained on. Eight tasks took
12 min 37 s on two idle cores, and a demo may take twelve. Noise gets one of the two: it runs to the
step limit every time.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recipes import nano
from recipes.study import DEMO_INITS, DEMO_TASKS

from wamlab.benchmarks.libero import Libero
from wamlab.core.recipe import Run
from wamlab.policies.baselines import RandomPolicy
from wamlab.policies.experts import ScriptedExpert
from wamlab.policies.fast_wam import FastWam
from wamlab.policies.flow_vla import FlowVla

MODELS = Path("src/wamlab/assets/nano")
BENCHMARK = replace(nano.unseen().benchmark, tasks=tuple(range(DEMO_TASKS)), num_inits=DEMO_INITS)


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


def random() -> Run:
    """Noise: the floor."""
    policy = RandomPolicy.Config(action=Libero.spec.action, horizon=10)
    benchmark = replace(BENCHMARK, num_inits=1)
    return replace(expert(), policy=policy, benchmark=benchmark, replan_every=10, name="random")


def flow_vla() -> Run:
    """A VLA: no video at all."""
    policy = FlowVla.Config(checkpoint=MODELS / "flow_vla", action_noise=nano.ACTION_NOISE)
    return replace(expert(), policy=policy, replan_every=nano.REPLAN_EVERY, name="flow_vla")


def action_only() -> Run:
    """A world action model that learned video and does not imagine it."""
    return _wam("action_only")


def joint() -> Run:
    """Imagines the video along with its actions; the imagined film is kept."""
    run = _wam("joint")
    return replace(run, policy=replace(run.policy, imagine=True), save_imagined=True)


def idm() -> Run:
    """Imagines the video first, then the actions that lead there."""
    return _wam("idm")


def _wam(name: str) -> Run:
    policy = FastWam.Config(checkpoint=MODELS / name, action_noise=nano.ACTION_NOISE)
    return replace(expert(), policy=policy, replan_every=nano.REPLAN_EVERY, name=name)
