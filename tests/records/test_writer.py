import os
import subprocess
import sys
from dataclasses import replace

import pytest

from wamlab.core.episodes import EpisodeKey, EpisodeRecord, StopReason
from wamlab.core.errors import ConfigError, StoreError
from wamlab.core.specs import PolicySpec
from wamlab.records.machine import Code, Machine
from wamlab.records.store import RunInfo, Session, encode_record, load_run
from wamlab.records.writer import RunStore

CONFIG = {"policy": {"class": "a:A", "config": {"gain": 0.5}}, "replan_every": 4}


def record(init, stop=StopReason.SUCCEEDED):
    key = EpisodeKey(benchmark="pointmass", suite="plane", task="reach", init=init)
    return EpisodeRecord(key=key, policy="abc", stop=stop, num_steps=3)


def info(**overrides):
    machine = Machine(cpu="c", cores=2, memory_gb=8.0, gpu=None, system="s", python="3.11")
    code = Code(commit=None, dirty=False, packages={"numpy": "2.0"})
    session = Session(started="2026-01-01", argv=("x",), workers=1, code=code, machine=machine)
    values = dict(
        name="seek",
        recipe="recipes.quickstart:seek",
        digest="d",
        policy="p",
        config=CONFIG,
        spec=PolicySpec(cameras=frozenset({"top"}), state=(), action=(), horizon=8),
        fingerprint={"mujoco": "3.3.2"},
        num_episodes=2,
        control_hz=10.0,
        sessions=(session,),
    )
    return RunInfo(**(values | overrides))


def test_what_is_appended_is_there_when_the_folder_is_opened_again(tmp_path):
    with RunStore(tmp_path) as store:
        store.append(record(0))
        store.append(record(1))

    with RunStore(tmp_path) as store:
        assert list(store.records.values()) == [record(0), record(1)]
        assert store.repaired_bytes == 0


@pytest.mark.parametrize("num_kept", [1, 20, -1])
def test_a_torn_last_line_is_cut_off(tmp_path, num_kept):
    path = tmp_path / "episodes.jsonl"
    torn = encode_record(record(1))[:num_kept]
    path.write_bytes(encode_record(record(0)) + torn)

    with RunStore(tmp_path) as store:
        store.append(record(2))

    assert store.repaired_bytes == len(torn)
    assert path.read_bytes() == encode_record(record(0)) + encode_record(record(2))


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    (tmp_path / "episodes.jsonl").write_bytes(b"{}\n" + encode_record(record(0)))

    with pytest.raises(StoreError, match=r"episodes\.jsonl, line 1: schema_version"):
        RunStore(tmp_path)


def test_a_second_writer_is_refused(tmp_path):
    with RunStore(tmp_path), pytest.raises(ConfigError, match=f"process {os.getpid()} is writing"):
        RunStore(tmp_path)


def test_the_lock_ends_with_its_process(tmp_path):
    code = f"""
import os
from pathlib import Path
from wamlab.records.writer import RunStore
store = RunStore(Path({str(tmp_path)!r}))
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)

    with RunStore(tmp_path) as store:
        assert store.records == {}


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=r"cannot be written .*name another folder with --out"):
        RunStore(tmp_path / "file" / "run")


def test_the_run_is_described_once_and_its_sessions_add_up(tmp_path):
    with RunStore(tmp_path) as store:
        store.check_config(CONFIG)
        store.describe(info())
    with RunStore(tmp_path) as store:
        store.check_config(CONFIG)
        store.describe(info())

    loaded = load_run(tmp_path).info
    assert len(loaded.sessions) == 2
    assert replace(loaded, sessions=loaded.sessions[:1]) == info()


def test_every_setting_that_differs_is_named(tmp_path):
    with RunStore(tmp_path) as store:
        store.describe(info())

    other = {"policy": {"class": "a:A", "config": {"gain": 0.7}}, "replan_every": 5}
    with RunStore(tmp_path) as store, pytest.raises(ConfigError) as caught:
        store.check_config(other)

    assert "policy.gain: 0.5 there, 0.7 now" in str(caught.value)
    assert "replan_every: 4 there, 5 now" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fingerprint": {"mujoco": "3.4.0"}}, "mujoco: '3.3.2' there, '3.4.0' now"),
        ({"policy": "other"}, "policy digest: 'p' there, 'other' now"),
    ],
)
def test_other_weights_or_another_simulator_are_refused(tmp_path, change, message):
    with RunStore(tmp_path) as store:
        store.describe(info())

    with RunStore(tmp_path) as store, pytest.raises(ConfigError, match=message):
        store.describe(info(**change))


def test_records_without_settings_are_refused(tmp_path):
    (tmp_path / "episodes.jsonl").write_bytes(encode_record(record(0)))

    message = r"has no run\.json beside its records"
    with RunStore(tmp_path) as store, pytest.raises(ConfigError, match=message):
        store.check_config(CONFIG)


def test_a_short_write_leaves_whole_lines(tmp_path, monkeypatch):
    with RunStore(tmp_path) as store:
        store.append(record(0))
        write = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:10]))

        with pytest.raises(StoreError, match="No space left on device"):
            store.append(record(1))

    assert (tmp_path / "episodes.jsonl").read_bytes() == encode_record(record(0))
