"""Claims that may be decided before all planned episodes have run, from records."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from claim_designs import hypothesis, registered, scope
from run_folders import episodes, loaded

from wamlab.core.episodes import StopReason, in_random_order
from wamlab.core.errors import ConfigError
from wamlab.core.hypotheses import SequentialDifference, Weighting
from wamlab.report.claims import decide
from wamlab.report.early import beginning, standing
from wamlab.report.measured import Measured
from wamlab.report.selection import Missing
from wamlab.report.study import make_study
from wamlab.stats.sequential import PAIRED, e_values, paired_so_far
from wamlab.stats.verdicts import Verdict

SUITES = ("libero_spatial", "libero_object")
NUM = 200


def rows(rate, name):
    made = episodes(dict.fromkeys(SUITES, rate), name=name, num_inits=10)
    return {record.key: record for record in made}


def measure(num_episodes=NUM, **other):
    planned = scope(*SUITES, num_episodes=num_episodes, weighting=Weighting.EPISODES)
    return SequentialDifference(
        **{"first": ("good",), "second": ("bad",), "planned": planned} | other
    )


def found(tmp_path, first, second, **other):
    runs = {"good": first, "bad": second}
    study = make_study(
        [loaded(tmp_path / name, list(records.values()), name=name)
         for name, records in runs.items()]
    )  # fmt: skip
    [finding] = decide(study, registered(hypothesis(measure(**other))))
    return finding


def first_of(records, num):
    return {key: records[key] for key in in_random_order(records)[:num]}


def test_a_beginning_decides_with_the_evidence_of_its_own_order(tmp_path):
    good, bad = rows(0.95, "good"), rows(0.4, "bad")

    finding = found(tmp_path, first_of(good, 60), bad)

    differences = [
        float(good[key].stop is StopReason.SUCCEEDED) - float(bad[key].stop is StopReason.SUCCEEDED)
        for key in in_random_order(bad)[:60]
    ]
    result = finding.result
    assert isinstance(result, Measured)
    assert result.estimate == pytest.approx(np.mean(differences))
    assert result.p == pytest.approx(1 / e_values(differences, 0.0, bounds=PAIRED).max())
    assert (result.num_pairs, result.holds_for_new_tasks) == (60, False)
    assert finding.verdict is Verdict.SUPPORTED


def test_episodes_after_a_gap_are_not_looked_at(tmp_path):
    good, bad = rows(0.95, "good"), rows(0.4, "bad")
    order = in_random_order(good)
    partly = {key: good[key] for key in [*order[:30], *order[31:90]]}

    assert beginning(order, partly, bad) == order[:30]
    assert found(tmp_path, partly, bad).result.num_pairs == 30


def test_an_error_is_no_gap_and_enters_nothing():
    good, bad = rows(0.95, "good"), rows(0.4, "bad")
    order = in_random_order(good)
    good[order[3]] = replace(good[order[3]], stop=StopReason.SIMULATOR_ERROR, error="broken")

    assert beginning(order, good, bad) == [*order[:3], *order[4:]]


def test_without_a_row_that_ran_everything_nobody_knows_what_was_planned(tmp_path):
    good, bad = rows(0.95, "good"), rows(0.4, "bad")

    result = found(tmp_path, first_of(good, 60), first_of(bad, 199)).result

    assert isinstance(result, Missing)
    assert "neither good nor bad has run all planned episodes, at most 199 of 200" in result.why.en


def test_a_run_stops_only_where_the_whole_family_agrees():
    good, bad = rows(0.9, "good"), rows(0.72, "bad")
    alone = hypothesis(measure())
    family = [replace(alone, name=f"H{index}") for index in range(8)]

    def looks(design, claim):
        return [
            standing(design, claim, good, first_of(good, num), bad)[1] is not Verdict.NOT_RESOLVED
            for num in range(20, NUM + 1, 20)
        ]

    one = looks(registered(alone).design, alone)
    eight = looks(registered(*family).design, family[0])
    assert one.count(True) > eight.count(True)
    assert all(stops_alone for stops_alone, stops in zip(one, eight, strict=True) if stops)


def test_what_was_once_decided_stays_decided():
    rng = np.random.default_rng(0)
    values = rng.choice([-1, 0, 1], p=[0.05, 0.75, 0.2], size=150)

    looks = [paired_so_far(values[:num]) for num in range(10, 151, 10)]

    assert all(later.p <= sooner.p for sooner, later in pairwise(looks))
    assert all(later.low >= sooner.low for sooner, later in pairwise(looks))


def test_rows_of_several_seeds_or_a_mean_over_suites_are_refused():
    with pytest.raises(ConfigError, match="first: got 2 rows, expected one"):
        measure(first=("a", "b"), second=("c", "d"))
    with pytest.raises(ConfigError, match="weighting: got suites, expected episodes"):
        measure(planned=scope(*SUITES))


def test_the_sentence_says_that_the_run_could_stop_in_both_languages(tmp_path):
    from wamlab.report.claim_sentences import sentence

    told = sentence(found(tmp_path, first_of(rows(0.95, "good"), 60), rows(0.4, "bad")))

    assert "60 of 200 planned episodes were compared" in told.en
    assert "200 个计划回合中的 60 个" in told.zh
