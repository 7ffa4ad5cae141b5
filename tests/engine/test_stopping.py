"""Runs that end early: in time, or because their question is decided."""

import pytest
from faulty import recipe, slow

from wamlab.core.episodes import in_random_order
from wamlab.core.errors import ConfigError
from wamlab.core.recipe import Run
from wamlab.engine.run import evaluate
from wamlab.engine.stopping import Stopping
from wamlab.records.store import load_run


def essences(folder):
    return {r.key: (r.stop, r.num_steps, r.trace) for r in load_run(folder).records}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    evaluate(recipe(), folder, workers=1)
    return essences(folder)


def test_a_run_ends_in_time_and_continues_later(whole, tmp_path):
    run: Run = slow()  # 3 s of sleep, and what processes need to start

    tally = evaluate(run, tmp_path / "run", workers=1, stopping=Stopping(within_s=1.5))

    assert tally.stopped == "out of time"
    assert tally.num_finished < len(whole)
    assert evaluate(run, tmp_path / "run", workers=2).stopped == ""
    assert essences(tmp_path / "run") == whole


def test_a_decided_run_stops_after_a_whole_part_drawn_by_lot(whole, tmp_path):
    looks = []

    def decided(records):
        looks.append(set(records))
        return len(looks) == 2

    tally = evaluate(
        recipe(), tmp_path / "run", workers=2, stopping=Stopping(num_looks=5, decided=decided)
    )

    order = in_random_order(list(whole))
    assert looks == [set(order[:2]), set(order[:4])]
    assert (tally.stopped, tally.num_finished, tally.num_total) == ("decided", 4, 10)


def test_parts_do_not_change_a_record(whole, tmp_path):
    tally = evaluate(recipe(), tmp_path / "run", workers=1, stopping=Stopping(num_looks=3))

    assert tally.stopped == ""
    assert essences(tmp_path / "run") == whole


def test_no_time_at_all_is_refused():
    with pytest.raises(ConfigError, match="within_s: got 0, expected more than 0"):
        Stopping(within_s=0)
