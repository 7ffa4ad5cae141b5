import pickle

import pytest

from wamlab.core.episodes import EpisodeKey, Outcome, StopReason

KEY = EpisodeKey(benchmark="pointmass", suite="plane", task="reach", init=0)


def test_streams_are_stable_and_independent():
    assert KEY.rng("policy").integers(1 << 30) == KEY.rng("policy").integers(1 << 30)
    assert KEY.rng("policy").integers(1 << 30) != KEY.rng("init").integers(1 << 30)


def test_the_stream_of_a_name_never_changes():
    # A changed derivation would silently change every published result.
    assert KEY.rng("policy").integers(1 << 30) == 752247062


def test_an_unperturbed_episode_is_named_without_axis():
    assert str(KEY) == "pointmass/plane/reach/init00/seed0"


def test_a_slug_is_a_file_name():
    key = EpisodeKey(benchmark="a", suite="b", task="003", init=7, axis="camera", severity=2)

    assert key.slug == "a__b__003__init07__seed0__camera2"


def test_keys_cross_processes():
    assert pickle.loads(pickle.dumps(KEY)) == KEY


@pytest.mark.parametrize("stop", StopReason)
def test_only_what_says_nothing_about_the_policy_is_an_error(stop):
    assert (stop.outcome is Outcome.ERROR) == stop.value.endswith("_error")
