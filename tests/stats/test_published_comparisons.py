"""Comparisons of a written report, computed by hand for its audit, and computed again here."""

import pytest

from wamlab.stats.multiplicity import holm
from wamlab.stats.pairs import Pairs, fisher, mcnemar_exact
from wamlab.stats.rates import newcombe, wilson
from wamlab.stats.unpaired import Counts, boschloo

# (successes, episodes) twice; difference and Newcombe's limits in percentage points
DIFFERENCES = [
    ((1965, 2000), (1933, 2000), (1.60, 0.63, 2.61)),
    ((1961, 2000), (1933, 2000), (1.40, 0.40, 2.42)),
    ((484, 500), (462, 500), (4.4, 1.6, 7.3)),
    ((488, 500), (462, 500), (5.2, 2.5, 8.1)),
    ((1774, 2000), (1933, 2000), (-7.95, -9.57, -6.37)),
    ((1965, 2000), (1942, 2000), (1.15, 0.21, 2.11)),
    ((1942, 2000), (1933, 2000), (0.45, -0.64, 1.55)),
    ((1961, 2000), (1942, 2000), (0.95, -0.01, 1.93)),
    ((62, 100), (59, 100), (3.0, -10.4, 16.2)),
    ((74, 100), (62, 100), (12.0, -0.9, 24.4)),
    ((136, 200), (121, 200), (7.5, -1.9, 16.7)),
    ((8596, 10030), (5918, 10030), (26.7, 25.5, 27.9)),
]


@pytest.mark.parametrize(("first", "second", "points"), DIFFERENCES)
def test_the_differences_of_the_audit_are_reproduced(first, second, points):
    found = newcombe(wilson(*first), wilson(*second))

    # Printed to one or two decimals, of which the last may be rounded either way.
    tolerance = 0.006 if first[1] == 2000 else 0.06
    assert [100 * value for value in found] == pytest.approx(points, abs=tolerance)


@pytest.mark.parametrize(
    ("failures", "episodes", "expected"),
    [
        ((35, 67), 2000, 0.0017),
        ((39, 67), 2000, 0.0076),
        ((16, 38), 500, 0.0030),
        ((12, 38), 500, 0.0002),
        ((35, 58), 2000, 0.021),
        ((68, 35), 2000, 0.0013),
        ((68, 39), 2000, 0.0058),
        ((36, 16), 2000, 0.0074),
        ((36, 13), 2000, 0.0013),
        ((58, 67), 2000, 0.47),
        ((68, 67), 2000, 1.0),
        ((39, 58), 2000, 0.064),
        ((35, 39), 2000, 0.73),
        ((41, 38), 100, 0.77),
        ((38, 26), 100, 0.095),
        ((79, 64), 200, 0.14),
        ((39, 41), 100, 0.89),
        ((41, 46), 100, 0.57),
        ((28, 19), 2000, 0.24),
        ((28, 24), 2000, 0.68),
    ],
)
def test_the_p_values_of_the_audit_are_reproduced(failures, episodes, expected):
    found = fisher([episodes - failure for failure in failures], failures)

    # Printed with two digits after the first that is not zero, at most.
    assert found == pytest.approx(expected, rel=0.03, abs=0.00006)


@pytest.mark.parametrize(
    ("timeouts", "failures", "expected"), [((28, 19), (68, 35), 0.22), ((28, 24), (68, 39), 0.047)]
)
def test_the_shares_of_timeouts_of_the_audit_are_reproduced(timeouts, failures, expected):
    others = [failure - timeout for failure, timeout in zip(failures, timeouts, strict=True)]
    assert fisher(timeouts, others) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(("successes", "percent"), [(1965, (97.6, 98.7)), (1933, (95.8, 97.4))])
def test_the_intervals_of_the_audit_are_reproduced(successes, percent):
    rate = wilson(successes, 2000)
    assert (100 * rate.low, 100 * rate.high) == pytest.approx(percent, abs=0.06)


@pytest.mark.parametrize(("gained", "least", "most"), [(3, 0.25, 0.82), (12, 0.0005, 0.17)])
def test_the_bounds_of_mcnemar_of_the_audit_are_reproduced(gained, least, most):
    first = {3: 59, 12: 62}[gained]

    # Best case: whatever the first policy solved, the second did too. Worst: least overlap.
    nested = mcnemar_exact(Pairs(first, 0, gained, 100 - first - gained))
    overlap = 2 * first + gained - 100
    apart = mcnemar_exact(Pairs(overlap, first - overlap, first + gained - overlap, 0))

    assert nested == pytest.approx(least, rel=0.05)
    assert apart == pytest.approx(most, abs=0.01)


def test_the_gain_on_long_survives_holm_over_eight_tests():
    # The two p-values on Long, and six that were .116 or more.
    adjusted = holm([0.00298, 0.000215, *[0.116] * 6])

    assert adjusted[0] == pytest.approx(0.0208, abs=0.0003)
    assert adjusted[1] == pytest.approx(0.0017, abs=0.0001)


def test_boschloo_agrees_that_the_repaired_microwave_is_not_resolved():
    assert 0.05 < boschloo(Counts(74, 100), Counts(62, 100)) < 0.095
