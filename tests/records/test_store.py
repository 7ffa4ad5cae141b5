import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, Outcome, Spent, StopReason
from wamlab.core.errors import StoreError
from wamlab.records.store import decode_record, encode_record, latest, load_run

KEY = EpisodeKey(benchmark="pointmass", suite="plane", task="reach", init=0)


def record(stop=StopReason.SUCCEEDED, **overrides):
    return EpisodeRecord(**(dict(key=KEY, policy="abc", stop=stop, num_steps=3) | overrides))


finite = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
names = st.text(min_size=1)
records = st.builds(
    EpisodeRecord,
    key=st.builds(
        EpisodeKey,
        benchmark=names,
        suite=names,
        task=names,
        init=st.integers(0, 99),
        seed=st.integers(0, 9),
        axis=names,
        severity=st.integers(0, 5),
    ),
    policy=names,
    stop=st.sampled_from(StopReason),
    num_steps=st.integers(0, 700),
    plan_ms=st.lists(finite).map(tuple),
    error=st.none() | st.text(),
    settled=st.none() | st.booleans(),
    trace=st.none() | names,
    video=st.none() | names,
    attempt=st.integers(1, 3),
    wall_s=finite,
    spent=st.lists(
        st.builds(
            Spent,
            work=names,
            num=st.integers(1, 700),
            wall_s=finite,
            cpu_s=finite,
            queued_s=st.none() | finite,
        )
    ).map(tuple),
)


@given(records)
def test_a_record_is_one_line_and_reads_back_exactly(record):
    line = encode_record(record)

    assert line.count(b"\n") == 1
    assert decode_record(line) == record


def test_a_record_of_another_version_is_refused():
    line = encode_record(record()).replace(b'"schema_version":1', b'"schema_version":99')

    with pytest.raises(StoreError, match="schema_version: got 99, expected 1"):
        decode_record(line)


def test_the_last_attempt_counts():
    first, second = record(StopReason.POLICY_ERROR), record(StopReason.SIMULATOR_ERROR, attempt=2)

    assert latest([first, second]) == {KEY: second}


def test_a_finished_record_replaces_an_error():
    error, finished = record(StopReason.POLICY_ERROR), record(StopReason.STEP_LIMIT, attempt=2)

    assert latest([error, finished]) == {KEY: finished}


@pytest.mark.parametrize("late", [StopReason.STEP_LIMIT, StopReason.SIMULATOR_ERROR])
def test_nothing_replaces_a_finished_record(late):
    finished = record(StopReason.SUCCEEDED)

    assert latest([finished, record(late, attempt=2)])[KEY].outcome is Outcome.SUCCESS


def test_a_record_from_before_films_of_the_imagined_has_none():
    line = encode_record(record()).replace(b'"imagined":null,', b"")

    found = decode_record(line)

    assert b"imagined" not in line
    assert found.imagined is None


def test_a_folder_without_run_json_is_no_run(tmp_path):
    with pytest.raises(StoreError, match=r"has no run\.json, expected a run folder"):
        load_run(tmp_path)


def test_a_damaged_run_json_is_named(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"name": "x"}))

    with pytest.raises(StoreError, match=r"run\.json: .* missing, expected"):
        load_run(tmp_path)
