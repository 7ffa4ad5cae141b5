"""What studies claim, fixed before their runs: `wamlab register recipes.study:nano`.

Rows are called as in recipes.demo: flow_vla, action_only, joint, idm (`--set name=joint`).
"""

from __future__ import annotations

from wamlab.benchmarks.libero_plus import Axis
from wamlab.core.hypotheses import (
    Asserted,
    Conclusion,
    FailureShares,
    GapDifference,
    Hypothesis,
    Scope,
    SequentialDifference,
    StudyDesign,
    SuccessDifference,
    Weighting,
)

DEMO_TASKS, DEMO_INITS = 6, 2  # those of recipes.demo
VLA, WORLD_MODELS = "flow_vla", ("action_only", "joint", "idm")
BEATS = "H1b: better than the VLA"
STANDS_MORE = "H2a: disturbed, better than the VLA"
IMAGINES_MORE = "H2c: disturbed, better by imagining"
MARGIN = 0.05
"""5 pp. With 200 pairs, 10 % of them discordant, a true difference of 6.2 pp is found in 80 % of
studies (`wamlab plan-size --tasks 10 --inits 20 --discordance 10`); nothing smaller is promised."""

NUM_DISTURBED = 512
"""28 % of what runs of LIBERO-Plus in libero_object, stratified by axis and level: at least 100
episodes of camera, noise, robot and language."""

SHARE_MARGIN = 0.15
"""Of a share of failures. Two models whose failures are alike are told to be so in 73 % of studies
with 300 failures of each over 10 tasks, in 27 % with 180 (docs/statistics.md): with fewer, expect
"not resolved"."""


def nano() -> StudyDesign:
    """The four nano models on unseen states: does video help, while learning and while acting?"""
    # recipes.nano:unseen: 10 tasks on the 20 initial states that no training saw.
    return _design("nano", Scope(benchmark="libero", suites=("libero_object",), num_episodes=200))


def demo() -> StudyDesign:
    """The same claims on the demo's 12 episodes, which resolve large differences alone."""
    tasks = tuple(f"{task:03}" for task in range(DEMO_TASKS))
    scope = Scope(
        benchmark="libero",
        suites=("libero_object",),
        tasks=tasks,
        num_episodes=DEMO_TASKS * DEMO_INITS,
    )
    return _design("demo", scope)


def nano_plus() -> StudyDesign:
    """The four nano models on LIBERO-Plus: do world models stand disturbances better?

    recipes.libero_plus:nano_wam and :nano_vla with `--sample 28% --twins`, beside the runs of
    `nano`. It was written down while they ran, so its verdicts are exploratory.
    """
    axes = tuple(axis.value for axis in Axis if axis is not Axis.LIGHT)  # no light runs here
    plus = Scope(
        benchmark="libero_plus", suites=("libero_object",), axes=axes, num_episodes=NUM_DISTURBED
    )
    clean = Scope(benchmark="libero", suites=("libero_object",), num_episodes=200)
    robustness = Conclusion.ROBUSTNESS
    return StudyDesign(
        name="nano_plus",
        hypotheses=(
            *(_better(STANDS_MORE, m, VLA, plus, conclusion=robustness) for m in WORLD_MODELS),
            *(_loses_less(model, plus, clean) for model in WORLD_MODELS),
            *(_imagining(m, plus, IMAGINES_MORE, robustness) for m in ("joint", "idm")),
        ),
    )


def early() -> StudyDesign:
    """Does imagining stand disturbances better? Asked so that the second run may stop early.

    wamlab register recipes.study:early, then the whole sample for action_only, then joint with
    `--stop-when-decided RUN_OF_ACTION_ONLY --question runs/study.json:H2c/joint`.
    """
    axes = tuple(axis.value for axis in Axis if axis is not Axis.LIGHT)
    planned = Scope(
        benchmark="libero_plus",
        suites=("libero_object",),
        axes=axes,
        num_episodes=NUM_DISTURBED,
        weighting=Weighting.EPISODES,
    )
    return StudyDesign(
        name="early",
        hypotheses=(
            Hypothesis(
                name="H2c/joint",
                conclusion=Conclusion.ROBUSTNESS,
                asserts=Asserted.HIGHER,
                measure=SequentialDifference(
                    first=("joint",), second=("action_only",), planned=planned
                ),
                family=IMAGINES_MORE,
                margin=MARGIN,
                factor="card.variant",
            ),
        ),
    )


def _loses_less(model: str, disturbed: Scope, clean: Scope) -> Hypothesis:
    """Its lead over the VLA is larger there than on undisturbed episodes."""
    return Hypothesis(
        name=f"H2b/{model}",
        conclusion=Conclusion.ROBUSTNESS,
        asserts=Asserted.HIGHER,
        measure=GapDifference(first=(model,), second=(VLA,), scope=disturbed, less_on=clean),
        family="H2b: a larger lead than undisturbed",
    )


def _design(name: str, scope: Scope) -> StudyDesign:
    capability = Conclusion.CAPABILITY
    return StudyDesign(
        name=name,
        hypotheses=(
            *(_not_lower(model, scope) for model in WORLD_MODELS),
            *(_better(BEATS, m, VLA, scope, conclusion=capability) for m in WORLD_MODELS),
            # The same model and data; what differs is which video tokens actions attend to.
            *(_imagining(model, scope) for model in ("joint", "idm")),
        ),
    )


def _not_lower(model: str, scope: Scope) -> Hypothesis:
    """A world model is as good as the VLA, but for the margin."""
    return Hypothesis(
        name=f"H1a/{model}",
        conclusion=Conclusion.CAPABILITY,
        asserts=Asserted.NOT_LOWER,
        measure=SuccessDifference(first=(model,), second=(VLA,), scope=scope),
        family="H1a: not lower than the VLA",
        margin=MARGIN,
    )


def _better(
    claim: str,
    model: str,
    other: str,
    scope: Scope,
    *,
    conclusion: Conclusion,
    factor: str | None = None,
) -> Hypothesis:
    """One model is better than another.

    Args:
        claim: Name of the family, up to the colon that of its hypotheses.
        factor: The only setting that may differ, if the claim is about a cause.
    """
    return Hypothesis(
        name=f"{claim.partition(':')[0]}/{model}",
        conclusion=conclusion,
        asserts=Asserted.HIGHER,
        measure=SuccessDifference(first=(model,), second=(other,), scope=scope),
        family=claim,
        margin=MARGIN,
        factor=factor,
    )


def _imagining(
    model: str,
    scope: Scope,
    claim: str = "H5a: fewer failures by imagining",
    conclusion: Conclusion = Conclusion.FAILURES,
) -> Hypothesis:
    """Imagining while acting helps; the variant is the only setting that may differ."""
    return _better(claim, model, "action_only", scope, conclusion=conclusion, factor="card.variant")


def nano_failures() -> StudyDesign:
    """Failures of the nano models by label: does imagining leave fewer, and of which kinds?

    Register before the runs of `recipes.nano:unseen`; then two people label every failure
    (`wamlab label`) without seeing each other's labels. Of H5c's two questions the first is
    asked: whether the composition stays the same.
    """
    scope = Scope(benchmark="libero", suites=("libero_object",), num_episodes=200)
    models = ("joint", "idm")
    return StudyDesign(
        name="nano_failures",
        hypotheses=(
            *(_imagining(model, scope) for model in models),
            *(_fewer_action_errors(model, scope) for model in models),
            *(_same_kinds(model, scope) for model in models),
        ),
    )


def _fewer_action_errors(model: str, scope: Scope) -> Hypothesis:
    """Imagining while acting leaves fewer failures of hand and placing."""
    return Hypothesis(
        name=f"H5b/{model}",
        conclusion=Conclusion.FAILURES,
        asserts=Asserted.HIGHER,
        measure=SuccessDifference(
            first=(model,), second=("action_only",), scope=scope, failure_mode="action_error"
        ),
        family="H5b: fewer action errors by imagining",
        margin=MARGIN,
        factor="card.variant",
    )


def _same_kinds(model: str, scope: Scope) -> Hypothesis:
    """The failures that remain are of the same kinds."""
    return Hypothesis(
        name=f"H5c/{model}",
        conclusion=Conclusion.FAILURES,
        asserts=Asserted.EQUIVALENT,
        measure=FailureShares(first=(model,), second=("action_only",), scope=scope, share_of=None),
        family="H5c: the same kinds of failures",
        margin=SHARE_MARGIN,
    )
