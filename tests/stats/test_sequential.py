import numpy as np
import pytest
from scipy.stats import binom

from wamlab.stats.sequential import PAIRED, STAKES, Side, confidence_sequence, e_values


def paired(rng, num_episodes, *, first=0.05, second=0.05):
    return rng.choice([-1, 0, 1], p=[second, 1 - first - second, first], size=num_episodes)


def test_equal_policies_watched_after_every_episode_raise_a_false_alarm_in_5_percent_at_most():
    rng = np.random.default_rng(0)
    draws = rng.choice([-1, 0, 1], p=[0.1, 0.8, 0.1], size=(10_000, 100))

    alarms = [e_values(draw, 0.0, bounds=PAIRED).max() >= 20 for draw in draws]

    # 10,000 null studies know an error rate of 5 % to +-0.4 pp; it is far below.
    assert np.mean(alarms) < 0.05


def test_a_true_rate_watched_after_every_episode_is_rejected_in_5_percent_at_most():
    rng = np.random.default_rng(1)
    draws = rng.random((2000, 250)) < 0.95

    alarms = [e_values(draw, 0.95).max() >= 20 for draw in draws]

    # 2000 draws know an error rate of 5 % to +-1.0 pp; it is far below.
    assert np.mean(alarms) < 0.05


@pytest.mark.parametrize("side", list(Side))
def test_the_evidence_is_one_on_average_under_the_hypothesis(side):
    num, null = 12, 0.7
    outcomes = (np.arange(2**num)[:, None] >> np.arange(num)) & 1
    chances = np.prod(np.where(outcomes, null, 1 - null), axis=1)

    # exact: every sequence of 12 outcomes; the evidence depends on the count alone
    last = {k: e_values([1] * k + [0] * (num - k), null, side=side)[-1] for k in range(num + 1)}
    mean = sum(chances[outcomes.sum(axis=1) == k].sum() * last[k] for k in last)

    assert mean == pytest.approx(1.0, abs=1e-9)


def test_the_evidence_is_the_mean_wealth_of_gamblers():
    found = e_values([1, 0, 1], 0.6)

    up = (1 + STAKES * 0.4 / 0.6) ** 2 * (1 - STAKES)
    down = (1 - STAKES) ** 2 * (1 + STAKES * 0.6 / 0.4)
    assert found[-1] == pytest.approx((up.mean() + down.mean()) / 2)


def test_the_order_of_episodes_does_not_change_the_last_evidence():
    rng = np.random.default_rng(0)
    values = paired(rng, 200, first=0.1)

    shuffled = rng.permutation(values)

    assert e_values(values, 0.0, bounds=PAIRED)[-1] == pytest.approx(
        e_values(shuffled, 0.0, bounds=PAIRED)[-1], rel=1e-9
    )


def test_a_better_policy_is_found_with_fewer_episodes_than_were_planned():
    rng = np.random.default_rng(0)
    # 600 pairs were planned: 8 to 2 % discordant needs 214 for 80 % power if looked at once
    runs = [
        e_values(paired(rng, 600, first=0.08, second=0.02), 0.0, bounds=PAIRED) for _ in range(200)
    ]

    stops = [int(np.argmax(run >= 20)) if run.max() >= 20 else 600 for run in runs]

    assert np.mean([run.max() >= 20 for run in runs]) > 0.9
    assert np.mean(stops) < 330


def test_one_side_only_sees_its_own_side():
    worse = np.repeat([-1, 0], 50)

    assert e_values(worse, 0.0, bounds=PAIRED, side=Side.BELOW).max() > 20
    assert e_values(worse, 0.0, bounds=PAIRED, side=Side.ABOVE).max() <= 1


@pytest.mark.parametrize("rate", [0.5, 0.97])
def test_the_whole_confidence_sequence_holds_the_rate(rate):
    rng = np.random.default_rng(0)
    found = [confidence_sequence(rng.random(150) < rate, step=0.02) for _ in range(150)]

    # Limits only tighten: if the last interval holds the rate, all did.
    held = np.mean([one.low[-1] <= rate <= one.high[-1] for one in found])

    # 150 draws know a coverage of 95 % to +-3.5 pp; it is above.
    assert held > 0.95


def test_the_confidence_sequence_is_what_the_evidence_has_not_rejected():
    values = np.random.default_rng(0).random(100) < 0.8
    found = confidence_sequence(values, step=0.01)

    inside = [
        e_values(values, null).max() for null in (found.low[-1] + 0.01, found.high[-1] - 0.01)
    ]
    outside = [e_values(values, null).max() for null in (found.low[-1], found.high[-1])]

    assert max(inside) < 20 <= min(outside)


def test_limits_only_tighten():
    found = confidence_sequence(paired(np.random.default_rng(0), 300), bounds=PAIRED, step=0.01)

    assert (np.diff(found.low) >= 0).all()
    assert (np.diff(found.high) <= 0).all()


def test_a_benchmark_seen_to_the_end_is_known():
    rng = np.random.default_rng(0)
    outcomes = rng.permutation([1] * 180 + [0] * 20)

    whole = confidence_sequence(outcomes, population=200)

    assert (whole.low[-1], whole.high[-1]) == pytest.approx((0.9, 0.9), abs=1e-12)


def test_the_rate_of_a_benchmark_is_held_at_every_draw_from_it():
    rng = np.random.default_rng(0)
    benchmark = np.array([1.0] * 270 + [0.0] * 30)
    draws = [rng.permutation(benchmark)[:250] for _ in range(1500)]

    alarms = [e_values(draw, 0.9, population=300).max() >= 20 for draw in draws]

    # 1500 draws know an error rate of 5 % to +-1.1 pp; it is far below.
    assert np.mean(alarms) < 0.05


def test_its_price_is_at_most_twice_the_width_of_a_fixed_number_of_episodes():
    values = np.repeat([1, 0], [1800, 200])
    found = confidence_sequence(np.random.default_rng(0).permutation(values))

    fixed = binom.ppf(0.975, 2000, 0.9) / 2000 - binom.ppf(0.025, 2000, 0.9) / 2000
    assert fixed < found.high[-1] - found.low[-1] < 2 * fixed


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: e_values([2], 0.5), "values: got one outside"),
        (lambda: e_values([], 0.5), "values: got none"),
        (lambda: e_values([float("nan")], 0.5), "values: got one outside"),
        (lambda: e_values([1], 1.0), "null: got 1.0, expected a number between the bounds"),
        (lambda: e_values([1, 0], 0.5, population=1), "got 2, expected at most 1"),
        (lambda: e_values([1], 0.5, bounds=(1, 0)), "bounds: got"),
        (lambda: confidence_sequence([1], alpha=5), "got alpha 5"),
    ],
)
def test_bets_that_make_no_sense_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
