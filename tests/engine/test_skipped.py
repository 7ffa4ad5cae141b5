from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.episodes import EpisodeKey
from wamlab.engine.run import skipped_by


def key(init):
    return EpisodeKey(benchmark="pointmass", suite="plane", task="reach", init=init)


class Half(PointMass):
    """Two episodes run here; two want something."""

    def episodes(self):
        return [key(0), key(1)]

    def skipped(self):
        return {key(init): "needs the pack" for init in (2, 3)}


def test_what_cannot_run_is_named_by_what_is_missing():
    found = skipped_by(Half(PointMass.Config()))

    assert found == {"needs the pack": (str(key(2)), str(key(3)))}


def test_what_ran_while_it_was_there_is_not_left_out():
    found = skipped_by(Half(PointMass.Config()), recorded=[key(0), key(2)])

    assert found == {"needs the pack": (str(key(3)),)}
