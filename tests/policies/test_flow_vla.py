from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import tiny_statistics
from tiny_nano import tiny_nano_text_folder, tiny_nano_vae_folder
from tiny_wam import plane_card, tiny_wam_folder

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.contracts import check_policy, first_requests
from wamlab.core.errors import ConfigError
from wamlab.nn.card import Variant
from wamlab.nn.checkpoints import save_folder
from wamlab.nn.vla import model_of
from wamlab.policies.fast_wam import FastWam
from wamlab.policies.flow_vla import Computation, FlowVla

BENCHMARK = PointMass(PointMass.Config())
CARD = replace(plane_card(Variant.ACTION_ONLY), is_vla=True)
ATOL = 1e-5  # of normalised actions of size one; three float32 steps


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A VLA behind nano front ends, all with random weights."""
    path = tmp_path_factory.mktemp("vla") / "model"
    statistics = tiny_statistics(
        path.with_name("stats.json"), state_dim=2, action_dim=2, horizon=CARD.horizon
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = model_of(CARD)
    save_folder(path, model.state_dict(), CARD, statistics)
    tiny_nano_vae_folder(path / "vae")
    tiny_nano_text_folder(path / "text", CARD.sizes.text_dim)
    return path


def policy(folder, **settings):
    return FlowVla(FlowVla.Config(checkpoint=folder, **{"num_denoise_steps": 3, **settings}))


def plans(vla):
    requests = first_requests(vla, BENCHMARK, num_episodes=3)
    for request in requests:
        vla.begin(request.key)
    chunks = [vla.plan(requests) for _ in range(2)]
    for request in requests:
        vla.end(request.key)
    return chunks


def test_it_keeps_the_contract_of_policies(folder):
    check_policy(policy(folder), BENCHMARK)


def test_both_computations_plan_the_same(folder):
    (cached, _), (plain, _) = (
        plans(policy(folder, computation=computation)) for computation in Computation
    )

    for one, other in zip(cached, plain, strict=True):
        np.testing.assert_allclose(one.actions, other.actions, atol=ATOL)


def test_it_imagines_nothing(folder):
    chunks, _ = plans(policy(folder))

    assert all(chunk.imagined is None for chunk in chunks)


def test_noise_is_new_at_each_plan_and_the_same_in_each_run(folder):
    first, second = plans(policy(folder))
    again, _ = plans(policy(folder))

    assert not np.array_equal(first[0].actions, second[0].actions)
    assert np.array_equal(first[0].actions, again[0].actions)


def test_its_weights_have_a_name(folder, tmp_path):
    other = tiny_nano_vae_folder(tmp_path / "vae", seed=1)

    assert policy(folder).weights == policy(folder).weights
    assert policy(folder).weights != policy(folder, vae=other).weights


def test_a_world_action_model_is_refused(tmp_path):
    wam = tiny_wam_folder(tmp_path / "wam", plane_card(Variant.JOINT))

    with pytest.raises(ConfigError, match="joint world action model, expected a VLA"):
        policy(wam)


def test_the_other_policy_refuses_it_and_names_this_one(folder):
    with pytest.raises(ConfigError, match=r"is a VLA, .*use policy flow_vla"):
        FastWam(FastWam.Config(checkpoint=folder))


@pytest.mark.parametrize("name", ["num_denoise_steps", "max_batch"])
def test_counts_below_one_are_refused(folder, name):
    with pytest.raises(ConfigError, match=f"{name}: got 0, expected at least 1"):
        policy(folder, **{name: 0})
