import numpy as np
import pytest
from faulty import Fault, Trigger, policy_fault

from wamlab.core.episodes import Outcome, StopReason
from wamlab.engine.replay import replay
from wamlab.engine.run import evaluate
from wamlab.records.signals import load_signals
from wamlab.records.store import load_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that reads a camera, with one episode that ends because of a plan full of NaN."""
    folder = tmp_path_factory.mktemp("run")
    evaluate(policy_fault(Trigger(fault=Fault.NAN)), folder, workers=2)
    return load_run(folder)


def test_every_kind_of_ending_repeats_itself(run, tmp_path):
    again = {record.key: replay(run, record, tmp_path / "film.mp4") for record in run.records}

    stops = {record.stop for record in run.records}
    assert {StopReason.SUCCEEDED, StopReason.INVALID_PLAN} <= stops
    assert [str(key) for key, replayed in again.items() if not replayed.is_equal] == []


def test_an_error_is_not_taken_for_an_outcome(run):
    assert {record.outcome for record in run.records} <= {Outcome.SUCCESS, Outcome.FAILURE}


def test_signals_lead_from_the_first_state_to_the_last(run):
    record = next(record for record in run.records if record.stop is StopReason.SUCCEEDED)

    signals = load_signals(run.folder, record.key)

    moved = signals.state[-1] - signals.state[0]
    # float32 sums of at most 20 steps of less than 1 m
    np.testing.assert_allclose(moved, signals.actions.sum(axis=0), atol=1e-5)
