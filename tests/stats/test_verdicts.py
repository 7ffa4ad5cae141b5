import pytest

from wamlab.stats.rates import Difference
from wamlab.stats.verdicts import Claim, Verdict, judge, leading_cause

ABOVE = Difference(0.03, 0.01, 0.05)
BELOW = Difference(-0.03, -0.05, -0.01)
TIGHT = Difference(0.001, -0.004, 0.006)
WIDE = Difference(0.01, -0.02, 0.04)


@pytest.mark.parametrize(
    ("claim", "interval", "options", "verdict"),
    [
        (Claim.HIGHER, None, {}, Verdict.NOT_TESTED),
        (Claim.HIGHER, ABOVE, {}, Verdict.SUPPORTED),
        (Claim.HIGHER, ABOVE, {"p_adjusted": 0.02}, Verdict.SUPPORTED),
        (Claim.HIGHER, ABOVE, {"p_adjusted": 0.06}, Verdict.NOT_RESOLVED),
        (Claim.HIGHER, ABOVE, {"seeds": (0.02, 0.01, 0.05)}, Verdict.SUPPORTED),
        (Claim.HIGHER, ABOVE, {"seeds": (0.02, -0.01, 0.05)}, Verdict.NOT_RESOLVED),
        (Claim.HIGHER, ABOVE, {"rerun_sd": 0.02}, Verdict.NOT_RESOLVED),
        (Claim.HIGHER, BELOW, {}, Verdict.NOT_SUPPORTED),
        (Claim.HIGHER, BELOW, {"p_adjusted": 0.06}, Verdict.NOT_RESOLVED),
        (Claim.HIGHER, WIDE, {"margin": 0.01}, Verdict.NOT_RESOLVED),
        (Claim.HIGHER, TIGHT, {"margin": 0.01}, Verdict.EQUIVALENT),
        (Claim.HIGHER, TIGHT, {}, Verdict.NOT_RESOLVED),
        (Claim.NOT_LOWER, ABOVE, {"margin": 0.01}, Verdict.SUPPORTED),
        (Claim.NOT_LOWER, TIGHT, {"margin": 0.01}, Verdict.SUPPORTED),
        (Claim.NOT_LOWER, WIDE, {"margin": 0.01}, Verdict.NOT_RESOLVED),
        (Claim.NOT_LOWER, BELOW, {"margin": 0.005}, Verdict.NOT_SUPPORTED),
        (Claim.EQUIVALENT, TIGHT, {"margin": 0.01}, Verdict.EQUIVALENT),
        (Claim.EQUIVALENT, WIDE, {"margin": 0.01}, Verdict.NOT_RESOLVED),
        (Claim.EQUIVALENT, ABOVE, {"margin": 0.005}, Verdict.NOT_SUPPORTED),
        (Claim.EQUIVALENT, None, {"margin": 0.01}, Verdict.NOT_TESTED),
    ],
)
def test_the_interval_and_the_margin_choose_what_may_be_said(claim, interval, options, verdict):
    assert judge(claim, interval, **options) is verdict


def test_a_cause_is_named_if_its_effect_is_above_all_others():
    effects = {"backbone": TIGHT, "pretraining": Difference(0.06, 0.05, 0.07), "video": ABOVE}
    assert leading_cause(effects) is None

    assert leading_cause(effects | {"video": WIDE}) == "pretraining"


def test_no_resolved_effect_names_no_cause():
    assert leading_cause({"backbone": WIDE, "video": BELOW}) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"claim": Claim.EQUIVALENT}, "margin: got none"),
        ({"claim": Claim.HIGHER, "margin": 2}, "margin: got 2"),
        ({"claim": Claim.HIGHER, "alpha": 5}, "alpha: got 5"),
        ({"claim": Claim.HIGHER, "rerun_sd": -1}, "rerun_sd: got -1"),
    ],
)
def test_rules_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        judge(interval=ABOVE, **options)
