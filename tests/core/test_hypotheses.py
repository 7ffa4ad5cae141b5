from dataclasses import replace

import pytest

from wamlab.core.config import from_json, to_json
from wamlab.core.errors import ConfigError
from wamlab.core.hypotheses import (
    Asserted,
    Conclusion,
    FactorEffect,
    FactorialEffect,
    FailureShares,
    GapDifference,
    Hypothesis,
    LatencyRatio,
    Reproduction,
    Scope,
    ScoreTrend,
    StudyDesign,
    SuccessDifference,
    Weighting,
)
from wamlab.stats.verdicts import Claim

SCOPE = Scope(benchmark="libero", suites=("libero_10",), num_episodes=500)
MEASURES = (
    SuccessDifference(first=("joint",), second=("vla",), scope=SCOPE),
    SuccessDifference(first=("joint",), second=("vla",), scope=SCOPE, failure_mode="timeout"),
    FactorEffect(
        neither=("a",), only_first=("b",), only_second=("c",), both=("d",),
        factors=("pretraining", "video"), effect=FactorialEffect.FIRST, scope=SCOPE,
    ),
    GapDifference(
        first=("a",), second=("b",), scope=SCOPE,
        less_on=replace(SCOPE, axes=("noise",), weighting=Weighting.AXES),
    ),
    ScoreTrend(arm=("a",), scope=SCOPE, scores={"000": 1.0, "001": 2.5}),
    LatencyRatio(first=("a",), second=("b",), bound=2.0, is_upper=True),
)  # fmt: skip


def claim(measure, **changes):
    fields = {"name": "H", "conclusion": Conclusion.CAPABILITY, "family": "f"}
    return Hypothesis(**(fields | {"asserts": Asserted.HIGHER, "measure": measure} | changes))


def test_every_measure_survives_json():
    published = Reproduction(
        arm=("a",), scope=SCOPE, published=0.975, num_episodes=2000, source="arXiv 2603.16666"
    )
    hypotheses = [claim(one, name=f"H{index}") for index, one in enumerate(MEASURES)]
    hypotheses.append(claim(published, name="R", asserts=Asserted.EQUIVALENT, margin=0.01))
    design = StudyDesign(name="all", hypotheses=tuple(hypotheses), rerun_sd=0.002)

    assert from_json(StudyDesign, to_json(design)) == design


def test_what_is_asserted_is_what_is_judged():
    assert {one.value for one in Asserted} == {one.value for one in Claim}


def test_training_seeds_are_counted_by_arm():
    three = SuccessDifference(first=("a0", "a1", "a2"), second=("b0", "b1", "b2"), scope=SCOPE)

    assert claim(three).num_seeds == 3
    assert claim(three).rows == ("a0", "a1", "a2", "b0", "b1", "b2")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: claim(MEASURES[0], asserts=Asserted.EQUIVALENT), "has no margin"),
        (lambda: claim(MEASURES[0], margin=2.0), "margin 2.0, expected a fraction"),
        (lambda: claim(MEASURES[5], margin=0.1), "has a margin, expected none"),
        (lambda: claim(replace(MEASURES[0], first=("a", "b"))), "as many training seeds in each"),
        (lambda: claim(replace(MEASURES[0], second=("joint",))), "'joint' is there twice"),
        (lambda: replace(SCOPE, suites=()), "scope suites: got none"),
        (lambda: replace(SCOPE, num_episodes=0), "wamlab plan-size"),
        (lambda: replace(MEASURES[5], bound=0.0), "expected a ratio above 0"),
        (lambda: StudyDesign(name="s", hypotheses=()), "got no hypothesis"),
        (
            lambda: StudyDesign(name="s", hypotheses=(claim(MEASURES[0]), claim(MEASURES[1]))),
            "two hypotheses 'H'",
        ),
    ],
)
def test_a_hypothesis_that_cannot_be_decided_is_refused(make, told):
    with pytest.raises(ConfigError, match=told):
        make()


SHARES = FailureShares(first=("a",), second=("b",), scope=SCOPE, share_of=None)


def test_shares_of_failures_survive_json_and_are_told_from_other_measures():
    equal = claim(SHARES, name="all", asserts=Asserted.EQUIVALENT, margin=0.15)
    shifted = claim(replace(SHARES, share_of="timeout"), name="one")
    design = StudyDesign(name="failures", hypotheses=(equal, shifted))

    assert from_json(StudyDesign, to_json(design)) == design


@pytest.mark.parametrize(
    ("share_of", "asserts", "expected"),
    [
        (None, Asserted.HIGHER, "equivalent"),
        ("timeout", Asserted.EQUIVALENT, "higher"),
        (None, Asserted.NOT_LOWER, "equivalent"),
    ],
)
def test_one_of_the_two_questions_about_shares_is_chosen(share_of, asserts, expected):
    with pytest.raises(ConfigError, match=f"asserts {asserts}, expected {expected}"):
        claim(replace(SHARES, share_of=share_of), asserts=asserts, margin=0.15)


@pytest.mark.parametrize("name", ["time out", "grasp_missed"])
def test_a_kind_of_failure_is_a_category(name):
    with pytest.raises(ConfigError, match=f"no failure category '{name}'.*Available: perception"):
        replace(SHARES, share_of=name)
    with pytest.raises(ConfigError, match=f"no failure category '{name}'"):
        SuccessDifference(first=("a",), second=("b",), scope=SCOPE, failure_mode=name)
