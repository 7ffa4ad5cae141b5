"""Samples, second passes, budgets and early stopping, from the command line."""

import json

import pytest

from wamlab.records.store import load_run

SEEK, HOLD = "recipes.quickstart:seek", "recipes.quickstart:hold"


def keys(folder):
    return {record.key for record in load_run(folder).records}


def test_a_sample_is_the_same_for_every_policy_and_grows(wamlab, tmp_path):
    wamlab("eval", SEEK, "--sample", "10%", "--out", tmp_path / "seek")
    wamlab("eval", HOLD, "--sample", "10%", "--out", tmp_path / "hold")
    small = keys(tmp_path / "seek")

    wamlab("eval", SEEK, "--sample", "30%", "--out", tmp_path / "seek")

    assert len(small) == 6
    assert keys(tmp_path / "hold") == small < keys(tmp_path / "seek")
    assert load_run(tmp_path / "seek").info.sample == 0.3


def test_a_second_pass_is_counted(wamlab, tmp_path):
    sample = ("--sample", "50%", "--second-pass", "20%")

    _, out, _ = wamlab("eval", SEEK, *sample, "--json", "--out", tmp_path)

    assert json.loads(out)["num_total"] == 30 + 6
    assert sum(record.repeats is not None for record in load_run(tmp_path).records) == 6


def test_a_rate_of_different_kinds_of_episodes_is_not_printed(wamlab, tmp_path):
    sample = ("--sample", "50%", "--second-pass", "20%")

    _, mixed, _ = wamlab("eval", SEEK, *sample, "--out", tmp_path / "mixed")
    _, plain, _ = wamlab("eval", SEEK, "--sample", "50%", "--out", tmp_path / "plain")

    assert mixed.startswith("seek  36 of 36 episodes  errors 0\nundisturbed")
    assert "second pass  83.3 % [43.6, 97.0] of 6 end alike" in mixed
    assert plain.startswith("seek  76.7 % [59.1, 88.2]  23/30  errors 0")


def test_a_budget_says_what_it_can_show_before_it_runs(wamlab, tmp_path):
    code, _, err = wamlab("eval", SEEK, "--budget", "10min", "--out", tmp_path)

    assert code == 0
    assert "budget: measures 8 episodes first" in err
    assert "budget: 60 of 60 episodes, about 0:0" in err
    assert "  all              60 episodes  2" in err  # pp, by Connor's formula
    assert len(keys(tmp_path)) == 60


def test_a_budget_too_small_for_an_episode_is_refused(wamlab, tmp_path):
    wamlab("eval", SEEK, "--sample", "20%", "--out", tmp_path)

    code, _, err = wamlab("eval", SEEK, "--budget", "0.0001s", "--out", tmp_path)

    assert code == 2
    assert "expected time for one episode at least" in err


def test_parts_of_several_machines_merge_into_the_whole(wamlab, tmp_path):
    sample = ("--sample", "50%", "--second-pass", "20%")
    for part in ("1/2", "2/2"):
        wamlab("eval", SEEK, *sample, "--part", part, "--out", tmp_path / f"m{part[0]}")
    wamlab("eval", SEEK, *sample, "--out", tmp_path / "whole")
    bundle = tmp_path / "all.wamlab.zip"

    code, _, _ = wamlab("merge", tmp_path / "m1", tmp_path / "m2", "--out", bundle)

    def traces(path):
        return {record.key: record.trace[:16] for record in load_run(path).records}

    assert code == 0
    assert abs(len(traces(tmp_path / "m1")) - 18) <= 1
    assert traces(bundle) == traces(tmp_path / "whole")
    assert load_run(bundle).info.num_episodes == 36


def test_a_run_stops_once_it_is_decided(wamlab, tmp_path):
    wamlab("eval", HOLD, "--out", tmp_path / "hold")

    decided = ("--stop-when-decided", tmp_path / "hold")
    code, out, _ = wamlab("eval", SEEK, *decided, "--out", tmp_path / "seek")

    assert code == 0
    assert "stopped, decided:" in out
    assert "evidence of a difference" in out
    assert 6 <= len(keys(tmp_path / "seek")) < 60


def test_a_run_that_nothing_tells_apart_is_run_whole(wamlab, tmp_path):
    wamlab("eval", HOLD, "--out", tmp_path / "one")

    decided = ("--stop-when-decided", tmp_path / "one")
    _, out, _ = wamlab("eval", HOLD, *decided, "--out", tmp_path / "two")

    assert "stopped" not in out
    assert "+0.0 pp over 60 of 60 shared episodes" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sample", "0"], "sample: got 0 %, expected more than 0"),
        (["--sample", "120%"], "expected a number from 0 to 100"),
        (["--twins"], "twins: these episodes are not disturbed"),
        (["--budget", "soon"], "got 'soon', expected a time such as 2h, 90min or 45s"),
        (["--budget", "1h", "--only", "*init00*"], "--budget plans a sample of the whole"),
        (["--budget", "1h", "--part", "1/2"], "leave out --only and --part"),
        (["--part", "3/2"], "part: got 3/2, expected 1/2 to 2/2"),
        (["--part", "half"], "got 'half', expected K/N, e.g. 2/4"),
        (["--stop-when-decided", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_what_cannot_be_sampled_is_refused(wamlab, tmp_path, arguments, message):
    code, _, err = wamlab("eval", SEEK, *arguments, "--out", tmp_path)

    assert code == 2
    assert message in err
