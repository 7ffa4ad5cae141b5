from pathlib import Path

import numpy as np
import pytest

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.contracts import first_requests
from wamlab.core.errors import ConfigError, ContractError
from wamlab.core.recipe import Run
from wamlab.engine.run import evaluate
from wamlab.policies.baselines import HoldPolicy, RandomPolicy, ReplayPolicy
from wamlab.policies.seek import SeekPolicy
from wamlab.records.store import load_run

BENCHMARK = PointMass.Config(num_inits=2)
ACTION = PointMass.spec.action


def plans(policy):
    requests = first_requests(policy, PointMass(BENCHMARK), num_episodes=2)
    return [chunk.actions for chunk in policy.plan(requests)]


def test_random_stays_within_its_scale_and_differs_between_episodes():
    first, second = plans(RandomPolicy(RandomPolicy.Config(action=ACTION, scale=0.5)))

    assert np.abs(first).max() <= 0.5
    assert not np.array_equal(first, second)


def test_hold_repeats_its_command():
    config = HoldPolicy.Config(action=ACTION, command=(0.5, -1.0), horizon=3)

    (first, _) = plans(HoldPolicy(config))

    np.testing.assert_array_equal(first, [[0.5, -1.0]] * 3)


def test_hold_refuses_a_command_of_another_width():
    with pytest.raises(ConfigError, match="command: got 3 numbers, expected 2"):
        HoldPolicy.Config(action=ACTION, command=(0, 0, 0))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A recorded run that reads no camera, so that its trace is one of states alone."""
    folder = tmp_path_factory.mktemp("recorded")
    policy = SeekPolicy.Config(noise_m=0.1)
    run = Run(policy=policy, benchmark=BENCHMARK, replan_every=4, name="seek")
    evaluate(run, folder, workers=1)
    return folder


def test_a_replay_is_the_same_episode(recorded, tmp_path):
    policy = ReplayPolicy.Config(run=recorded)
    run = Run(policy=policy, benchmark=BENCHMARK, replan_every=1, name="replay")

    evaluate(run, tmp_path, workers=1)

    def essences(folder):
        return {r.key: (r.stop, r.num_steps, r.trace) for r in load_run(folder).records}

    assert essences(tmp_path) == essences(recorded)


def test_a_replay_that_goes_on_after_the_recording_is_the_policys_failure(recorded):
    policy = ReplayPolicy(ReplayPolicy.Config(run=recorded))
    (request,) = first_requests(policy, PointMass(BENCHMARK), num_episodes=1)
    policy.begin(request.key)
    policy._recorded[request.key] = np.zeros((0, 2), np.float32)

    with pytest.raises(ContractError, match="has 0 actions, step 0 was asked for"):
        policy.plan([request])


def test_a_folder_without_signals_cannot_be_replayed(tmp_path):
    with pytest.raises(ConfigError, match="has no signals folder; name a recorded run"):
        ReplayPolicy.Config(run=Path(tmp_path))
