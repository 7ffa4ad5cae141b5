import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from wamlab.stats.agreement import cohen_kappa, gwet_ac1


def labels(table):
    """Labels of two labellers from a table of counts."""
    cells = [(i, j) for (i, j), count in np.ndenumerate(table) for _ in range(count)]
    return [i for i, _ in cells], [j for _, j in cells]


TABLE = np.array([[40, 5, 2], [6, 30, 4], [1, 3, 20]])
PARADOX = np.array([[118, 5], [2, 0]])  # Gwet (2002), Statistical Methods 1:1-6, table 1


def test_kappa_agrees_with_statsmodels():
    expected = cohens_kappa(TABLE)

    found = cohen_kappa(*labels(TABLE), np.random.default_rng(0))

    assert found.estimate == pytest.approx(expected.kappa, abs=1e-12)
    # The bootstrap's interval and that of large samples differ by terms of order 1/n.
    assert found.low == pytest.approx(expected.kappa_low, abs=0.02)
    assert found.high == pytest.approx(expected.kappa_upp, abs=0.02)


def test_the_published_paradox_has_nearly_full_agreement_and_no_kappa():
    rng = np.random.default_rng(0)

    kappa, ac1 = (of(*labels(PARADOX), rng) for of in (cohen_kappa, gwet_ac1))

    # As published, to the digits published.
    assert kappa.estimate == pytest.approx(-0.0234, abs=5e-5)
    assert ac1.estimate == pytest.approx(0.9408, abs=5e-5)
    assert kappa.observed == ac1.observed == 118 / 125


def test_ac1_of_balanced_labels_is_kappa():
    table = np.array([[40, 10], [10, 40]])
    rng = np.random.default_rng(0)

    assert gwet_ac1(*labels(table), rng).estimate == pytest.approx(
        cohen_kappa(*labels(table), rng).estimate
    )


def test_labels_that_were_never_used_count_for_chance():
    table = np.array([[40, 10], [10, 40]])

    found = gwet_ac1(*labels(table), np.random.default_rng(0), num_labels=8)

    chance = 2 * 0.25 / 7
    assert found.estimate == pytest.approx((0.8 - chance) / (1 - chance))


@pytest.mark.parametrize("coefficient", [cohen_kappa, gwet_ac1])
def test_the_interval_covers_the_truth_nearly_at_its_nominal_rate(coefficient):
    rng = np.random.default_rng(0)
    shares = TABLE / TABLE.sum()
    truth = coefficient(*labels(TABLE * 100), rng, num_resamples=1).estimate
    draws = rng.multinomial(100, shares.ravel(), size=400).reshape(-1, 3, 3)

    found = [coefficient(*labels(draw), rng, num_resamples=400) for draw in draws]

    coverage = np.mean([one.low <= truth <= one.high for one in found])
    # 400 draws know a coverage of 95 % to +-2.1 pp; the percentile interval is a little short.
    assert 0.91 < coverage < 0.98


def test_one_label_throughout_leaves_nothing_beyond_chance():
    assert cohen_kappa(["a"] * 9, ["a"] * 9, np.random.default_rng(0)) is None
    assert gwet_ac1(["a"] * 9, ["a"] * 9, np.random.default_rng(0)) is None


def test_one_label_of_several_possible_is_full_agreement():
    found = gwet_ac1(["a"] * 9, ["a"] * 9, np.random.default_rng(0), num_labels=2)
    assert found[:3] == (1.0, 1.0, 1.0)


def test_resamples_without_a_kappa_are_counted():
    found = cohen_kappa("aaaaaab", "aaaaaab", np.random.default_rng(0), num_resamples=1000)

    # A resample of 7 misses the one other label with probability (6/7)^7 = 34 %.
    assert found.num_undefined == pytest.approx(340, abs=50)
    assert found.estimate == 1.0


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("ab", "a"), {}, "got 2 and 1, expected equally many"),
        (("", ""), {}, "at least one"),
        (("abc", "abc"), {"num_labels": 2}, "got 3 different ones, expected at most 2"),
        (("ab", "ab"), {"confidence": 95}, "confidence of 95"),
    ],
)
def test_labels_that_cannot_be_compared_are_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        gwet_ac1(*arguments, np.random.default_rng(0), **options)
