from math import inf, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from wamlab.stats.pairs import (
    Pairs,
    count_pairs,
    detectable_difference,
    fisher,
    holm,
    mcnemar_exact,
    paired_difference,
)
from wamlab.stats.rates import Z_95

TABLES = [Pairs(43, 9, 1, 3), Pairs(480, 12, 5, 3), Pairs(0, 5, 3, 2), Pairs(10, 0, 4, 6)]


def test_pairs_are_counted_by_who_succeeded():
    outcomes = [(True, True), (True, False), (True, False), (False, True), (False, False)]
    assert count_pairs(outcomes) == Pairs(both=1, only_first=2, only_second=1, neither=1)


@pytest.mark.parametrize("pairs", TABLES)
def test_mcnemar_agrees_with_statsmodels(pairs):
    table = [[pairs.both, pairs.only_first], [pairs.only_second, pairs.neither]]
    assert mcnemar_exact(pairs) == pytest.approx(mcnemar(table, exact=True).pvalue, abs=1e-12)


def test_without_a_discordant_pair_there_is_no_evidence():
    assert mcnemar_exact(Pairs(490, 0, 0, 10)) == 1.0


def test_fisher_gives_the_p_value_of_the_tea_lady():
    assert fisher((3, 1), (1, 3)) == pytest.approx(34 / 70)


def searched_score(pairs, difference):
    """Tango's statistic with the likelihood maximised by a search instead of a formula."""
    n, b, c = pairs.num_pairs, pairs.only_first, pairs.only_second

    def loss(share):
        parts = ((b, share + difference), (c, share), (n - b - c, 1 - 2 * share - difference))
        if any(p < 0 or (count and p == 0) for count, p in parts):
            return inf
        return -sum(count * log(p) for count, p in parts if count)

    bounds = (max(0.0, -difference), (1 - difference) / 2)
    share = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    variance = n * (2 * share + difference * (1 - difference))
    return (b - c - n * difference) / variance**0.5


@pytest.mark.parametrize("pairs", TABLES)
def test_the_limits_of_a_paired_difference_solve_the_score_equation(pairs):
    interval = paired_difference(pairs)

    # The search is exact to about 1e-6 in the share.
    assert searched_score(pairs, interval.low) == pytest.approx(Z_95, abs=1e-3)
    assert searched_score(pairs, interval.high) == pytest.approx(-Z_95, abs=1e-3)


def test_without_a_discordant_pair_the_difference_is_bounded_by_the_number_of_pairs():
    interval = paired_difference(Pairs(495, 0, 0, 5))

    # Closed form of the score equation for b = c = 0: z^2 / (n + z^2).
    bound = Z_95**2 / (500 + Z_95**2)
    assert interval == pytest.approx((0.0, -bound, bound), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.integers(0, 40)] * 4).filter(any).map(lambda counts: Pairs(*counts)))
def test_exchanging_the_policies_mirrors_the_interval(pairs):
    mirrored = Pairs(pairs.both, pairs.only_second, pairs.only_first, pairs.neither)

    one, other = paired_difference(pairs), paired_difference(mirrored)

    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-6)
    assert -1 <= one.low <= one.estimate <= one.high <= 1


def test_the_paired_interval_covers_the_truth_at_its_nominal_rate():
    rng = np.random.default_rng(0)
    shares = {"both": 0.90, "only_first": 0.06, "only_second": 0.02, "neither": 0.02}
    draws = rng.multinomial(200, list(shares.values()), size=3000)

    intervals = [paired_difference(Pairs(*map(int, draw))) for draw in draws]

    coverage = np.mean([interval.low <= 0.04 <= interval.high for interval in intervals])
    # 3000 draws know a coverage of 95 % to +-0.8 pp.
    assert 0.935 < coverage < 0.965


@pytest.mark.parametrize(
    ("num_pairs", "discordance", "expected"), [(3923, 0.05, 0.01), (1960, 0.1, 0.02)]
)
def test_the_detectable_difference_inverts_the_sample_size_formula(
    num_pairs, discordance, expected
):
    found = detectable_difference(num_pairs, discordance)
    assert found == pytest.approx(expected, rel=1e-3)


def test_a_detectable_difference_is_found_with_the_promised_power():
    rng = np.random.default_rng(0)
    difference = detectable_difference(500, 0.1)
    only_first, only_second = (0.1 + difference) / 2, (0.1 - difference) / 2
    draws = rng.multinomial(500, [0.85, only_first, only_second, 0.05], size=1500)

    power = np.mean([mcnemar_exact(Pairs(*map(int, draw))) < 0.05 for draw in draws])

    # The exact test is a little more careful than the formula, which is that of a normal.
    assert 0.72 < power < 0.84


def test_where_nothing_differs_the_detectable_difference_is_its_own_discordance():
    found = detectable_difference(500, 0.0)

    # With every discordant pair on one side: d * n = (z_a + z_b * sqrt(1 - d))^2.
    assert found == pytest.approx((1.959964 + 0.841621 * (1 - found) ** 0.5) ** 2 / 500, abs=1e-6)


def test_three_pairs_can_show_nothing():
    assert detectable_difference(3, 0.5) == 1.0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_agrees_with_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(list(expected), abs=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: paired_difference(Pairs(0, 0, 0, 0)),
        lambda: detectable_difference(0, 0.1),
        lambda: detectable_difference(10, 1.1),
    ],
)
def test_impossible_counts_are_refused(call):
    with pytest.raises(ValueError, match="pairs"):
        call()
