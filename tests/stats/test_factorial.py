from math import exp, log, pi

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import ttest_1samp

from wamlab.stats import factorial
from wamlab.stats.factorial import factorial_design, factorial_rates, mixed_logit

# Data set cbpp of R's lme4 (Lesnoff et al. 2004): new infections of 15 herds in 4 quarters.
HERDS = np.repeat(np.arange(15), [4, 3, 4, 4, 4, 4, 4, 1, 4, 4, 4, 4, 4, 4, 4])
PERIODS = np.array([*range(4), *range(3), *(5 * [*range(4)]), 0, *(7 * [*range(4)])])
INFECTED = [2, 3, 4, 0, 3, 1, 1, 8, 2, 0, 2, 2, 0, 2, 0, 5, 0, 0, 1, 3, 0, 0, 1, 8, 1, 3, 0, 12]
INFECTED += [2, 0, 0, 0, 1, 1, 0, 2, 0, 5, 3, 1, 2, 1, 0, 0, 1, 2, 0, 0, 11, 0, 0, 0, 1, 1, 1, 0]
SIZES = [14, 12, 9, 5, 22, 18, 21, 22, 16, 16, 20, 10, 10, 9, 6, 18, 25, 24, 4, 17, 17, 18, 20]
SIZES += [16, 10, 9, 5, 34, 9, 6, 8, 6, 22, 22, 18, 22, 25, 27, 22, 22, 10, 8, 6, 5, 21, 24, 19]
SIZES += [23, 19, 2, 3, 2, 19, 15, 15, 15]
DESIGN = np.column_stack([np.ones(56), *(p == PERIODS for p in (1, 2, 3))]).astype(float)


def study(rng, *, num_tasks, slope_sd, base=2.0, effect=0.5):
    """A 2 x 2 design of 50 episodes a cell; the first factor has that effect, the second none."""
    factors = {"a": np.tile([0, 1, 0, 1], num_tasks), "b": np.tile([0, 0, 1, 1], num_tasks)}
    tasks = np.repeat(np.arange(num_tasks), 4)
    design = factorial_design(factors)[1]
    easy, slope_a, slope_b = rng.normal(0, [[1.0], [slope_sd], [slope_sd]], (3, num_tasks))
    odds = base + easy[tasks] + (effect + slope_a[tasks]) * design[:, 1]
    odds += slope_b[tasks] * design[:, 2]
    return rng.binomial(50, expit(odds)), np.full(len(tasks), 50), factors, tasks


def fitted(successes, episodes, factors, tasks):
    return mixed_logit(successes, episodes, factorial_design(factors)[1], tasks)


def test_the_example_of_lme4_has_the_published_estimates():
    found = mixed_logit(INFECTED, SIZES, DESIGN, HERDS)

    # ?glmer, gm1a: adaptive quadrature with nAGQ = 9; it stops at about 1e-4.
    expected = [-1.39922, -0.99141, -1.12782, -1.57946]
    assert [effect.estimate for effect in found.effects] == pytest.approx(expected, abs=3e-4)


def test_the_likelihood_is_the_integral_over_tasks():
    found = mixed_logit(INFECTED, SIZES, DESIGN, HERDS)
    fixed = DESIGN @ [effect.estimate for effect in found.effects]
    k, n = np.array(INFECTED), np.array(SIZES)

    def density(u, herd):
        odds = fixed[herd] + found.task_sd * u
        terms = (k[herd] * odds - n[herd] * np.logaddexp(0, odds)).sum()
        return exp(terms - u * u / 2 - log(2 * pi) / 2)

    whole = [log(quad(density, -8, 8, args=(herd == HERDS,), epsabs=0)[0]) for herd in range(15)]

    # the search for an integral stops at 1.5e-8 of each task
    assert found.log_likelihood == pytest.approx(sum(whole), abs=1e-6)


def test_without_differences_between_tasks_it_is_a_plain_logistic_model():
    tasks = np.repeat(np.arange(12), 2)
    x = np.tile([0.0, 1.0], 12)
    k, n = np.tile([30, 40], 12), np.full(24, 50)

    found = mixed_logit(k, n, np.column_stack([np.ones(24), x]), tasks)

    # every task has the same rates, 60 and 80 %
    assert found.task_sd == pytest.approx(0.0, abs=1e-3)
    expected = [log(30 / 20), log(40 / 10) - log(30 / 20)]
    assert [effect.estimate for effect in found.effects] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("slope_sd", [0.0, 0.7])
def test_its_interval_covers_an_effect_over_ten_tasks(slope_sd):
    rng = np.random.default_rng(0)
    fits = [fitted(*study(rng, num_tasks=10, slope_sd=slope_sd)) for _ in range(60)]

    covered = [fit.effects[1].low <= 0.5 <= fit.effects[1].high for fit in fits]

    # 60 draws know a coverage of 95 % to +-5.5 pp; docs/statistics.md has 300 draws.
    assert np.mean(covered) > 0.89


def test_a_model_that_ignores_how_effects_differ_would_cover_less():
    rng = np.random.default_rng(0)
    plain, found = [], []

    for _ in range(40):
        k, n, factors, tasks = study(rng, num_tasks=10, slope_sd=0.7, effect=0.0)
        design = factorial_design(factors)[1]
        columns = np.column_stack([design[:, 1:], np.eye(10)[tasks]])
        fit = sm.GLM(np.column_stack([k, n - k]), columns, family=sm.families.Binomial()).fit()
        plain.append(abs(fit.params[0]) < 1.96 * fit.bse[0])
        effect = mixed_logit(k, n, design, tasks).effects[1]
        found.append(effect.low <= 0 <= effect.high)

    assert np.mean(plain) < 0.85
    assert np.mean(found) > 0.89


@pytest.mark.parametrize(("num_tasks", "slope_sd"), [(10, 0.0), (10, 0.7), (40, 0.7)])
def test_differences_of_rates_cover_the_truth(num_tasks, slope_sd):
    rng = np.random.default_rng(0)
    many = study(rng, num_tasks=40_000, slope_sd=slope_sd)
    truth = factorial_rates(*many)["a"].estimate
    found = [
        factorial_rates(*study(rng, num_tasks=num_tasks, slope_sd=slope_sd))["a"]
        for _ in range(800)
    ]

    coverage = np.mean([one.low <= truth <= one.high for one in found])

    # 800 draws know a coverage of 95 % to +-1.5 pp; rates near 100 % skew it a little.
    assert 0.92 < coverage < 0.975


def test_main_effects_are_differences_of_means_and_the_interaction_their_difference():
    rng = np.random.default_rng(0)
    k, n, factors, tasks = study(rng, num_tasks=10, slope_sd=0.7)
    none, a, b, both = (k / n).reshape(10, 4).T

    found = factorial_rates(k, n, factors, tasks)

    assert found["a"].estimate == pytest.approx(((a + both) / 2 - (none + b) / 2).mean())
    assert found["b"].estimate == pytest.approx(((b + both) / 2 - (none + a) / 2).mean())
    assert found["a x b"].estimate == pytest.approx(((both - b) - (a - none)).mean())
    expected = ttest_1samp((both - b) - (a - none), 0.0)
    assert found["a x b"].p_value == pytest.approx(expected.pvalue)
    assert found["a x b"].low == pytest.approx(expected.confidence_interval().low)


def test_the_design_codes_main_effects_as_differences_of_levels():
    names, design = factorial_design({"a": [0, 1, 0, 1], "b": [0, 0, 1, 1]})

    assert names == ["intercept", "a", "b", "a x b"]
    # cell means of a table with main effects 1 and 2 and an interaction of 4
    assert design @ [10, 1, 2, 4] == pytest.approx([9.5, 8.5, 9.5, 12.5])


def test_a_cell_without_a_failure_has_rates_but_no_odds():
    tasks, level = np.repeat(np.arange(8), 2), np.tile([0, 1], 8)
    k = np.where(level == 1, 50, np.tile([40, 0], 8) + np.repeat(np.arange(8), 2))

    assert mixed_logit(k, [50] * 16, factorial_design({"a": level})[1], tasks) is None
    assert factorial_rates(k, [50] * 16, {"a": level}, tasks)["a"].excludes_zero


def test_too_few_tasks_have_no_estimate():
    factors, tasks = {"a": [0, 1] * 4}, np.repeat(np.arange(4), 2)

    assert mixed_logit([3, 4] * 4, [9] * 8, factorial_design(factors)[1], tasks) is None
    assert factorial_rates([3, 4] * 4, [9] * 8, factors, tasks) is None


def test_the_gradient_is_that_of_the_likelihood():
    rows = factorial._rows(INFECTED, SIZES, DESIGN, HERDS)
    at, step = np.array([-1.2, -0.8, -1.0, -1.4, 0.5]), 1e-5

    numeric = [
        (factorial._likelihood(at + shift, *rows)[0] - factorial._likelihood(at - shift, *rows)[0])
        / (2 * step)
        for shift in step * np.eye(5)
    ]

    gradient = factorial._likelihood(at, *rows)[1].sum(axis=0)
    # central differences of a value of 300: rounding of 1e-13 * 300 / 1e-5
    assert gradient == pytest.approx(numeric, abs=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: factorial_design({}), "got none or of different lengths"),
        (lambda: factorial_design({"a": [0, 2]}), r"factor 'a': got levels \[0, 2\]"),
        (lambda: factorial_design({"a": [0, 1], "b": [0]}), "different lengths"),
        (lambda: mixed_logit([1], [2, 2], np.ones((2, 1)), [0, 1]), "got 1 successes, 2 episodes"),
        (lambda: mixed_logit([3], [2], np.ones((1, 1)), [0]), "more successes than episodes"),
        (lambda: mixed_logit([1] * 6, [2] * 6, np.ones((6, 2)), range(6)), "not independent"),
        (
            lambda: factorial_rates(
                [1] * 11, [2] * 11, {"a": [0, 1] * 5 + [0]}, [*range(5)] * 2 + [5]
            ),
            "got 1 that lack a cell, expected all 2 in each",
        ),
    ],
)
def test_designs_that_cannot_be_fitted_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
