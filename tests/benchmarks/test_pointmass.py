import numpy as np
import pytest

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.errors import ConfigError
from wamlab.core.protocols import Sense


def test_config_decides_which_episodes_there_are():
    config = PointMass.Config(tasks=("reach", "edge"), num_inits=2, seeds=(0, 1))

    names = [str(key) for key in PointMass(config).episodes()]

    assert len(names) == 8
    assert names[-1] == "pointmass/plane/edge/init01/seed1"


def test_seeds_start_elsewhere():
    benchmark = PointMass(PointMass.Config(num_inits=1, seeds=(0, 1)))
    env = benchmark.make_env(benchmark.episodes()[0])

    first, second = (env.reset(key, Sense()).state for key in benchmark.episodes())

    assert not np.array_equal(first, second)


def test_the_camera_sees_the_point_and_the_target():
    benchmark = PointMass(PointMass.Config())
    key = benchmark.episodes()[0]
    env = benchmark.make_env(key)

    image = env.reset(key, Sense(cameras=frozenset({"top"}))).images["top"]

    colors = {tuple(color) for color in image.reshape(-1, 3)}
    assert {(255, 255, 255), (60, 200, 90)} <= colors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tasks": ("reech",)}, "no task 'reech'. Did you mean reach"),
        ({"num_inits": 0}, "num_inits: got 0, expected at least 1"),
        ({"step_limit": 0}, "step_limit: got 0, expected at least 1"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        PointMass.Config(**settings)
