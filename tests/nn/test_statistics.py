import json
from dataclasses import replace

import numpy as np
import pytest
from tiny import rename_statistics, tiny_statistics

from wamlab.core.errors import ConfigError
from wamlab.core.specs import Field
from wamlab.nn.card import Normalisation, Variant, libero_card
from wamlab.nn.statistics import Normaliser, read_statistics, write_statistics

CARD = libero_card(Variant.ACTION_ONLY, action_shift=5.0)
LOW = np.array([-0.5, 2.0, 0.0], np.float32)
HIGH = np.array([1.5, 3.0, 0.00005], np.float32)
# float32: two roundings of numbers of order 1
ROUNDING = 1e-6


def test_the_range_becomes_minus_one_to_one():
    normaliser = Normaliser.min_max(LOW, HIGH)

    ends = normaliser.normalise(np.stack([LOW, HIGH]))

    np.testing.assert_allclose(ends[:, :2], [[-1, -1], [1, 1]], atol=ROUNDING)
    assert ends.dtype == np.float32


def test_a_number_that_hardly_moves_is_only_shifted():
    low, high = np.float32([0.3]), np.float32([0.30005])

    normaliser = Normaliser.min_max(low, high)

    np.testing.assert_allclose(normaliser.normalise(np.float32([0.8])), [0.5], atol=ROUNDING)
    np.testing.assert_allclose(normaliser.denormalise(np.float32([0.5])), [0.8], atol=ROUNDING)


@pytest.mark.parametrize(
    "normaliser", [Normaliser.min_max(LOW, HIGH), Normaliser.mean_std(LOW, HIGH)]
)
def test_normalised_numbers_stop_at_five(normaliser):
    far = normaliser.normalise(np.float32([[1e3] * 3, [-1e3] * 3]))

    np.testing.assert_array_equal(far, [[5] * 3, [-5] * 3])


def test_mean_and_deviation_become_zero_and_one():
    mean, std = np.float32([0.4, -2]), np.float32([0.1, 3])

    normalised = Normaliser.mean_std(mean, std).normalise(np.stack([mean, mean + std]))

    np.testing.assert_allclose(normalised, [[0, 0], [1, 1]], atol=ROUNDING)


@pytest.mark.parametrize(
    "normaliser", [Normaliser.min_max(LOW, HIGH), Normaliser.mean_std(LOW, HIGH - LOW)]
)
def test_the_way_back_undoes_the_way_there(normaliser):
    value = np.float32([[0.1, 2.7, 0.00002], [-0.4, 2.1, 0.00004]])

    back = normaliser.denormalise(normaliser.normalise(value))

    np.testing.assert_allclose(back, value, atol=ROUNDING)


def test_the_way_back_reaches_past_the_data():
    normaliser = Normaliser.min_max(LOW, HIGH)

    value = normaliser.denormalise(np.float32([9, 9, 9]))

    np.testing.assert_allclose(value[:2], [9.5, 7.0], atol=ROUNDING)


def test_what_was_written_is_read_back(tmp_path):
    numbers = np.random.default_rng(0)
    state = numbers.normal(size=(20, 1, 8)).astype(np.float32)
    action = numbers.normal(size=(20, 32, 7)).astype(np.float32)
    path = tmp_path / "run" / "dataset_stats.json"

    write_statistics(path, state=state, action=action, num_episodes=2, num_transition=90)
    found = read_statistics(path, CARD)

    unit = found.action.normalise(action)
    np.testing.assert_allclose(unit.min(axis=(0, 1)), [-1] * 7, atol=ROUNDING)
    np.testing.assert_allclose(unit.max(axis=(0, 1)), [1] * 7, atol=ROUNDING)
    np.testing.assert_allclose(found.state.normalise(state).max(axis=0), [[1] * 8], atol=ROUNDING)


def test_the_file_has_upstreams_layout(tmp_path):
    stored = json.loads(tiny_statistics(tmp_path / "stats.json").read_text())

    quantities = ("min", "max", "mean", "std", "q01", "q99")
    names = [f"{scope}_{name}" for scope in ("global", "stepwise") for name in quantities]
    assert sorted(stored) == ["action", "num_episodes", "num_transition", "state"]
    assert sorted(stored["action"]["default"]) == sorted(names)
    assert np.shape(stored["action"]["default"]["stepwise_q99"]) == (32, 7)
    assert np.shape(stored["state"]["default"]["stepwise_min"]) == (1, 8)
    assert np.shape(stored["state"]["default"]["global_mean"]) == (8,)


def test_a_single_key_of_another_name_is_taken(tmp_path):
    path = tiny_statistics(tmp_path / "stats.json")
    expected = read_statistics(path, CARD).action.scale
    rename_statistics(path, "panda")

    found = read_statistics(path, CARD)

    np.testing.assert_array_equal(found.action.scale, expected)


def test_the_card_chooses_between_range_and_deviation(tmp_path):
    path = tiny_statistics(tmp_path / "stats.json")
    std = json.loads(path.read_text())["action"]["default"]["global_std"]

    found = read_statistics(path, replace(CARD, normalisation=Normalisation.MEAN_STD))

    np.testing.assert_allclose(1 / found.action.scale, std, atol=ROUNDING)


def test_a_model_without_state_reads_none(tmp_path):
    path = tiny_statistics(tmp_path / "stats.json")
    blind = replace(CARD, sizes=replace(CARD.sizes, state_dim=0), state=())

    assert read_statistics(path, blind).state is None


def test_a_missing_file_is_named_with_where_it_should_be(tmp_path):
    with pytest.raises(ConfigError, match=r"no .*stats\.json.* beside the checkpoint"):
        read_statistics(tmp_path / "stats.json", CARD)


def test_statistics_of_other_sizes_are_refused(tmp_path):
    path = tiny_statistics(tmp_path / "stats.json", action_dim=14)

    with pytest.raises(ConfigError, match=r"action\.default\.global_min: got shape \[14\]"):
        read_statistics(path, CARD)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "expected an object 'state'"),
        ('{"state": {}}', "state has keys"),
        ('{"state": {"a": {}, "b": {}}}', "expected 'default' or a single one"),
        ('{"state": {"default": {"min": [0]}}}', "no 'global_min', found"),
        ('{"state": {"default": {"global_min": "x"}}}', "expected 8 numbers"),
    ],
)
def test_a_part_that_is_missing_is_named(tmp_path, stored, message):
    path = tmp_path / "stats.json"
    path.write_text(stored)

    with pytest.raises(ConfigError, match=message):
        read_statistics(path, CARD)


def test_nan_is_refused(tmp_path):
    path = tiny_statistics(tmp_path / "stats.json", action_dim=1)
    stored = json.loads(path.read_text())
    stored["action"]["default"]["global_max"] = [float("nan")]
    path.write_text(json.dumps(stored))
    sizes = replace(CARD.sizes, action_dim=1)

    with pytest.raises(ConfigError, match="NaN"):
        read_statistics(path, replace(CARD, sizes=sizes, action=(Field("lift", 1, "m"),)))
