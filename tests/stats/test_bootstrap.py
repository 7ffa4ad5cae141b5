import numpy as np
import pytest
from scipy.stats import t

from wamlab.stats.bootstrap import clustered_bootstrap, mean_of_suites, named_generator


def drawn(rng, *, num_suites, num_tasks, num_episodes, rate=(8, 2)):
    """Suites of tasks whose own success rates come from a Beta distribution."""
    return {
        f"suite{suite}": {
            f"{task:03d}": rng.binomial(1, rng.beta(*rate), size=num_episodes).tolist()
            for task in range(num_tasks)
        }
        for suite in range(num_suites)
    }


def interval(suites, **options):
    return clustered_bootstrap(suites, named_generator("test"), **options)


def test_suites_count_equally_whatever_their_size():
    suites = {"small": {"a": [1.0]}, "large": {"a": [0.0] * 99, "b": [1.0]}}
    assert mean_of_suites(suites) == pytest.approx((1 + 0.01) / 2)


def test_the_same_data_give_the_same_interval():
    suites = drawn(np.random.default_rng(0), num_suites=4, num_tasks=10, num_episodes=5)
    assert interval(suites) == interval(suites)


def test_the_order_of_tasks_does_not_matter():
    suites = drawn(np.random.default_rng(0), num_suites=1, num_tasks=10, num_episodes=5)
    reversed_tasks = {"suite0": dict(reversed(suites["suite0"].items()))}
    assert interval(suites) == interval(reversed_tasks)


def test_the_standard_error_is_that_of_the_task_means():
    suites = drawn(np.random.default_rng(0), num_suites=2, num_tasks=12, num_episodes=20)
    means = np.array([[np.mean(task) for task in suite.values()] for suite in suites.values()])

    found = interval(suites, num_resamples=50_000)

    closed_form = np.sqrt((means.var(axis=1, ddof=1) / 12).sum()) / 2
    # 50,000 resamples know a standard error to 0.3 %.
    assert found.stderr == pytest.approx(closed_form, rel=0.01)


def test_many_symmetric_tasks_give_the_interval_of_student():
    means = np.linspace(0.3, 0.7, 40)
    suites = {"suite": {f"{i:03d}": [mean] for i, mean in enumerate(means)}}

    found = interval(suites, num_resamples=50_000)

    half = t.ppf(0.975, 39) * means.std(ddof=1) / np.sqrt(40)
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.003)


@pytest.mark.parametrize(("num_suites", "num_tasks"), [(4, 10), (1, 10), (4, 3)])
def test_it_covers_the_truth_for_new_tasks_where_wilson_would_not(num_suites, num_tasks):
    rng = np.random.default_rng(0)
    shape = {"num_suites": num_suites, "num_tasks": num_tasks, "num_episodes": 20}
    found = [interval(drawn(rng, **shape), num_resamples=1000) for _ in range(400)]

    coverage = np.mean([one.low <= 0.8 <= one.high for one in found if one is not None])

    # 400 draws know a coverage of 94 % to +-2.4 pp.
    assert 0.91 < coverage < 0.975


@pytest.mark.parametrize(
    "suites",
    [
        {"suite": {"a": [1.0, 0.0]}},
        {"suite": {"a": [1.0], "b": [0.0], "c": [1.0]}},
        {"suite": {task: [1.0, 0.0] for task in "abcdefgh"}},
    ],
    ids=["one task", "three tasks of one suite", "tasks that do not differ"],
)
def test_what_cannot_be_estimated_has_no_interval(suites):
    assert interval(suites) is None


@pytest.mark.parametrize("suites", [{}, {"suite": {"a": []}}])
def test_a_mean_of_nothing_is_refused(suites):
    with pytest.raises(ValueError, match="expected at least one"):
        mean_of_suites(suites)
