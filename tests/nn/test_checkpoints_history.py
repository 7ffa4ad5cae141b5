"""Whether a model is pretrained stands in its folder, from the training that made it."""

import pytest
from checkpoint_files import SIZES, statistics_file, upstream_file, wan_shards, weights

from wamlab.nn.card import Variant, libero_card
from wamlab.nn.checkpoints import (
    RANDOM,
    Learned,
    continued,
    convert,
    open_checkpoint,
    read_manifest,
    save_folder,
    start_of,
)

CARD = libero_card(Variant.JOINT, action_shift=1.0, sizes=SIZES)
ROBOT = Learned(robot_actions=True, robot_video=True)


@pytest.fixture
def statistics(tmp_path):
    return statistics_file(tmp_path / "stats.json")


@pytest.fixture
def others(statistics, tmp_path):
    """Statistics of other data."""
    path = tmp_path / "others.json"
    path.write_bytes(statistics.read_bytes() + b"\n")
    return path


@pytest.fixture
def cold(statistics, tmp_path):
    folder = tmp_path / "cold"
    save_folder(folder, weights(), CARD, statistics, continued(RANDOM, ROBOT, statistics))
    return folder


def test_random_weights_are_not_pretrained(cold):
    history = read_manifest(cold).history

    assert (history.pretraining, history.training) == (Learned(), ROBOT)


def test_a_model_that_learned_other_data_before_is_pretrained_on_them(cold, others):
    actions = Learned(robot_actions=True)

    history = continued(start_of(open_checkpoint(cold)), actions, others)

    assert (history.pretraining, history.training) == (ROBOT, actions)


def test_going_on_with_the_same_data_is_no_pretraining(cold, statistics):
    history = continued(start_of(open_checkpoint(cold)), ROBOT, statistics)

    assert (history.pretraining, history.training) == (Learned(), ROBOT)


def test_what_came_before_pretraining_is_not_forgotten(cold, others, statistics, tmp_path):
    web = Learned(web_video=True)
    first = continued(start_of(open_checkpoint(cold)), web, others)
    save_folder(tmp_path / "second", weights(), CARD, others, first)

    history = continued(start_of(open_checkpoint(tmp_path / "second")), ROBOT, statistics)

    assert history.pretraining == ROBOT | web


def test_wans_transformer_saw_the_web(statistics, tmp_path):
    shards = open_checkpoint(wan_shards(tmp_path / "wan", weights()))

    history = continued(start_of(shards), ROBOT, statistics)

    assert history.pretraining == Learned(web_video=True)


def test_other_peoples_models_do_not_say(statistics, tmp_path):
    checkpoint = open_checkpoint(upstream_file(tmp_path / "model.pt", weights()), head_dim=8)

    assert continued(start_of(checkpoint), ROBOT, statistics) is None
    convert(checkpoint, tmp_path / "model", CARD, statistics=statistics)
    assert read_manifest(tmp_path / "model").history is None


def test_a_copy_in_another_number_format_keeps_its_history(cold, tmp_path):
    convert(open_checkpoint(cold), tmp_path / "copy", CARD)

    assert read_manifest(tmp_path / "copy").history == read_manifest(cold).history
