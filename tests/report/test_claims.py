"""Which verdict a hypothesis gets: from numbers, by rules fixed before."""

import json
from dataclasses import replace

import numpy as np
import plus_folders
import pytest
from claim_designs import AFTER, BEFORE, SUITES, hypothesis, registered, scope, success
from gate_documents import AXES, disturbed
from run_folders import FINGERPRINT, episodes, key, loaded, record
from scipy.stats import binomtest, spearmanr

from wamlab.core.episodes import StopReason
from wamlab.core.hypotheses import (
    Asserted,
    FactorEffect,
    FactorialEffect,
    GapDifference,
    LatencyRatio,
    Reproduction,
    Scope,
    ScoreTrend,
    Weighting,
)
from wamlab.records.registration import unregistered
from wamlab.report.claim_sentences import sentence
from wamlab.report.claims import decide
from wamlab.report.claims_part import claims_table
from wamlab.report.measured import Evidence, Timing, Unit
from wamlab.report.printing import differ
from wamlab.report.selection import Missing
from wamlab.report.study import make_study
from wamlab.stats.verdicts import Verdict

RATES = {"good": 0.95, "bad": 0.6, "twin": 0.945}
ALL = scope(num_episodes=400)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("claims")
    return make_study(
        [
            loaded(root / name, episodes(dict.fromkeys(SUITES, rate), name=name, num_inits=10),
                   name=name)
            for name, rate in RATES.items()
        ]
    )  # fmt: skip


def only(study, measure, evidence=None, *, at=BEFORE, **other):
    """What comes of a single hypothesis."""
    [finding] = decide(study, registered(hypothesis(measure, **other), at=at), evidence)
    return finding


def outcomes(study, name, suite):
    """Successes of a row in the order of the episodes, counted by hand."""
    entry = study.entry(name)
    return np.array(
        [r.stop is StopReason.SUCCEEDED for k, r in sorted(entry.records.items())
         if k.suite == suite],
        float,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "options", "verdict"),
    [
        ("good", "bad", {}, Verdict.SUPPORTED),
        ("bad", "good", {}, Verdict.NOT_SUPPORTED),
        ("twin", "good", {}, Verdict.NOT_RESOLVED),
        ("twin", "good", {"margin": 0.1}, Verdict.EQUIVALENT),
        ("twin", "good", {"asserts": Asserted.NOT_LOWER, "margin": 0.1}, Verdict.SUPPORTED),
        ("bad", "good", {"asserts": Asserted.NOT_LOWER, "margin": 0.1}, Verdict.NOT_SUPPORTED),
        ("twin", "good", {"asserts": Asserted.NOT_LOWER, "margin": 0.001}, Verdict.NOT_RESOLVED),
        ("twin", "good", {"asserts": Asserted.EQUIVALENT, "margin": 0.1}, Verdict.EQUIVALENT),
        ("bad", "good", {"asserts": Asserted.EQUIVALENT, "margin": 0.1}, Verdict.NOT_SUPPORTED),
        ("good", "nobody", {}, Verdict.NOT_TESTED),
    ],
)
def test_the_test_chooses_the_verdict(study, first, second, options, verdict):
    assert only(study, success(first, second, ALL), **options).verdict is verdict


def test_the_number_is_the_mean_of_the_suites_paired_differences(study):
    result = only(study, success("good", "bad", ALL)).result

    by_suite = [outcomes(study, "good", s) - outcomes(study, "bad", s) for s in SUITES]

    assert result.estimate == pytest.approx(np.mean([d.mean() for d in by_suite]))
    assert result.num_pairs == sum(map(len, by_suite)) == 400
    gained = sum(int((d > 0).sum()) for d in by_suite)
    lost = sum(int((d < 0).sum()) for d in by_suite)
    assert result.p == pytest.approx(binomtest(gained, gained + lost).pvalue)


def test_fewer_episodes_than_planned_decide_nothing(study):
    finding = only(study, success("good", "bad", scope(num_episodes=401)))

    assert finding.verdict is Verdict.NOT_TESTED
    assert finding.result.why.en.startswith("good finished 400 of 401 episodes")
    assert "run good, bad on LIBERO" in finding.result.needed.en


def test_an_error_is_no_episode(tmp_path):
    records = [record(key(init=i), success=True, policy="a-digest") for i in range(5)]
    records[0] = replace(records[0], stop=StopReason.SIMULATOR_ERROR)
    other = [record(key(init=i), success=False, policy="b-digest") for i in range(5)]
    study = make_study([loaded(tmp_path / n, r, name=n) for n, r in
                        (("a", records), ("b", other))])  # fmt: skip

    finding = only(study, success("a", "b", scope("libero_spatial", num_episodes=5)))

    assert isinstance(finding.result, Missing)
    assert "a finished 4 of 5 episodes" in finding.result.why.en


def test_a_suite_that_was_not_run_is_named(study):
    where = replace(ALL, suites=(*SUITES, "libero_90"))

    assert only(study, success("good", "bad", where)).result.why.en == (
        "good has no episode of libero_90"
    )


def test_runs_of_two_protocols_test_nothing(tmp_path):
    runs = [
        loaded(tmp_path / name, episodes(dict.fromkeys(SUITES, 0.5), name=name, num_inits=3),
               name=name, fingerprint=FINGERPRINT | {"mujoco": name})
        for name in "ab"
    ]  # fmt: skip
    study = make_study(runs, allow_mixed=True)

    finding = only(study, success("a", "b", scope(num_episodes=1)))

    assert finding.result.why.en == "the runs differ in protocol"


def test_one_checkpoint_under_two_names_is_no_comparison(tmp_path):
    records = episodes(dict.fromkeys(SUITES, 0.5), name="one", num_inits=3)
    runs = [loaded(tmp_path / n, records, name=n, policy="one-digest") for n in ("a", "b")]

    finding = only(make_study(runs), success("a", "b", scope(num_episodes=1)))

    assert "are one checkpoint (one-digest)" in finding.result.why.en


def test_holm_counts_the_whole_family_also_what_was_not_run(study):
    claims = [hypothesis(success("twin", other, ALL), name=other) for other in ("bad", "nobody")]
    alone = decide(study, registered(claims[0]))[0]

    asked = decide(study, registered(*claims))[0]

    assert asked.p_adjusted == pytest.approx(min(1.0, 2 * alone.p_adjusted))
    assert (alone.num_asked, asked.num_asked) == (1, 2)


def test_claims_of_another_family_do_not_count(study):
    claims = [
        hypothesis(success("twin", other, ALL), name=other, family=other)
        for other in ("bad", "nobody")
    ]

    assert decide(study, registered(*claims))[0].num_asked == 1


def test_of_several_claims_with_a_margin_each_has_a_wider_interval(study):
    margin = {"asserts": Asserted.NOT_LOWER, "margin": 0.05}
    claims = [
        hypothesis(success("twin", other, ALL), name=other, **margin) for other in ("good", "bad")
    ]

    one = decide(study, registered(claims[0]))[0]
    two = decide(study, registered(*claims))[0]

    assert (one.confidence, two.confidence) == (0.95, 0.975)
    assert two.result.low < one.result.low
    assert two.p_adjusted is None


def test_what_a_second_pass_moves_resolves_nothing(study):
    claim = hypothesis(success("good", "bad", ALL))

    noisy = decide(study, registered(claim, rerun_sd=0.2))[0]

    assert noisy.verdict is Verdict.NOT_RESOLVED


@pytest.mark.parametrize(("at", "is_exploratory"), [(BEFORE, False), (AFTER, True), (None, True)])
def test_a_claim_registered_after_the_first_episode_is_exploratory(study, at, is_exploratory):
    assert only(study, success("good", "bad", ALL), at=at).is_exploratory is is_exploratory


def test_a_recipes_design_is_exploratory(study):
    design = registered(hypothesis(success("good", "bad", ALL))).design

    [finding] = decide(study, unregistered(design))

    assert finding.is_exploratory


def seeds_study(root, rates):
    """Rows "a0", "a1", ... and "b0", ...: an arm's row is a training seed of it."""
    runs = []
    for arm, of_seeds in rates.items():
        for seed, rate in enumerate(of_seeds):
            name = f"{arm}{seed}"
            records = episodes(dict.fromkeys(SUITES, rate), name=name, num_inits=5)
            runs.append(loaded(root / name, records, name=name))
    return make_study(runs)


def test_every_training_seed_must_show_the_same_sign(tmp_path):
    arms = (("a0", "a1", "a2"), ("b0", "b1", "b2"))
    agreeing = seeds_study(tmp_path / "x", {"a": (0.9, 0.9, 0.9), "b": (0.6, 0.6, 0.6)})
    opposed = seeds_study(tmp_path / "y", {"a": (0.95, 0.95, 0.6), "b": (0.5, 0.5, 0.7)})

    good, mixed = (
        only(one, success(*arms, scope(num_episodes=200))) for one in (agreeing, opposed)
    )

    assert good.verdict is Verdict.SUPPORTED
    assert len(good.result.by_seed) == 3
    assert good.is_about_method
    assert mixed.result.low > 0
    assert mixed.verdict is Verdict.NOT_RESOLVED


def test_two_training_seeds_are_not_yet_a_method(tmp_path):
    study = seeds_study(tmp_path, {"a": (0.9, 0.9), "b": (0.6, 0.6)})

    finding = only(study, success(("a0", "a1"), ("b0", "b1"), scope(num_episodes=200)))

    assert not finding.is_about_method


def faulty(fault):
    policy = {"class": "wamlab.policies.experts:ScriptedExpert",
              "config": {"fault": fault, "speed": [1.0, 1.0]}}  # fmt: skip
    return {"name": fault, "policy": policy, "replan_every": 1, "check_settled": True}


def pair(root, first, second):
    records = {name: episodes(dict.fromkeys(SUITES, rate), name=name, num_inits=5)
               for name, rate in (("a", 0.9), ("b", 0.5))}  # fmt: skip
    return make_study(
        [
            loaded(root / name, records[name], name=name, config=config)
            for name, config in (("a", first), ("b", second))
        ]
    )


FAULT = "run.policy.config.fault"
FEW = scope(num_episodes=200)


def test_a_cause_is_named_where_one_registered_setting_differs(tmp_path):
    study = pair(tmp_path, faulty("none"), faulty("early_release"))

    finding = only(study, success("a", "b", FEW), factor=FAULT)

    assert finding.factor == (FAULT, "none", "early_release")


def test_no_cause_is_named_where_two_settings_differ(tmp_path):
    study = pair(tmp_path, faulty("none"), faulty("early_release") | {"replan_every": 5})

    finding = only(study, success("a", "b", FEW), factor=FAULT)

    assert finding.factor is None
    assert [one.path for one in finding.differing] == [FAULT, "run.replan_every"]


def test_no_cause_is_named_that_was_not_registered(tmp_path):
    study = pair(tmp_path, faulty("none"), faulty("early_release"))

    assert only(study, success("a", "b", FEW)).factor is None
    assert only(study, success("a", "b", FEW), factor="card.variant").factor is None


def test_no_cause_is_named_of_a_difference_that_is_not_resolved(study):
    assert only(study, success("twin", "good", ALL), factor=FAULT).factor is None


def checkpoint(root, name, variant, *, steps=6000):
    """A model folder with its card and its training, as wamlab train leaves it."""
    model = root / name / "model"
    (model / "training").mkdir(parents=True)
    (model / "wam.json").write_text(json.dumps({"card": {"variant": variant, "horizon": 16}}))
    objective = {"class": "x:Y", "config": {"card": {"variant": variant}, "video_weight": 1.0}}
    config = {"name": name, "num_steps": steps, "objective": objective, "seed": 42}
    record = {"config": config, "data": "demo-digest"}
    (model / "training" / "training.json").write_text(json.dumps(record))
    policy = {"class": "wamlab.policies.fast_wam:FastWam", "config": {"checkpoint": str(model)}}
    return {"name": name, "policy": policy, "replan_every": 8}


def test_models_are_compared_by_their_cards_and_trainings(tmp_path):
    joint, single = (checkpoint(tmp_path, n, n) for n in ("joint", "action_only"))
    study = pair(tmp_path / "runs", joint, single)

    finding = only(study, success("a", "b", FEW), factor="card.variant")

    assert finding.factor == ("card.variant", "joint", "action_only")


def test_another_number_of_training_steps_is_a_second_factor(tmp_path):
    joint, single = checkpoint(tmp_path, "joint", "joint"), checkpoint(
        tmp_path, "single", "action_only", steps=3000
    )  # fmt: skip
    study = pair(tmp_path / "runs", joint, single)

    finding = only(study, success("a", "b", FEW), factor="card.variant")

    assert finding.factor is None
    assert {one.path for one in finding.differing} == {"card.variant", "training.config.num_steps"}


def test_without_its_card_nobody_knows_what_a_model_differs_in(tmp_path):
    joint, single = (checkpoint(tmp_path, n, n) for n in ("joint", "action_only"))
    (tmp_path / "joint" / "model" / "wam.json").unlink()

    finding = only(pair(tmp_path / "runs", joint, single), success("a", "b", FEW), factor="x")

    assert finding.differing is None
    assert finding.factor is None


@pytest.fixture(scope="module")
def design_of_four(tmp_path_factory):
    """Two factors: the first helps by 0.3, the second hardly."""
    root = tmp_path_factory.mktemp("factorial")
    rates = {"none": 0.5, "first": 0.8, "second": 0.52, "both": 0.82}
    return make_study(
        [
            loaded(root / name, episodes(dict.fromkeys(SUITES, rate), name=name, num_inits=10),
                   name=name)
            for name, rate in rates.items()
        ]
    )  # fmt: skip


def effect(which):
    return FactorEffect(
        neither=("none",), only_first=("first",), only_second=("second",), both=("both",),
        factors=("pretraining", "imagined video"), effect=which, scope=ALL,
    )  # fmt: skip


def test_a_main_effect_is_the_difference_of_its_levels(design_of_four):
    finding = only(design_of_four, effect(FactorialEffect.FIRST))

    rate = {n: np.mean([outcomes(design_of_four, n, s).mean() for s in SUITES])
            for n in ("none", "first", "second", "both")}  # fmt: skip
    expected = (rate["first"] + rate["both"] - rate["none"] - rate["second"]) / 2
    assert finding.result.estimate == pytest.approx(expected)
    assert finding.verdict is Verdict.SUPPORTED
    assert finding.result.is_leading


def test_a_main_effect_is_told_apart_by_the_other_factor(design_of_four):
    finding = only(design_of_four, effect(FactorialEffect.SECOND))

    rate = {n: np.mean([outcomes(design_of_four, n, s).mean() for s in SUITES])
            for n in ("none", "first", "second", "both")}  # fmt: skip
    without, together = rate["second"] - rate["none"], rate["both"] - rate["first"]
    assert finding.result.apart == pytest.approx((without, together))
    [row] = claims_table([finding]).records()
    assert (row["without_other_factor"], row["with_other_factor"]) == finding.result.apart
    told = sentence(finding)
    assert f"{100 * without:+.1f} pp without pretraining".replace("-", "\u2212") in told.en
    assert f"{100 * together:+.1f} pp with it".replace("-", "\u2212") in told.en
    assert not differ(told)


def test_the_smaller_effect_does_not_lead(design_of_four):
    finding = only(design_of_four, effect(FactorialEffect.SECOND))

    assert finding.result.is_leading is False
    assert finding.factor is None


def test_an_interaction_is_not_made_up(design_of_four):
    finding = only(design_of_four, effect(FactorialEffect.INTERACTION))

    assert finding.verdict is Verdict.NOT_RESOLVED
    assert finding.result.is_leading is None
    assert finding.result.apart is None


@pytest.fixture(scope="module")
def plus(tmp_path_factory):
    root = tmp_path_factory.mktemp("plus")
    runs = []
    for name, shift in {"base": 0.0, "better": 0.3}.items():
        records = [
            replace(one, stop=StopReason.SUCCEEDED)
            if one.key.axis == "camera" and shift and int(one.key.task) % 3
            else one
            for one in disturbed("same", 0.5)
        ]
        records = [replace(one, policy=f"{name}-digest") for one in records]
        runs.append(loaded(root / name, records, name=name))
    return make_study(runs)


def axes(*names, num_episodes=1):
    return Scope(benchmark="libero_plus", suites=SUITES, axes=names, num_episodes=num_episodes,
                 weighting=Weighting.EPISODES)  # fmt: skip


def test_a_claim_on_one_axis_sees_that_axis_alone(plus):
    camera = only(plus, success("better", "base", axes("camera", num_episodes=60)))
    noise = only(plus, success("better", "base", axes("noise", num_episodes=80)))

    assert camera.verdict is Verdict.SUPPORTED
    assert (noise.result.estimate, noise.result.num_pairs) == (0.0, 80)


def test_a_total_over_axes_counts_every_episode_alike(plus):
    result = only(plus, success("better", "base", axes(*AXES))).result

    camera = only(plus, success("better", "base", axes("camera"))).result
    assert result.estimate == pytest.approx(camera.estimate * camera.num_pairs / result.num_pairs)


def test_a_gain_may_be_larger_on_some_axes_than_on_others(plus):
    gap = GapDifference(
        first=("better",), second=("base",), scope=axes("camera"), less_on=axes("noise", "light")
    )

    finding = only(plus, gap)

    assert finding.verdict is Verdict.SUPPORTED
    assert finding.result.estimate == pytest.approx(
        only(plus, success("better", "base", axes("camera"))).result.estimate
    )


def test_a_gain_may_be_larger_disturbed_than_undisturbed(tmp_path):
    clean = scope("libero_spatial", num_episodes=50)
    gap = GapDifference(
        first=("better",), second=("base",), scope=axes("camera", num_episodes=60), less_on=clean
    )
    runs = {}
    for name, rate in (("base", 0.2), ("better", 0.8)):
        moved = plus_folders.disturbed({"camera": rate}, name=name)
        runs[name] = [plus_folders.plus_run(tmp_path / name, moved, name=name)]
        calm = [
            record(key(task, init), success=True, policy=f"{name}-digest")
            for task in range(plus_folders.NUM_BASES)
            for init in range(10)
        ]
        runs[name].append(loaded(tmp_path / f"{name}_calm", calm, name=name))

    finding = only(make_study([*runs["base"], *runs["better"]]), gap)
    without = only(make_study([runs["base"][0], runs["better"][0]]), gap)

    assert finding.verdict is Verdict.SUPPORTED
    assert finding.result.estimate == pytest.approx(0.6, abs=0.15)
    assert without.verdict is Verdict.NOT_TESTED
    assert without.result.why.en.startswith("better finished 0 of 50 episodes")


def test_success_that_falls_with_a_score_is_seen(tmp_path):
    rng = np.random.default_rng(1)
    records = [
        record(key(task, init), success=bool(rng.random() < 1 - task / 14), policy="a-digest")
        for task in range(12)
        for init in range(30)
    ]
    study = make_study([loaded(tmp_path / "a", records, name="a")])
    where = scope("libero_spatial", num_episodes=360)
    scores = {f"{task:03d}": float(task) for task in range(12)}

    finding = only(study, ScoreTrend(arm=("a",), scope=where, scores=scores))

    rates = [np.mean([r.stop is StopReason.SUCCEEDED for r in records if r.key.task == task])
             for task in scores]  # fmt: skip
    assert finding.verdict is Verdict.SUPPORTED
    assert finding.result.estimate == pytest.approx(-spearmanr(rates, range(12)).statistic)
    assert finding.result.unit is Unit.CORRELATION


def test_a_task_without_a_score_leaves_a_trend_untested(study):
    finding = only(study, ScoreTrend(arm=("good",), scope=ALL, scores={"000": 1.0}))

    assert finding.result.why.en.startswith("tasks 001, 002")


@pytest.mark.parametrize(
    ("below", "verdict"),
    [(0.0, Verdict.EQUIVALENT), (0.2, Verdict.NOT_SUPPORTED), (0.03, Verdict.NOT_RESOLVED)],
)
def test_a_published_rate_is_reproduced_within_the_margin_or_not(study, below, verdict):
    own = np.mean([outcomes(study, "good", s).mean() for s in SUITES])
    published = round(own - below, 3)
    measure = Reproduction(
        arm=("good",), scope=ALL, published=published, num_episodes=2000, source="arXiv 1"
    )

    finding = only(study, measure, asserts=Asserted.EQUIVALENT, margin=0.04)

    assert finding.result.own == pytest.approx(own)
    assert finding.result.estimate == pytest.approx(own - published)
    assert finding.verdict is verdict


def timing(median_ms, *, machine="H100"):
    return Timing(median_ms, 0.99 * median_ms, 1.01 * median_ms, 300, machine)


def test_latency_is_a_ratio_of_medians_on_one_machine(study):
    times = {"good": timing(200.0), "bad": timing(100.0)}
    slower = LatencyRatio(first=("good",), second=("bad",))
    at_most = LatencyRatio(first=("good",), second=("bad",), bound=2.5, is_upper=True)
    too_strict = LatencyRatio(first=("good",), second=("bad",), bound=1.5, is_upper=True)
    at_the_bound = LatencyRatio(first=("good",), second=("bad",), bound=2.0)

    found = [
        only(study, one, Evidence(timings=times))
        for one in (slower, at_most, too_strict, at_the_bound)
    ]

    assert [one.verdict for one in found] == [
        Verdict.SUPPORTED, Verdict.SUPPORTED, Verdict.NOT_SUPPORTED, Verdict.NOT_RESOLVED,
    ]  # fmt: skip
    first = found[0].result
    assert first.estimate == pytest.approx(np.log(2))
    half = np.hypot(np.log(1 / 0.99), np.log(1.01))  # MOVER, by hand
    assert (first.low, first.high) == pytest.approx((np.log(2) - half, np.log(2) + half), abs=2e-4)


def test_times_of_two_machines_have_no_ratio(study):
    times = {"good": timing(200.0), "bad": timing(100.0, machine="A800")}
    measure = LatencyRatio(first=("good",), second=("bad",))

    finding = only(study, measure, Evidence(timings=times))

    assert finding.verdict is Verdict.NOT_TESTED
    assert "A800, H100" in finding.result.why.en


def test_latency_that_nobody_measured_is_not_tested(study):
    finding = only(study, LatencyRatio(first=("good",), second=("bad",)))

    assert finding.verdict is Verdict.NOT_TESTED
    assert "time plans of good, bad on one machine" in finding.result.needed.en


def test_the_nano_study_of_disturbed_episodes_asks_for_gaps_without_a_margin():
    from recipes.study import nano_plus

    asked_of = {one.name: one for one in nano_plus().hypotheses}

    assert {name.split("/")[0] for name in asked_of} == {"H2a", "H2b", "H2c"}
    assert all(one.margin is None for name, one in asked_of.items() if name.startswith("H2b"))
    assert asked_of["H2b/joint"].measure.less_on.benchmark == "libero"
    assert "light" not in asked_of["H2a/idm"].measure.scope.axes
