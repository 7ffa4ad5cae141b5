from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, chi2_contingency, fisher_exact

from wamlab.stats.unpaired import Counts, boschloo, constrained_rates, score, score_difference

counts = st.integers(1, 60).flatmap(lambda n: st.integers(0, n).map(lambda k: Counts(k, n)))


def boschloo_by_enumeration(first, second):
    """All tables, each with Fisher's p-value, and the worst rate of a fine grid."""
    shape = range(first.episodes + 1), range(second.episodes + 1)
    p_values = np.array(
        [
            [
                fisher_exact([[i, j], [first.episodes - i, second.episodes - j]]).pvalue
                for j in shape[1]
            ]
            for i in shape[0]
        ]
    )
    extreme = p_values <= p_values[first.successes, second.successes] * (1 + 1e-9)
    rates = np.linspace(0.001, 0.999, 999)
    chances = [
        (np.outer(*(binom.pmf(k, len(k) - 1, p) for k in map(np.array, shape))) * extreme).sum()
        for p in rates
    ]
    return max(chances)


def test_boschloo_is_the_worst_chance_of_a_table_that_fisher_finds_as_extreme():
    first, second = Counts(9, 10), Counts(4, 12)

    # scipy takes twice the smaller one-sided p-value, the enumeration the two-sided order.
    one_sided = boschloo(first, second)

    assert boschloo_by_enumeration(first, second) <= one_sided <= 0.05
    assert one_sided < fisher_exact([[9, 4], [1, 8]]).pvalue


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.97])
def test_boschloo_rejects_equal_rates_no_more_often_than_promised(rate):
    num = 10
    chances = binom.pmf(np.arange(num + 1), num, rate)

    # exact: every table with its probability, no sampling
    size = sum(
        chances[i] * chances[j]
        for i, j in product(range(num + 1), repeat=2)
        if chances[i] * chances[j] > 1e-9 and boschloo(Counts(i, num), Counts(j, num)) < 0.05
    )

    assert size <= 0.05


def test_boschloo_without_any_failure_has_no_evidence():
    assert boschloo(Counts(50, 50), Counts(40, 40)) == 1.0


@settings(max_examples=30, deadline=None)
@given(counts, counts, st.floats(-0.9, 0.9))
def test_the_constrained_rates_are_the_likeliest(first, second, difference):
    def loss(p2):
        pairs = ((first, p2 + difference), (second, p2))
        return -sum(binom.logpmf(k, n, min(1, max(0, p))) for (k, n), p in pairs)

    found = constrained_rates(first, second, difference)

    bounds = (max(0.0, -difference), min(1.0, 1 - difference))
    searched = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-10})
    assert found[0] - found[1] == pytest.approx(difference, abs=1e-9)
    # A likelihood is flat at its top: equal height says more than equal place.
    assert loss(found[1]) <= searched.fun + 1e-6


# Newcombe (1998), Statistics in Medicine 17:873-890, table II, method 5 (Mee)
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (Counts(56, 70), Counts(48, 80), (0.0533, 0.3377)),
        (Counts(9, 10), Counts(3, 10), (0.1821, 0.8370)),
        (Counts(6, 7), Counts(2, 7), (0.0544, 0.8478)),
        (Counts(5, 56), Counts(0, 29), (-0.0313, 0.1926)),
        (Counts(10, 10), Counts(0, 20), (0.7225, 1.0)),
    ],
)
def test_the_published_score_intervals_are_reproduced(first, second, expected):
    found = score_difference(first, second)
    assert (found.low, found.high) == pytest.approx(expected, abs=6e-5)


def test_without_a_difference_the_score_is_that_of_the_pooled_chi_squared_test():
    first, second = Counts(62, 100), Counts(74, 120)

    expected = chi2_contingency([[62, 74], [38, 46]], correction=False)

    assert score(first, second, 0.0) ** 2 == pytest.approx(expected.statistic, abs=1e-9)


def test_two_perfect_scores_bound_the_difference_by_their_number():
    found = score_difference(Counts(100, 100), Counts(100, 100))

    # Closed form: at -d the second rate is 1 and the first 1 - d, so d = z^2 / (n + z^2).
    bound = 1.959964**2 / (100 + 1.959964**2)
    assert found == pytest.approx((0.0, -bound, bound), abs=1e-6)


def test_the_score_interval_covers_the_truth_at_its_nominal_rate():
    rng = np.random.default_rng(0)
    draws = zip(rng.binomial(200, 0.97, 1500), rng.binomial(200, 0.93, 1500), strict=True)
    found = [score_difference(Counts(int(i), 200), Counts(int(j), 200)) for i, j in draws]

    coverage = np.mean([one.low <= 0.04 <= one.high for one in found])

    # 1500 draws know a coverage of 95 % to +-1.1 pp.
    assert 0.935 < coverage < 0.965


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: boschloo(Counts(6, 5), Counts(1, 5)), "got 6 successes in 5 episodes"),
        (lambda: boschloo(Counts(6, 900), Counts(1, 900)), "got 1800, expected at most 1000"),
        (lambda: score_difference(Counts(0, 0), Counts(1, 5)), "got 0 successes in 0 episodes"),
        (lambda: score_difference(Counts(1, 5), Counts(1, 5), confidence=95), "confidence: got 95"),
    ],
)
def test_impossible_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
