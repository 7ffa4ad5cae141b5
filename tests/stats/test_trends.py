import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.contingency_tables import Table

from wamlab.stats.trends import clustered_trend, cochran_armitage


def test_the_example_of_r_has_the_published_statistic():
    # R manual, ?prop.trend.test (Fleiss 1981, p. 139): smokers among patients of four groups
    found = cochran_armitage([83, 90, 129, 70], [86, 93, 136, 82])

    assert found.statistic**2 == pytest.approx(8.2249, abs=5e-5)
    assert found.p_value == pytest.approx(0.004132, abs=5e-7)
    assert found.slope < 0


def test_the_example_of_desctools_has_the_published_statistic():
    # insomnia by age class, msph-p8120.github.io/cochran_armitage.html: Z = 11.297
    yes, no = [150, 250, 264, 302, 238, 176], [384, 496, 520, 403, 205, 123]
    found = cochran_armitage(yes, np.add(yes, no).tolist())

    assert found.statistic == pytest.approx(11.297, abs=5e-4)


def test_it_agrees_with_the_linear_by_linear_test_of_statsmodels():
    k, n = np.array([40, 35, 30, 22]), np.array([50, 48, 50, 45])

    found = cochran_armitage(k.tolist(), n.tolist(), levels=[1, 2, 4, 8])

    expected = Table(np.array([k, n - k]), shift_zeros=False).test_ordinal_association(
        np.array([1, 0]), np.array([1, 2, 4, 8])
    )
    # That test divides by N - 1 instead of N.
    total = n.sum()
    assert found.statistic * np.sqrt((total - 1) / total) == pytest.approx(expected.zscore)


def test_a_level_without_episodes_does_not_matter():
    assert cochran_armitage([8, 0, 4], [10, 0, 10]) == cochran_armitage(
        [8, 4], [10, 10], levels=[1, 3]
    )


def test_its_interval_covers_the_truth_at_its_nominal_rate():
    rng = np.random.default_rng(0)
    rates = 0.95 - 0.1 * np.arange(5)
    draws = rng.binomial(200, rates, size=(2000, 5)).tolist()

    found = [cochran_armitage(draw, [200] * 5) for draw in draws]

    coverage = np.mean([one.low <= -0.1 <= one.high for one in found])
    # 2000 draws know a coverage of 95 % to +-1.0 pp.
    assert 0.935 < coverage < 0.965


def drawn(rng, *, num_tasks, slope, slope_sd=0.05, num_episodes=20):
    """Episodes of tasks with their own rate and their own trend over five levels."""
    levels, tasks = np.meshgrid(np.repeat(np.arange(5), num_episodes), np.arange(num_tasks))
    rate = rng.uniform(0.5, 0.8, num_tasks) - rng.normal(-slope, slope_sd, num_tasks) * (
        levels.T - 2
    )
    values = rng.random(rate.shape) < rate
    return values.ravel().astype(float), levels.T.ravel(), tasks.T.ravel()


def test_the_clustered_trend_agrees_with_statsmodels():
    rng = np.random.default_rng(0)
    values, levels, tasks = drawn(rng, num_tasks=8, slope=-0.05)
    kept = rng.random(len(values)) < 0.7

    found = clustered_trend(values[kept], levels[kept], tasks[kept])

    design = np.column_stack([levels[kept], np.eye(8)[tasks[kept]]])
    fit = sm.OLS(values[kept], design).fit(
        cov_type="cluster", cov_kwds={"groups": tasks[kept], "use_correction": False}
    )
    assert found.slope == pytest.approx(fit.params[0], abs=1e-10)
    # Without the correction by tasks / (tasks - 1), which is ours.
    stderr = found.slope / found.statistic
    assert abs(stderr) == pytest.approx(fit.bse[0] * np.sqrt(8 / 7), abs=1e-10)


@pytest.mark.parametrize("num_tasks", [10, 40])
def test_the_clustered_trend_covers_the_truth_where_tasks_differ(num_tasks):
    rng = np.random.default_rng(0)
    found = [clustered_trend(*drawn(rng, num_tasks=num_tasks, slope=-0.05)) for _ in range(500)]

    coverage = np.mean([one.low <= -0.05 <= one.high for one in found])

    # 500 draws know a coverage of 95 % to +-1.9 pp.
    assert 0.92 < coverage < 0.98


def test_ignoring_tasks_that_differ_finds_trends_that_are_not_there():
    rng = np.random.default_rng(0)
    clustered, pooled = [], []

    for _ in range(600):
        values, levels, tasks = drawn(rng, num_tasks=10, slope=0.0)
        clustered.append(clustered_trend(values, levels, tasks).p_value < 0.05)
        k = np.bincount(levels, values).astype(int).tolist()
        pooled.append(cochran_armitage(k, np.bincount(levels).tolist()).p_value < 0.05)

    # 600 draws know an error rate of 5 % to +-1.7 pp.
    assert np.mean(clustered) < 0.08
    assert np.mean(pooled) > 0.2


def test_nothing_that_varies_has_no_trend():
    assert cochran_armitage([5, 5], [5, 5]) is None
    assert clustered_trend([1.0] * 20, [1, 2] * 10, list(range(10)) * 2) is None


def test_tasks_with_one_level_say_nothing():
    assert clustered_trend([1.0, 0.0] * 6, [1] * 12, list(range(6)) * 2) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cochran_armitage([1], [2, 3]), "got 1 successes, 2 episodes"),
        (lambda: cochran_armitage([4, 1], [2, 3]), "got 4 successes in 2 episodes"),
        (lambda: cochran_armitage([1, 0], [2, 0]), "got 1 with episodes, expected at least 2"),
        (lambda: clustered_trend([1.0], [1, 2], [0]), "got 1 values, 2 levels and 1 tasks"),
        (lambda: clustered_trend([float("nan")], [1], [0]), "not finite"),
    ],
)
def test_impossible_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
