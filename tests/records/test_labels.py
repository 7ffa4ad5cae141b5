"""labels.jsonl: appended, never overwritten, and refused where it cannot be right."""

import json
import multiprocessing
from dataclasses import fields, replace

import pytest

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, StopReason
from wamlab.core.errors import ConfigError, StoreError
from wamlab.core.failures import Category, FailureMode, failure_mode
from wamlab.records.labels import (
    LABELS_FILE,
    Label,
    Reviewer,
    append_labels,
    decode_label,
    encode_labels,
    newest,
    parse_labels,
)

KEY = EpisodeKey(benchmark="libero", suite="libero_10", task="003", init=0)
FAILED, SECOND, SUCCEEDED, BROKEN = (replace(KEY, init=init) for init in range(4))
STOPS = {
    FAILED: StopReason.STEP_LIMIT,
    SECOND: StopReason.TERMINATED,
    SUCCEEDED: StopReason.SUCCEEDED,
    BROKEN: StopReason.POLICY_ERROR,
}
RECORDS = [EpisodeRecord(key=k, policy="p", stop=s, num_steps=9) for k, s in STOPS.items()]


def label(key=FAILED, mode="grasp_missed", by="anna", minute=0, **other):
    time = f"2026-11-26T09:{minute:02d}:00+00:00"
    return Label(key=key, labeller=by, time=time, mode=FailureMode(mode), **other)


def modes(folder):
    path = folder / LABELS_FILE
    read = parse_labels(path.read_bytes(), path, RECORDS)
    return {(k.init, by): one.mode.value for (k, by), one in newest(read).items()}


def test_a_label_survives_the_file():
    full = label(note="slid off \u2014 \u6ed1\u843d", reviewer=Reviewer.RULE)

    assert decode_label(encode_labels([full])) == full
    changed = [f.name for f in fields(Label) if getattr(full, f.name) != getattr(label(), f.name)]
    assert changed == ["note", "reviewer"]  # the others are not what a constructor fills in


def test_every_mode_has_a_category_a_code_and_a_rule():
    assert {mode.category for mode in FailureMode} == set(Category)
    assert len({mode.code for mode in FailureMode}) == len(FailureMode) == 30
    assert all(failure_mode(mode.code) is failure_mode(mode.value) is mode for mode in FailureMode)
    assert all(mode.about for mode in FailureMode)


def test_a_later_label_of_the_same_labeller_counts_and_the_earlier_one_stays(tmp_path):
    append_labels(tmp_path, [label(), label(by="bo", mode="stagnation")], RECORDS)
    before = (tmp_path / LABELS_FILE).read_bytes()

    append_labels(tmp_path, [label(mode="wrong_object", minute=5)], RECORDS)

    assert modes(tmp_path) == {(0, "anna"): "wrong_object", (0, "bo"): "stagnation"}
    assert (tmp_path / LABELS_FILE).read_bytes().startswith(before)


def test_the_time_decides_and_not_the_order_of_lines_or_zones():
    early = replace(label(mode="jitter"), time="2026-11-26T10:30:00+02:00")  # 08:30 UTC

    [chosen] = newest([label(minute=1), early]).values()

    assert chosen.mode is FailureMode.GRASP_MISSED


def test_of_equal_times_the_last_line_counts():
    [chosen] = newest([label(), label(mode="jitter")]).values()

    assert chosen.mode is FailureMode.JITTER


def test_what_is_already_said_is_not_said_again(tmp_path):
    append_labels(tmp_path, [label()], RECORDS)

    added = append_labels(tmp_path, [label(minute=9), label(SECOND)], RECORDS)

    assert [one.key for one in added] == [SECOND]
    assert len((tmp_path / LABELS_FILE).read_bytes().splitlines()) == 2


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (replace(KEY, init=9), "init09/seed0: is not in this run, expected one that failed"),
        (SUCCEEDED, "succeeded, expected a failure"),
        (BROKEN, r"ended in an error \(policy_error\), which says nothing"),
    ],
)
def test_only_failures_of_the_run_are_labelled(tmp_path, key, told):
    with pytest.raises(ConfigError, match=told):
        append_labels(tmp_path, [label(), label(key)], RECORDS)
    assert not (tmp_path / LABELS_FILE).exists()

    with pytest.raises(StoreError, match=f"line 2: .*{told}"):
        parse_labels(encode_labels([label(), label(key)]), tmp_path / LABELS_FILE, RECORDS)


def test_a_corrupt_line_is_named_and_the_rest_is_read_where_that_was_asked(tmp_path):
    content = encode_labels([label()]) + b'{"key": \n' + encode_labels([label(SECOND)])
    problems = []

    found = parse_labels(content, tmp_path / LABELS_FILE, RECORDS, problems)

    assert [one.key for one in found] == [FAILED, SECOND]
    assert len(problems) == 1
    assert problems[0].startswith("labels.jsonl, line 2: ")
    with pytest.raises(StoreError, match=r"line 2: .*mend or remove that line"):
        parse_labels(content, tmp_path / LABELS_FILE, RECORDS)


def test_an_unknown_mode_is_named_with_the_allowed_ones(tmp_path):
    line = encode_labels([label()]).replace(b"grasp_missed", b"clumsy")

    with pytest.raises(StoreError, match="line 1: mode: got 'clumsy', expected one of perception"):
        parse_labels(line, tmp_path / LABELS_FILE, RECORDS)
    with pytest.raises(ConfigError, match=r"no failure mode 'A99'.*Available: perception \(P\)"):
        failure_mode("A99")


def test_a_field_of_a_later_version_is_left_out_and_another_version_is_refused():
    data = json.loads(encode_labels([label()]))

    assert decode_label(json.dumps(data | {"span": [3, 9]}).encode()) == label()
    with pytest.raises(StoreError, match="schema_version: got 2, expected 1"):
        decode_label(json.dumps(data | {"schema_version": 2}).encode())


def test_a_last_line_without_its_end_stays_a_line_of_its_own(tmp_path):
    (tmp_path / LABELS_FILE).write_bytes(encode_labels([label()]).rstrip(b"\n"))

    append_labels(tmp_path, [label(SECOND)], RECORDS)

    assert modes(tmp_path) == {(0, "anna"): "grasp_missed", (1, "anna"): "grasp_missed"}


def test_nothing_is_added_behind_a_torn_line(tmp_path):
    torn = encode_labels([label()])[:40]
    (tmp_path / LABELS_FILE).write_bytes(torn)

    with pytest.raises(StoreError, match="line 1: "):
        append_labels(tmp_path, [label(SECOND)], RECORDS)

    assert (tmp_path / LABELS_FILE).read_bytes() == torn


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"by": " "}, "labeller: got ' ', expected a name"),
        ({"time": "yesterday"}, "time: got 'yesterday', expected ISO 8601"),
        ({"time": "2026-11-26T09:00:00"}, "with a time zone"),
    ],
)
def test_a_label_names_somebody_and_a_moment(changes, told):
    made = {"key": FAILED, "labeller": changes.get("by", "anna"), "mode": FailureMode.JITTER}
    with pytest.raises(ConfigError, match=told):
        Label(time=changes.get("time", "2026-11-26T09:00:00+00:00"), **made)


def _label_many(folder, by):
    for minute in range(40):
        mode = "jitter" if minute % 2 else "stagnation"
        append_labels(folder, [label(mode=mode, by=by, minute=minute)], RECORDS)


def test_two_people_label_one_run_at_the_same_time(tmp_path):
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_label_many, args=(tmp_path, by)) for by in ("anna", "bo")]

    for one in both:
        one.start()
    for one in both:
        one.join()

    path = tmp_path / LABELS_FILE
    assert [one.exitcode for one in both] == [0, 0]
    assert len(parse_labels(path.read_bytes(), path, RECORDS)) == 80
