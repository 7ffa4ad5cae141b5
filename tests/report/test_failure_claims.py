"""Claims about kinds of failures: H5b and H5c, from labels to sentences."""

from dataclasses import replace

import numpy as np
import pytest
from claim_designs import hypothesis, registered, scope, success
from labelled_runs import AGREEING, DISAGREEING, MODES, labelled_run, without_second_person
from scipy.stats import binomtest, fisher_exact

from wamlab.core.hypotheses import Asserted, Conclusion, FailureShares
from wamlab.report.claim_questions import asked
from wamlab.report.claim_sentences import sentence
from wamlab.report.claims import decide
from wamlab.report.measured import Measured
from wamlab.report.study import make_study
from wamlab.stats.rates import newcombe, wilson
from wamlab.stats.verdicts import Verdict

LONG = scope("libero_10", num_episodes=200)
FEW = ((6, 0, 0), (0, 20, 0), (0, 0, 4))
"""30 failures, most of them timeouts; both people agree on all."""
MANY_A, MANY_B = ((90, 0, 0), (0, 88, 0), (0, 0, 2)), ((91, 0, 0), (0, 86, 0), (0, 0, 3))
"""180 failures of nearly the same kinds."""


def study_of(root, **tables):
    runs = [
        labelled_run(root / name, table, name=name, shift=3 * index)
        for index, (name, table) in enumerate(tables.items())
    ]
    return make_study(runs)


def shares(first, second, share_of=None, where=LONG):
    return FailureShares(first=(first,), second=(second,), scope=where, share_of=share_of)


def only(study, measure, **other):
    fields = {"conclusion": Conclusion.FAILURES} | other
    [finding] = decide(study, registered(hypothesis(measure, **fields)))
    return finding


def outcomes(study, name, kind):
    """Not failed in that way, in the order of the episodes, counted by hand."""
    [entry] = [one for one in study.entries if one.name == name]
    said = {}
    for label in entry.runs[0].labels:
        said.setdefault(label.key, set()).add(label.mode.category)
    return np.array([said.get(key) != {kind} for key in sorted(entry.records)], float)


def test_fewer_action_errors_is_mcnemar_on_the_episodes_without_one(tmp_path):
    study = study_of(tmp_path, joint=FEW, plain=AGREEING)
    measure = success("joint", "plain", LONG, failure_mode="action_error")

    finding = only(study, measure)

    ours, theirs = (outcomes(study, name, "action_error") for name in ("joint", "plain"))
    gained, lost = int((ours > theirs).sum()), int((ours < theirs).sum())
    assert (200 - ours.sum(), 200 - theirs.sum()) == (6, 30)
    assert finding.result.estimate == pytest.approx((30 - 6) / 200)
    assert finding.result.p == pytest.approx(binomtest(gained, gained + lost).pvalue)
    assert finding.verdict is Verdict.SUPPORTED
    told = sentence(finding)
    assert "joint has fewer failures of the kind action error than plain" in told.en
    assert "\u201c\u52a8\u4f5c\u9519\u8bef\u201d\u7c7b\u5931\u8d25\u5c11\u4e8e plain" in told.zh


def test_a_shift_to_timeout_needs_the_whole_composition_to_differ(tmp_path):
    study = study_of(tmp_path, joint=FEW, plain=AGREEING)

    finding = only(study, shares("joint", "plain", "timeout"))

    # 20 of 30 against 20 of 60: Fisher's test of timeouts, and the one of all kinds.
    alone = fisher_exact([[20, 20], [10, 40]]).pvalue
    assert finding.result.estimate == pytest.approx(20 / 30 - 20 / 60)
    assert finding.result.p >= alone
    assert finding.result.p < 0.05
    assert finding.verdict is Verdict.SUPPORTED
    assert (
        "the share of timeout among failures is larger for joint than for plain"
        in sentence(finding).en
    )
    assert "+33.3 pp" in sentence(finding).en
    assert "+33.3 \u4e2a\u767e\u5206\u70b9" in sentence(finding).zh


def test_the_interval_of_a_share_is_never_narrower_than_newcombes(tmp_path):
    study = study_of(tmp_path, joint=FEW, plain=AGREEING)

    result = only(study, shares("joint", "plain", "timeout")).result

    fixed = newcombe(wilson(20, 30), wilson(20, 60))
    assert result.low <= fixed.low + 1e-9
    assert result.high >= fixed.high - 1e-9


def test_failures_of_the_same_kinds_are_equivalent_within_the_margin(tmp_path):
    study = study_of(tmp_path, joint=MANY_A, plain=MANY_B)
    options = {"asserts": Asserted.EQUIVALENT, "margin": 0.15}

    finding = only(study, shares("joint", "plain"), **options)

    assert finding.result.estimate == pytest.approx(2 / 180)
    assert finding.result.high < 0.15
    assert finding.verdict is Verdict.EQUIVALENT
    assert "every share within \u00b115 pp" in sentence(finding).en
    assert "the largest difference of a share is 1.1 pp" in sentence(finding).en


def test_few_failures_do_not_show_that_kinds_are_the_same(tmp_path):
    study = study_of(tmp_path, joint=AGREEING, plain=AGREEING)

    finding = only(study, shares("joint", "plain"), asserts=Asserted.EQUIVALENT, margin=0.15)

    assert finding.result.estimate == 0
    assert finding.verdict is Verdict.NOT_RESOLVED
    assert "its interval reaches past the margin" in sentence(finding).en


def test_a_share_beyond_the_margin_contradicts_sameness(tmp_path):
    other = ((0, 0, 0), (0, 60, 0), (0, 0, 0))
    study = study_of(tmp_path, joint=other, plain=((50, 0, 0), (0, 8, 0), (0, 0, 2)))

    finding = only(study, shares("joint", "plain"), asserts=Asserted.EQUIVALENT, margin=0.15)

    assert finding.result.low > 0.15
    assert finding.verdict is Verdict.NOT_SUPPORTED


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda run: replace(run, labels=()), "0 of 60 failures of plain are labelled by two"),
        (without_second_person, "0 of 60 failures of plain are labelled by two"),
        (lambda run: replace(run, labels=run.labels[:-1]), "59 of 60 failures of plain"),
    ],
)
@pytest.mark.parametrize("share_of", [None, "timeout", "fewer"])
def test_every_failure_needs_two_people(tmp_path, change, told, share_of):
    joint = labelled_run(tmp_path / "joint", AGREEING, name="joint")
    plain = change(labelled_run(tmp_path / "plain", AGREEING, name="plain", shift=3))
    measure = shares("joint", "plain", share_of if share_of != "fewer" else None)
    if share_of == "fewer":
        measure = success("joint", "plain", LONG, failure_mode="timeout")
    options = {"asserts": Asserted.EQUIVALENT, "margin": 0.15} if share_of is None else {}

    finding = only(make_study([joint, plain]), measure, **options)

    assert finding.verdict is Verdict.NOT_TESTED
    assert told in finding.result.why.en
    assert "labelled by two people who do not see" in finding.result.needed.en


def test_two_people_who_do_not_agree_decide_nothing(tmp_path):
    study = study_of(tmp_path, joint=DISAGREEING, plain=DISAGREEING)

    finding = only(study, success("joint", "plain", LONG, failure_mode="timeout"))

    assert finding.verdict is Verdict.NOT_TESTED
    assert "kappa of 0.6 or more; found 0.04" in finding.result.why.en


def test_failures_that_others_than_the_two_labelled_do_not_lift_their_agreement(tmp_path):
    """Three people: whoever labelled everything must agree, the worst pair counts."""
    runs = []
    for shift, (name, table) in enumerate({"joint": DISAGREEING, "plain": AGREEING}.items()):
        run = labelled_run(tmp_path / name, table, name=name, shift=3 * shift)
        third = [replace(one, labeller="cy") for one in run.labels if one.labeller == "bo"]
        runs.append(replace(run, labels=(*run.labels, *third)))

    finding = only(make_study(runs), success("joint", "plain", LONG, failure_mode="timeout"))

    assert finding.verdict is Verdict.NOT_TESTED


def test_who_does_not_fail_has_no_kinds_of_failures(tmp_path):
    study = study_of(tmp_path, joint=((0, 0), (0, 0)), plain=AGREEING)

    finding = only(study, shares("joint", "plain", "timeout"))

    assert finding.verdict is Verdict.NOT_TESTED
    assert "joint did not fail" in finding.result.why.en


def test_every_training_seed_must_shift_in_the_same_direction(tmp_path):
    study = study_of(tmp_path, j1=FEW, j2=AGREEING, p1=AGREEING, p2=FEW)
    measure = FailureShares(first=("j1", "j2"), second=("p1", "p2"), scope=LONG, share_of="timeout")

    result = only(study, measure).result

    assert isinstance(result, Measured)
    assert result.num_pairs == 180
    assert result.by_seed == pytest.approx((1 / 3, -1 / 3))
    assert result.estimate == pytest.approx(0)


def test_the_nano_study_asks_h5b_and_h5c_in_both_languages():
    from recipes.study import nano_failures

    names = [one.name for one in nano_failures().hypotheses]
    questions = {one.name: asked(one) for one in nano_failures().hypotheses}

    assert [name.split("/")[0] for name in names] == ["H5a", "H5a", "H5b", "H5b", "H5c", "H5c"]
    assert "fewer failures of the kind action error" in questions["H5b/joint"].en
    assert "\u5931\u8d25\u6784\u6210\u76f8\u540c" in questions["H5c/idm"].zh


def test_the_modes_of_these_tests_are_of_three_categories():
    assert len({mode.category for mode in MODES}) == 3
