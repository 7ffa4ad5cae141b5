"""The nano models that come with the package: whole, small, and ready to plan."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wamlab.benchmarks.libero import Libero
from wamlab.core.episodes import EpisodeKey
from wamlab.core.protocols import PlanRequest
from wamlab.core.specs import check_fit
from wamlab.core.types import Observation
from wamlab.policies.fast_wam import FastWam
from wamlab.policies.flow_vla import FlowVla

HOME = Path(__file__).parents[2] / "src/wamlab/assets/nano"
MODELS = sorted(each.name for each in HOME.iterdir())
KEY = EpisodeKey(benchmark="libero", suite="libero_object", task="000", init=30)
MAX_BYTES = 12e6
NOT_PORTABLE = ("/home/", "/root/", "/work/", "/tmp/", "/Users/")


def policy_of(name):
    kind = FlowVla if name.startswith("flow_vla") else FastWam
    return kind(kind.Config(checkpoint=HOME / name, num_denoise_steps=2))


def request():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    state = np.array([0, 0, 0.2, 3.1, 0, 0, 0.04, -0.04], np.float32)
    observation = Observation(
        images={"agentview": image, "wrist": image},
        state=state,
        instruction="pick up the alphabet soup and place it in the basket",
        step=0,
    )
    return PlanRequest(key=KEY, observations=(observation,), executed=())


@pytest.mark.parametrize("name", MODELS)
def test_a_shipped_model_plans_for_libero(name):
    policy = policy_of(name)
    check_fit(policy.spec, Libero(Libero.Config(image_px=128)).spec, replan_every=8)

    policy.begin(KEY)
    (chunk,) = policy.plan([request()])

    assert chunk.actions.shape == (16, 7)
    assert np.isfinite(chunk.actions).all()


@pytest.mark.parametrize("name", MODELS)
def test_it_is_small_and_brings_its_curves_and_its_record(name):
    files = [each for each in (HOME / name).rglob("*") if each.is_file()]
    record = (HOME / name / "training/training.json").read_text()
    curve = (HOME / name / "training/curves.jsonl").read_text().splitlines()

    assert sum(each.stat().st_size for each in files) < MAX_BYTES
    assert not [place for place in NOT_PORTABLE if place in record]
    assert len(curve) >= json.loads(record)["config"]["num_steps"]


def test_those_of_the_demo_are_there_and_see_with_the_same_eyes():
    eyes = {(HOME / name / "vae/model.safetensors").read_bytes() for name in MODELS}

    assert {"flow_vla", "action_only", "joint", "idm"} <= set(MODELS)
    assert len(eyes) == 1


def test_without_noise_two_episodes_that_look_alike_get_the_same_plan():
    seen = request()
    plans = {}
    for noise in (0.0, 1.0):
        config = FlowVla.Config(
            checkpoint=HOME / "flow_vla", num_denoise_steps=2, action_noise=noise
        )
        policy = FlowVla(config)
        others = [replace(seen, key=replace(KEY, init=init)) for init in (30, 31)]
        for one in others:
            policy.begin(one.key)
        plans[noise] = [chunk.actions for chunk in policy.plan(others)]

    np.testing.assert_allclose(*plans[0.0], atol=1e-5)
    assert np.abs(plans[1.0][0] - plans[1.0][1]).max() > 0.05
