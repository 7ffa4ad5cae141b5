from dataclasses import replace

import numpy as np
import pytest
from toy_world import ToyWorld

from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError, ContractError
from wamlab.core.protocols import PlanRequest
from wamlab.core.types import Observation
from wamlab.policies.experts import Fault, ScriptedExpert

KEY = EpisodeKey(benchmark="toy", suite="toy", task="000", init=0)


def request(world, step, key=KEY):
    observation = Observation(
        images={},
        state=np.zeros(8, np.float32),
        instruction="put the can on the plate",
        step=step,
        scene=world.scene(with_layout=step == 0),
    )
    return PlanRequest(key=key, observations=(observation,), executed=())


def play(policy, world, num_steps=200, key=KEY):
    """Actions of one episode, float32, shape (num_steps, 7)."""
    policy.begin(key)
    actions = []
    for step in range(num_steps):
        chunk = policy.plan([request(world, step, key)])[0]
        actions.append(chunk.actions[0])
        world.step(actions[-1])
    policy.end(key)
    return np.array(actions)


def distance_to_plate(world):
    return np.linalg.norm((world.objects["can_1"] - world.objects["plate_1"])[:2])


def test_the_expert_solves_the_task_and_then_rests_with_an_open_hand():
    world = ToyWorld()

    actions = play(ScriptedExpert(ScriptedExpert.Config()), world)

    assert distance_to_plate(world) < 0.01
    np.testing.assert_array_equal(actions[-10:], [[0, 0, 0, 0, 0, 0, -1]] * 10)
    assert np.abs(actions).max() <= 1.0


def test_episodes_in_one_batch_do_not_disturb_each_other():
    policy = ScriptedExpert(ScriptedExpert.Config())
    other_key = replace(KEY, init=1)
    alone = play(policy, ToyWorld(), num_steps=60)
    worlds = [ToyWorld(), ToyWorld(goals=(("on", "black_bowl_2", "plate_1"),))]
    keys = [KEY, other_key]

    together = []
    for key in keys:
        policy.begin(key)
    for step in range(60):
        pairs = zip(worlds, keys, strict=True)
        chunks = policy.plan([request(world, step, key) for world, key in pairs])
        for world, chunk in zip(worlds, chunks, strict=True):
            world.step(chunk.actions[0])
        together.append(chunks[0].actions[0])

    np.testing.assert_array_equal(np.array(together), alone)


def test_asking_again_for_the_same_step_changes_nothing():
    policy, world = ScriptedExpert(ScriptedExpert.Config()), ToyWorld()
    policy.begin(KEY)
    policy.plan([request(world, 0)])

    first = policy.plan([request(world, 1)])[0].actions
    again = policy.plan([request(world, 1)])[0].actions

    np.testing.assert_array_equal(first, again)


def test_an_observation_without_scene_is_refused():
    policy = ScriptedExpert(ScriptedExpert.Config())
    policy.begin(KEY)
    asked = request(ToyWorld(), 0)
    blind = replace(asked, observations=(replace(asked.observations[0], scene=None),))

    with pytest.raises(ContractError, match="no scene"):
        policy.plan([blind])


def test_varied_episodes_depend_on_their_key_alone():
    config = ScriptedExpert.Config(speed=(0.6, 1.0), grasp_temperature=0.3, waypoint_noise_m=0.01)
    first = play(ScriptedExpert(config), ToyWorld())
    again = play(ScriptedExpert(config), ToyWorld())
    other = play(ScriptedExpert(config), ToyWorld(), key=replace(KEY, seed=1))

    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_an_expert_that_closes_on_air_goes_on_and_solves_the_task():
    world = ToyWorld()
    gripper = play(ScriptedExpert(ScriptedExpert.Config(miss_rate=1.0)), world, 300)[:, 6]

    closings = int((np.diff(gripper) > 0).sum())
    assert closings == 2
    assert distance_to_plate(world) < 0.01


def test_a_grasp_that_was_meant_to_miss_and_holds_is_kept():
    world = ToyWorld()
    config = ScriptedExpert.Config(miss_rate=1.0, miss_aside_m=0.002, miss_height_m=(0.0, 0.002))
    gripper = play(ScriptedExpert(config), world, 300)[:, 6]

    closings = int((np.diff(gripper) > 0).sum())
    assert closings == 1
    assert distance_to_plate(world) < 0.01


@pytest.mark.parametrize(
    ("fault", "magnitude"),
    [
        (Fault.OFFSET_GRASP, 0.04),
        (Fault.EARLY_RELEASE, 12),
        (Fault.WRONG_OBJECT, None),
        (Fault.WRONG_PLACE, 0.1),
        (Fault.FREEZING, 15),
        (Fault.OSCILLATION, 15),
        (Fault.SLOW, 0.1),
    ],
)
def test_a_faulty_expert_does_not_bring_the_can_to_the_plate(fault, magnitude):
    world = ToyWorld()

    play(ScriptedExpert(ScriptedExpert.Config(fault=fault, magnitude=magnitude)), world)

    assert distance_to_plate(world) > 0.05


def test_the_wrong_object_is_the_most_similar_one():
    world = ToyWorld(goals=(("on", "black_bowl_1", "plate_1"),))

    play(ScriptedExpert(ScriptedExpert.Config(fault=Fault.WRONG_OBJECT)), world)

    assert np.linalg.norm((world.objects["black_bowl_2"] - world.objects["plate_1"])[:2]) < 0.01


def test_a_partial_expert_leaves_out_the_last_goal():
    goals = (("on", "can_1", "plate_1"), ("on", "black_bowl_1", "desk_region"))
    world = ToyWorld(goals=goals)
    untouched = world.objects["black_bowl_1"].copy()

    play(ScriptedExpert(ScriptedExpert.Config(fault=Fault.PARTIAL)), world, num_steps=400)

    assert distance_to_plate(world) < 0.01
    np.testing.assert_array_equal(world.objects["black_bowl_1"], untouched)


def test_the_magnitude_sets_when_the_expert_freezes():
    config = ScriptedExpert.Config(fault=Fault.FREEZING, magnitude=20)

    actions = play(ScriptedExpert(config), ToyWorld())

    assert np.abs(actions[19, :6]).max() > 0
    assert np.abs(actions[20:, :6]).max() == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"speed": (0.0, 1.0)}, "speed: got"),
        ({"speed": (1.0, 0.5)}, "speed: got"),
        ({"waypoint_noise_m": -0.1}, "waypoint_noise_m: got -0.1, expected 0 or more"),
        ({"miss_rate": 1.5}, "miss_rate: got 1.5, expected 0 to 1"),
        ({"miss_aside_m": -0.1}, "miss_aside_m: got -0.1, expected 0 or more"),
        ({"miss_height_m": (0.1, 0.05)}, r"miss_height_m: got \(0.1, 0.05\), expected 0 <= lowest"),
        ({"magnitude": 0.03}, "without a fault; name one of offset_grasp"),
        ({"fault": Fault.SLOW, "magnitude": 0.0}, "expected more than 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        ScriptedExpert.Config(**settings)
