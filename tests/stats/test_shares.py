"""Shares of kinds of failures: against R, scipy and simulated studies."""

import numpy as np
import pytest
from scipy.stats import fisher_exact, t

from wamlab.stats.rates import newcombe, wilson
from wamlab.stats.shares import freeman_halton, share_differences

JOB = ((1, 3, 10, 6), (2, 3, 10, 7), (1, 6, 14, 12), (0, 1, 9, 11))
"""Job satisfaction of Agresti (2002), the example of R's fisher.test: p = 0.7827."""


def test_the_exact_test_of_a_large_table_is_that_of_r():
    p = freeman_halton(JOB, np.random.default_rng(0), num_draws=200_000)

    assert p == pytest.approx(0.7827, abs=0.004)  # four standard errors of the draws


@pytest.mark.parametrize("table", [((8, 2), (1, 5)), ((30, 12), (18, 25)), ((3, 3), (3, 3))])
def test_of_two_by_two_it_is_fishers(table):
    p = freeman_halton(table, np.random.default_rng(1), num_draws=200_000)

    assert p == pytest.approx(fisher_exact(table).pvalue, abs=0.005)


def test_empty_rows_and_columns_say_nothing():
    full = freeman_halton(((8, 0, 2), (0, 0, 0), (1, 0, 5)), np.random.default_rng(2))

    assert full == freeman_halton(((8, 2), (1, 5)), np.random.default_rng(2))
    assert freeman_halton(((4, 0), (7, 0)), np.random.default_rng(3)) == 1.0


def test_equal_compositions_are_told_apart_as_seldom_as_promised():
    rng = np.random.default_rng(4)
    shares = (0.5, 0.3, 0.15, 0.05)
    tables = [[rng.multinomial(40, shares), rng.multinomial(60, shares)] for _ in range(400)]

    found = sum(freeman_halton(one, rng, num_draws=2000) < 0.05 for one in tables)

    assert found / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_with_few_tasks_the_interval_is_newcombes():
    first, second = np.array([[20, 10], [16, 14]]), np.array([[10, 20], [14, 30]])

    found = share_differences(first, second)

    assert not found.covers_tasks
    assert found.of[0] == pytest.approx(newcombe(wilson(36, 60), wilson(24, 74)))
    assert found.of[1] == pytest.approx(newcombe(wilson(24, 60), wilson(50, 74)))


def test_failures_that_cluster_by_task_widen_the_interval():
    """Each task fails in one way only, the same in both arms but for one task."""
    first = np.array([[9, 0], [0, 9], [9, 0], [0, 9], [9, 0], [0, 9]])
    second = first.copy()
    second[0] = (0, 9)

    [found, _] = share_differences(first, second).of

    # By hand: only the first task differs, by 9 of 54; its influence and those of the others.
    ours, theirs = first[:, 0] / 54 - 9 * 27 / 54**2, second[:, 0] / 54 - 9 * 18 / 54**2
    spread = np.sqrt(6 / 5 * ((ours - theirs) ** 2).sum())
    assert found.estimate == pytest.approx(1 / 6)
    assert found.high - found.estimate == pytest.approx(
        max(t.ppf(0.975, 5) * spread, newcombe(wilson(27, 54), wilson(18, 54)).high - 1 / 6)
    )


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_the_interval_covers_as_often_as_promised(spread):
    """Ten tasks whose compositions differ by `spread` in log odds; the same tasks in both."""
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        luck = spread * rng.normal(size=10)
        shares = 1 / (1 + np.exp(-luck))
        first, second = (
            np.array([(k := rng.binomial(8, one), 8 - k) for one in shares]) for _ in range(2)
        )
        [found, _] = share_differences(first, second).of
        covered += found.low <= 0 <= found.high

    assert covered / 400 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400)


def test_what_has_no_failures_has_no_shares():
    with pytest.raises(ValueError, match="at least one failure in each"):
        share_differences(np.zeros((3, 2), int), np.ones((3, 2), int))
