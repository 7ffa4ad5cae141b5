from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from wamlab.stats.equivalence import equivalence_paired, equivalence_unpaired
from wamlab.stats.pairs import Pairs
from wamlab.stats.unpaired import Counts


def test_counts_without_a_failure_are_equivalent_if_there_are_enough():
    found = equivalence_unpaired(Counts(100, 100), Counts(100, 100), 0.03)

    # Closed form: at a difference of m the likeliest rates are 1 and 1 - m.
    assert found.p_value == pytest.approx(norm.sf(sqrt(100 * 0.03 / 0.97)), abs=1e-9)
    assert found.equivalent


def test_about_5000_episodes_an_arm_show_equal_rates_of_97_percent_within_a_point():
    # Normal approximation: n = 2 p (1 - p) ((z_95 + z_90) / m)^2 = 4985 for a power of 80 %
    rng = np.random.default_rng(0)
    draws = rng.binomial(4985, 0.97, size=(500, 2)).tolist()
    tests = [equivalence_unpaired(Counts(i, 4985), Counts(j, 4985), 0.01) for i, j in draws]

    power = np.mean([test.equivalent for test in tests])

    # 500 draws know a power of 80 % to +-3.5 pp.
    assert power == pytest.approx(0.8, abs=0.05)


def test_pairs_that_never_disagree_are_equivalent_if_there_are_enough():
    found = equivalence_paired(Pairs(95, 0, 0, 5), 0.03)

    # Closed form of Tango's statistic for b = c = 0: sqrt(n * m / (1 - m)).
    assert found.p_value == pytest.approx(norm.sf(sqrt(100 * 0.03 / 0.97)), abs=1e-9)
    assert found.equivalent


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(*[st.integers(0, 60)] * 4).filter(any).map(lambda counts: Pairs(*counts)),
    st.sampled_from([0.02, 0.05, 0.2]),
)
def test_pairs_are_equivalent_exactly_if_the_interval_lies_within_the_margin(pairs, margin):
    found = equivalence_paired(pairs, margin)

    within = -margin < found.interval.low and found.interval.high < margin
    assert found.equivalent == within


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 80), st.integers(0, 60), st.sampled_from([0.02, 0.05, 0.2]))
def test_counts_are_equivalent_exactly_if_the_interval_lies_within_the_margin(i, j, margin):
    found = equivalence_unpaired(Counts(i, 80), Counts(j, 60), margin)

    within = -margin < found.interval.low and found.interval.high < margin
    assert found.equivalent == within


def test_a_difference_of_the_margin_is_called_equivalent_no_more_often_than_promised():
    rng = np.random.default_rng(0)
    draws = rng.multinomial(500, [0.90, 0.02, 0.05, 0.03], size=2000)

    found = [equivalence_paired(Pairs(*map(int, draw)), 0.03).equivalent for draw in draws]

    # 2000 draws know an error rate of 5 % to +-1.0 pp; the score test may exceed it a little.
    assert np.mean(found) < 0.067


def test_unpaired_rates_apart_by_the_margin_are_called_equivalent_no_more_often_than_promised():
    rng = np.random.default_rng(0)
    draws = zip(rng.binomial(600, 0.97, 1500), rng.binomial(600, 0.94, 1500), strict=True)
    tests = [equivalence_unpaired(Counts(int(i), 600), Counts(int(j), 600), 0.03) for i, j in draws]

    error_rate = np.mean([test.equivalent for test in tests])

    # 1500 draws know it to +-1.1 pp.
    assert error_rate < 0.068


def test_being_higher_is_not_being_lower_but_no_equivalence():
    found = equivalence_unpaired(Counts(99, 100), Counts(80, 100), 0.05)

    assert found.not_lower
    assert not found.equivalent


@pytest.mark.parametrize(("margin", "alpha"), [(0.0, 0.05), (1.0, 0.05), (2, 0.05), (0.1, 0.5)])
def test_margins_that_make_no_sense_are_refused(margin, alpha):
    with pytest.raises(ValueError, match=r"(margin|alpha): got .* expected"):
        equivalence_paired(Pairs(5, 1, 1, 3), margin, alpha=alpha)
