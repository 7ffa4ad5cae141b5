r"""Two causes of generalisation, told apart: pretraining on robots, and imagining while acting.

Four models, two by two: cold or pretrained, action-only or joint. At nano size "pretraining" is
training on randomised scenes first, with the same number of steps, on fewer initial states:

    wamlab demos recipes.pretraining:randomised_scenes --image-every 4 --out demos/randomised
    wamlab train recipes.pretraining:scenes_action_only --out runs/scenes_action_only
    wamlab train recipes.pretraining:scenes_joint --out runs/scenes_joint
    wamlab train recipes.pretraining:pretrained_action_only --out runs/pretrained_action_only
    wamlab train recipes.pretraining:pretrained_joint --out runs/pretrained_joint

The cold ones are recipes.nano:action_only and :joint. A pretrained model has had twice their steps,
so `longer_action_only` and `longer_joint` are there to be held against it (`scenes_or_steps`): as
many steps without other scenes. Register, evaluate, report:

    wamlab register recipes.pretraining:study
    wamlab eval recipes.libero_plus:nano_wam --set policy.checkpoint=runs/nano_joint/model \
        --set name=cold_joint --sample 20% --twins

It is the command of docs/libero_plus.md, so that records of the cold models count here too, and
those of the other two are paired with theirs.

Real checkpoints go the same way: evaluate each of the four under its row's name
(`--set policy.checkpoint=...` with its own policy), the study asks the same of them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recipes import demos, nano

from wamlab.benchmarks.libero_plus import Axis
from wamlab.core.hypotheses import (
    Asserted,
    Conclusion,
    FactorEffect,
    FactorialEffect,
    Hypothesis,
    Scope,
    StudyDesign,
    SuccessDifference,
)
from wamlab.core.recipe import Run
from wamlab.engine.perturbing import Perturbed
from wamlab.perturbations.background import BackgroundTinted
from wamlab.perturbations.camera import CameraMoved
from wamlab.perturbations.light import LightChanged
from wamlab.perturbations.object_moved import ObjectMoved
from wamlab.perturbations.robot import ArmMoved
from wamlab.training.recipe import Training

SCENES = Path("demos/randomised")
NUM_SCENE_INITS = 2
SEVERITIES = (1, 3)
AXES = (Axis.CAMERA, Axis.ROBOT, Axis.LANGUAGE, Axis.NOISE, Axis.LAYOUT)
"""What runs on assets from a package index in libero_object, but for a few backgrounds."""
MARGIN = 0.05
NUM_EPISODES = 353
"""Of a sample of 20 % on these axes: 71 to 84 of each but layout, 39 of the 195 that run."""
SCOPE = Scope(
    benchmark="libero_plus",
    suites=("libero_object",),
    axes=tuple(axis.value for axis in AXES),
    num_episodes=NUM_EPISODES,
)
COLD = Path("src/wamlab/assets/nano")


def randomised_scenes() -> Run:
    """200 demonstrations: five disturbances, two levels, two initial states of ten tasks."""
    run = demos.libero_object()
    return replace(
        run,
        benchmark=Perturbed.Config(
            benchmark=replace(run.benchmark, num_inits=NUM_SCENE_INITS),
            perturbations=(
                CameraMoved.Config(),
                LightChanged.Config(),
                BackgroundTinted.Config(),
                ArmMoved.Config(),
                ObjectMoved.Config(),
            ),
            severities=SEVERITIES,
        ),
    )


def scenes_action_only() -> Training:
    """The pretraining of an action-only model."""
    return _on_scenes(nano.action_only())


def scenes_joint() -> Training:
    """The pretraining of a joint model."""
    return _on_scenes(nano.joint())


def pretrained_action_only() -> Training:
    """Goes on from `scenes_action_only` as recipes.nano:action_only starts from random weights."""
    return _after(nano.action_only(), Path("runs/scenes_action_only/model"), "pretrained")


def pretrained_joint() -> Training:
    """Goes on from `scenes_joint`."""
    return _after(nano.joint(), Path("runs/scenes_joint/model"), "pretrained")


def longer_action_only() -> Training:
    """As many steps as `pretrained_action_only` and its start, all on the usual scenes."""
    return _after(nano.action_only(), COLD / "action_only", "twice as long")


def longer_joint() -> Training:
    """As many steps as `pretrained_joint` and its start, all on the usual scenes."""
    return _after(nano.joint(), COLD / "joint", "twice as long")


def study() -> StudyDesign:
    """Which of the two matters, and whether they need each other."""
    return StudyDesign(
        name="pretraining",
        hypotheses=tuple(_effect(effect) for effect in FactorialEffect),
    )


def scenes_or_steps() -> StudyDesign:
    """Is what pretraining changes due to its scenes, or would as many more steps do?"""
    return StudyDesign(
        name="scenes_or_steps",
        hypotheses=tuple(
            Hypothesis(
                name=f"H2s/{model}",
                conclusion=Conclusion.ROBUSTNESS,
                asserts=Asserted.HIGHER,
                measure=SuccessDifference(
                    first=(f"pretrained_{model}",), second=(f"longer_{model}",), scope=SCOPE
                ),
                family="H2s: scenes, not steps",
                margin=MARGIN,
            )
            for model in ("action_only", "joint")
        ),
    )


def _effect(effect: FactorialEffect) -> Hypothesis:
    return Hypothesis(
        name=f"H2/{effect}",
        conclusion=Conclusion.ROBUSTNESS,
        asserts=Asserted.HIGHER,
        measure=FactorEffect(
            neither=("cold_action_only",),
            only_first=("pretrained_action_only",),
            only_second=("cold_joint",),
            both=("pretrained_joint",),
            factors=("pretraining", "imagining while acting"),
            effect=effect,
            scope=SCOPE,
        ),
        family="H2: what generalises",
        margin=MARGIN,
    )


def _on_scenes(training: Training) -> Training:
    data = replace(training.data, datasets=(SCENES,))
    return replace(training, data=data, name=f"{training.name} on randomised scenes")


def _after(training: Training, start: Path, how: str) -> Training:
    objective = replace(training.objective, start=start)
    return replace(training, objective=objective, name=f"{training.name}, {how}")
