"""The study of pretraining: what differs between its rows is what its claims name."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from recipes import libero_plus, nano, pretraining

from wamlab.benchmarks.libero_plus import LiberoPlus
from wamlab.engine.perturbing import Perturbed
from wamlab.engine.selection import Selection, choose
from wamlab.nn.checkpoints import read_manifest
from wamlab.records.registration import read_registration, unregistered

REGISTERED = Path(__file__).parents[2] / "docs/registered"


def test_a_pretrained_model_differs_from_a_cold_one_in_where_it_starts():
    for cold, warm, scenes in (
        (nano.action_only(), pretraining.pretrained_action_only(), "scenes_action_only"),
        (nano.joint(), pretraining.pretrained_joint(), "scenes_joint"),
    ):
        assert warm.objective.start is not None
        assert warm.objective.start.parent.name == scenes
        assert hasattr(pretraining, scenes)
        back = replace(warm, name=cold.name, objective=replace(warm.objective, start=None))
        assert back == cold


def test_a_longer_model_differs_from_a_pretrained_one_in_where_it_starts():
    for longer, warm, cold in (
        (pretraining.longer_action_only(), pretraining.pretrained_action_only(), "action_only"),
        (pretraining.longer_joint(), pretraining.pretrained_joint(), "joint"),
    ):
        start = longer.objective.start
        assert read_manifest(start).card == warm.objective.card
        assert cold == start.name
        same = replace(longer.objective, start=warm.objective.start)
        assert replace(longer, name=warm.name, objective=same) == warm


def test_randomised_scenes_keep_away_from_the_states_that_are_reported_on():
    keys = Perturbed(pretraining.randomised_scenes().benchmark).episodes()

    assert len(keys) == 200
    assert max(key.init for key in keys) < nano.FIRST_WATCHED_INIT


@pytest.mark.parametrize("design", [pretraining.study(), pretraining.scenes_or_steps()])
def test_what_is_asked_is_still_what_was_registered(design):
    registered = read_registration(REGISTERED / f"{design.name}.json")

    assert registered.digest == unregistered(design).digest


def test_the_planned_sample_has_the_registered_number_of_episodes():
    benchmark = LiberoPlus(libero_plus.nano_wam().benchmark)

    keys = choose(benchmark, Selection(sample=0.2)).keys

    num = Counter(key.axis for key in keys if key.axis in pretraining.AXES)
    assert num.total() == pretraining.NUM_EPISODES
    assert all(num[axis] >= 70 for axis in ("camera", "robot", "language", "noise"))
