"""wamlab label: one label, or a table of them."""

import csv
import shutil

import pytest

from wamlab.core.episodes import Outcome
from wamlab.records.labels import LABELS_FILE
from wamlab.records.store import load_run


@pytest.fixture
def failing(wamlab, tmp_path):
    """A run in which nothing succeeds: 9 failures."""
    code, _, err = wamlab(
        "eval", "recipes.quickstart:hold", "--out", tmp_path / "run", "--workers", "1",
        "--set", "benchmark.num_inits=3",
    )  # fmt: skip
    assert code == 0, err
    return tmp_path / "run"


def test_a_label_is_appended_and_counted(wamlab, failing):
    code, out, _ = wamlab(
        "label", failing, "corner/init01", "T1", "--by", "anna", "--note", "rests"
    )

    [label] = load_run(failing).labels
    assert code == 0
    assert "stagnation (timeout)  anna" in out
    assert "anna has labelled 1 of 9 failures" in out
    assert (label.labeller, label.mode, label.note) == ("anna", "stagnation", "rests")
    assert str(label.key) == "pointmass/plane/corner/init01/seed0"


def test_a_table_of_labels_is_taken_whole_and_once(wamlab, failing, tmp_path):
    table = tmp_path / "labels.csv"
    keys = [str(record.key) for record in load_run(failing).records]
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["episode", "mode", "labeller", "note"])
        rows.writerows([key, "T", "bo" if i else "", "a, b"] for i, key in enumerate(keys))

    first = wamlab("label", failing, "--csv", table, "--by", "anna", "--reviewer", "ai")
    again = wamlab("label", failing, "--csv", table, "--by", "anna", "--reviewer", "ai")

    labels = load_run(failing).labels
    assert (first[0], again[0]) == (0, 0)
    assert "9 of 9 were there already" in again[1]
    assert sorted(label.labeller for label in labels) == ["anna", *["bo"] * 8]
    assert {(label.reviewer, label.note) for label in labels} == {("ai", "a, b")}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("episode\n", "has no column 'mode'"),
        ("episode,mode,colour\n", "no column 'colour'"),
        ("episode,mode\ncorner/init01,T1\ncorner/init02,T9\n", "line 3: no failure mode 'T9'"),
        ("episode,mode\ncorner/init01,T1\ncorner/init02\n", "line 3: got another number of cells"),
        ("episode,mode,reviewer\ncorner/init01,T1,robot\n", "line 2: no reviewer 'robot'"),
        ("episode,mode,time\ncorner/init01,T1,noon\n", "line 2: time: got 'noon'"),
    ],
)
def test_a_table_with_one_bad_line_adds_nothing(wamlab, failing, tmp_path, rows, told):
    table = tmp_path / "labels.csv"
    table.write_text(rows)

    code, _, err = wamlab("label", failing, "--csv", table, "--by", "anna")

    assert code == 2
    assert told in err
    assert not (failing / LABELS_FILE).exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("corner/init01", "T1"), "expected RUN EPISODE MODE --by NAME"),
        (("corner/init01", "T1", "--csv", "a.csv"), "expected one of both"),
        (("--csv", "nowhere.csv", "--by", "anna"), "expected a CSV file in UTF-8"),
        (("init", "T1", "--by", "anna"), "is part of 9 names, expected one"),
        (("corner/init01", "clumsy", "--by", "anna"), "no failure mode 'clumsy'"),
        (("corner/init01", "T1", "--by", "anna", "--reviewer", "dog"), "invalid choice"),
    ],
)
def test_a_wrong_request_is_refused(wamlab, failing, arguments, told):
    code, _, err = wamlab("label", failing, *arguments)

    assert code == 2
    assert told in err


def test_a_success_and_a_bundle_get_no_label(wamlab, seek_run, tmp_path):
    won = next(r for r in load_run(seek_run).records if r.outcome is Outcome.SUCCESS)
    run = shutil.copytree(seek_run, tmp_path / "run")
    wamlab("bundle", run, "--out", tmp_path / "run.wamlab.zip")

    success = wamlab("label", run, won.key, "T1", "--by", "anna")
    bundle = wamlab("label", tmp_path / "run.wamlab.zip", won.key, "T1", "--by", "anna")

    assert (success[0], bundle[0]) == (2, 2)
    assert "succeeded, expected a failure" in success[2]
    assert "a bundle is not changed" in bundle[2]


def test_modes_are_listed_with_what_they_mean(wamlab):
    code, out, _ = wamlab("list", "failure-modes")

    assert code == 0
    assert "grasp_missed          A1  action_error: closes without getting hold" in out
