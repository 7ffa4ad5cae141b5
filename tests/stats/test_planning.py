from itertools import product

import numpy as np
import pytest
from scipy.stats import binom, multinomial, ttest_1samp
from statsmodels.stats.power import TTestPower, normal_sample_size_one_tail
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from wamlab.stats.equivalence import equivalence_paired
from wamlab.stats.pairs import Pairs, detectable_difference, mcnemar_exact
from wamlab.stats.planning import (
    clustered_power,
    detectable_clustered,
    detectable_unpaired,
    independent_discordance,
    paired_power,
    required_equivalence,
    required_inits,
    required_pairs,
    required_unpaired,
    unpaired_power,
)


# The protocol's own values (specification of the statistics, row "paired n").
@pytest.mark.parametrize(
    ("discordance", "difference", "expected"),
    [(0.05, 0.01, 3923), (0.10, 0.02, 1960), (0.10, 0.03, 870)],
)
def test_the_pairs_of_the_protocol_are_reproduced(discordance, difference, expected):
    # It rounded to the nearest pair; a plan rounds up.
    assert required_pairs(difference, discordance) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(("discordance", "difference"), [(0.05, 0.01), (0.3, 0.1), (0.1, 0.1)])
def test_what_is_required_inverts_what_is_detectable(discordance, difference):
    num_pairs = required_pairs(difference, discordance)
    assert detectable_difference(num_pairs, discordance) == pytest.approx(difference, rel=0.02)


def test_the_power_of_pairs_is_that_of_all_tables_counted():
    num, difference, discordance = 12, 0.4, 0.6
    shares = [0.4, 0.5, 0.1]  # neither alone, only the first, only the second
    tables = [(b, c) for b, c in product(range(num + 1), repeat=2) if b + c <= num]

    counted = sum(
        multinomial.pmf([num - b - c, b, c], num, shares)
        for b, c in tables
        if mcnemar_exact(Pairs(num - b - c, b, c, 0)) < 0.05
    )

    assert paired_power(num, difference, discordance) == pytest.approx(counted, abs=1e-9)


def test_the_required_pairs_have_nearly_the_promised_power_in_the_exact_test():
    # The exact test is careful: a few per cent less than Connor's formula promises.
    assert 0.77 < paired_power(required_pairs(0.02, 0.1), 0.02, 0.1) < 0.80


def test_the_required_unpaired_episodes_are_those_of_statsmodels():
    found = required_unpaired(0.62, 0.12)

    expected = samplesize_proportions_2indep_onetail(0.12, 0.62, 0.8, ratio=1, alpha=0.05)
    assert found == int(np.ceil(expected))


def test_the_unpaired_power_is_what_simulated_studies_have():
    rng = np.random.default_rng(0)
    k = rng.binomial(300, [0.62, 0.72], size=(4000, 2)) / 300

    mean = k.mean(axis=1)
    z = (k[:, 1] - k[:, 0]) / np.sqrt(2 * mean * (1 - mean) / 300)

    # 4000 studies know a power of 74 % to +-1.4 pp.
    assert np.mean(abs(z) > 1.959964) == pytest.approx(unpaired_power(300, 0.62, 0.1), abs=0.02)


# Report template: "12 pp at 60-74 %: about 240 unpaired episodes an arm; 3 pp: about 4,200"
@pytest.mark.parametrize(("rate", "difference", "about"), [(0.62, 0.12, 240), (0.60, 0.03, 4200)])
def test_the_unpaired_episodes_of_the_protocol_are_reproduced(rate, difference, about):
    assert required_unpaired(rate, difference) == pytest.approx(about, rel=0.03)


def test_the_detectable_improvement_needs_the_episodes_it_was_given():
    found = detectable_unpaired(500, 0.95)

    assert required_unpaired(0.95, found) <= 500 < required_unpaired(0.95, found - 1e-4)


# Protocol: at 95 %, 3.3 pp of 500 episodes an arm and 1.8 pp of 2,000.
@pytest.mark.parametrize(("num_episodes", "points"), [(500, 3.3), (2000, 1.8)])
def test_the_detectable_differences_of_the_protocol_are_reproduced(num_episodes, points):
    assert 100 * detectable_unpaired(num_episodes, 0.95) == pytest.approx(points, abs=0.1)


def test_a_handful_of_episodes_cannot_improve_on_95_percent():
    assert detectable_unpaired(20, 0.95) is None


def test_about_5000_episodes_show_equivalence_within_a_point_at_97_percent():
    found = required_equivalence(2 * 0.97 * 0.03, 0.01)

    # The protocol's "about 5,000"; and twice the one-tailed normal sample size at power 0.9.
    expected = normal_sample_size_one_tail(0.01, 0.9, 0.05, std_null=0.0582**0.5)
    assert found == pytest.approx(expected, abs=1)
    assert found == pytest.approx(5000, rel=0.01)


def test_the_pairs_that_equivalence_requires_have_the_promised_power():
    num = required_equivalence(0.06, 0.02)
    draws = np.random.default_rng(0).multinomial(num, [0.9, 0.03, 0.03, 0.04], size=500)

    power = np.mean([equivalence_paired(Pairs(*map(int, d)), 0.02).equivalent for d in draws])

    # 500 draws know a power of 80 % to +-3.5 pp.
    assert power == pytest.approx(0.8, abs=0.05)


def test_the_power_over_tasks_is_that_of_a_t_test():
    stderr_of_a_task = (0.1 / 50 + 0.05**2) ** 0.5

    found = clustered_power(10, 50, 0.04, 0.1, 0.05)

    expected = TTestPower().power(0.04 / stderr_of_a_task, 10, 0.05, alternative="larger")
    two_sided = TTestPower().power(0.04 / stderr_of_a_task, 10, 0.05, alternative="two-sided")
    assert found == pytest.approx(two_sided, abs=1e-3)
    assert found < expected


def test_the_power_over_tasks_is_what_simulated_studies_have():
    rng = np.random.default_rng(0)
    true = rng.normal(0.05, 0.05, size=(2000, 10))
    shares = np.stack([0.1 + true / 2, 0.1 - true / 2, np.full_like(true, 0.8)], axis=-1)
    draws = rng.multinomial(
        50, np.clip(shares, 0, 1) / np.clip(shares, 0, 1).sum(-1, keepdims=True)
    )
    differences = (draws[..., 0] - draws[..., 1]) / 50

    power = np.mean(ttest_1samp(differences, 0.0, axis=1).pvalue < 0.05)

    # The spread within a task is 0.2 - d^2, with 0.05^2 + 0.05^2 the mean of d^2.
    expected = clustered_power(10, 50, 0.05, 0.195, 0.05)
    # 2000 studies know a power of 42 % to +-2.2 pp.
    assert power == pytest.approx(expected, abs=0.03)


def test_the_required_inits_are_the_fewest_that_suffice():
    found = required_inits(20, 0.04, 0.1, 0.04)

    assert clustered_power(20, found, 0.04, 0.1, 0.04) >= 0.8
    assert clustered_power(20, found - 1, 0.04, 0.1, 0.04) < 0.8


def test_no_number_of_inits_replaces_tasks():
    assert required_inits(10, 0.02, 0.1, 0.05) is None


def test_the_detectable_difference_over_tasks_has_the_promised_power():
    found = detectable_clustered(10, 50, 0.1, 0.03)
    assert clustered_power(10, 50, found, 0.1, 0.03) == pytest.approx(0.8, abs=1e-6)


def test_independent_outcomes_disagree_as_often_as_counted():
    outer = np.outer(binom.pmf([0, 1], 1, 0.95), binom.pmf([0, 1], 1, 0.9))
    assert independent_discordance(0.9, 0.05) == pytest.approx(outer[0, 1] + outer[1, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: required_pairs(0.2, 0.1), "expected 0 < difference <= discordance"),
        (lambda: required_pairs(0.02, 0.1, power=80), "got power 80"),
        (lambda: paired_power(0, 0.02, 0.1), "num_pairs: got 0"),
        (lambda: required_unpaired(0.95, 0.1), "got a rate of 0.95 and a difference of 0.1"),
        (lambda: detectable_unpaired(0, 0.9), "got 0 episodes"),
        (lambda: unpaired_power(0, 0.9, 0.05), "num_episodes: got 0"),
        (lambda: required_equivalence(0.1, 0), "margin 0"),
        (lambda: clustered_power(1, 50, 0.1, 0.1, 0), "got 1 tasks of 50 inits"),
        (lambda: clustered_power(5, 50, 0.1, 0, 0), "something that varies"),
        (lambda: independent_discordance(1.0, 0.1), "got a rate of 1.0"),
    ],
)
def test_plans_that_make_no_sense_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
