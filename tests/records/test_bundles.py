"""Bundles: the whole run in one small file, or an error."""

import io
import json
import zipfile
from dataclasses import fields, replace
from hashlib import sha256
from typing import get_args

import numpy as np
import pytest

from wamlab.core.config import field_types
from wamlab.core.episodes import EpisodeKey, EpisodeRecord, StopReason
from wamlab.core.errors import ConfigError, StoreError
from wamlab.core.failures import FailureMode
from wamlab.core.specs import PolicySpec
from wamlab.records.bundles import (
    COMMENT,
    COMMENT_BYTES,
    encode_bundle,
    load_bundle,
    records_digest,
    write_bundle,
)
from wamlab.records.gathered import Gathered, How, Source
from wamlab.records.labels import Label
from wamlab.records.machine import Code, Machine
from wamlab.records.store import LoadedRun, RunInfo, Session, load_run

MACHINE = Machine(cpu="cpu", cores=2, memory_gb=8.0, gpu=None, system="Linux", python="3.11")
SESSION = Session(
    started="2026-11-24T17:14:11+00:00",
    argv=("wamlab", "eval"),
    workers=2,
    code=Code(commit=None, dirty=False, packages={"numpy": "2"}),
    machine=MACHINE,
)
INFO = RunInfo(
    name="seek",
    recipe="recipes.quickstart:seek",
    digest="0123456789ab",
    policy="ba9876543210",
    config={"replan_every": 4},
    spec=PolicySpec(cameras=frozenset({"top"}), state=(), action=(), horizon=8),
    fingerprint={"renderer": "osmesa"},
    num_episodes=4,
    control_hz=20.0,
    sessions=(SESSION,),
)
KEY = EpisodeKey(benchmark="libero", suite="libero_10", task="003", init=7)
FULL = EpisodeRecord(
    key=replace(KEY, axis="camera", severity=3, seed=2),
    policy="ba9876543210",
    stop=StopReason.SIMULATOR_ERROR,
    num_steps=12,
    plan_ms=(1234.5, 20.14, 0.5),
    forward_ms=(1200.4, 19.96, 0.25),
    error='ValueError: a "quoted", broken\nline',
    settled=False,
    trace=sha256(b"a").hexdigest(),
    attempt=2,
    wall_s=3.25,
    source="lab A",
    twin=KEY,
    instruction="put the bowl, gently, on the plate",
    repeats=replace(KEY, axis="camera", severity=3),
)
BARE = EpisodeRecord(
    key=replace(KEY, init=-1), policy="unknown", stop=StopReason.FAILED, num_steps=None
)


def loaded(*records, info=INFO):
    return LoadedRun(folder=None, info=info, records=records)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run.wamlab.zip"
    write_bundle(loaded(FULL, BARE), path)
    return path


def test_every_field_but_films_comes_back(path):
    bare, full = load_bundle(path).records

    assert bare == BARE
    rounded = {"plan_ms": (1230.0, 20.1, 0.5), "forward_ms": (1200.0, 20.0, 0.25)}
    assert full == replace(FULL, trace=FULL.trace[:16], **rounded)


SAMPLES = {bool: True, int: 7, float: 2.5, str: "words", EpisodeKey: KEY}
SAMPLES[StopReason] = StopReason.TERMINATED


@pytest.mark.parametrize("name", [field.name for field in fields(EpisodeRecord)])
def test_no_field_of_a_record_is_forgotten(tmp_path, name):
    kinds = get_args(field_types(EpisodeRecord)[name]) or (field_types(EpisodeRecord)[name],)
    left_out = {"queued_ms", "video", "imagined", "spent"}
    if name in {"key", "schema_version", "plan_ms", "forward_ms"} | left_out:
        return  # the same in all records, rounded, or left out on purpose

    record = replace(BARE, **{name: SAMPLES[kinds[0]]})
    write_bundle(loaded(record), tmp_path / "a.zip")

    assert load_bundle(tmp_path / "a.zip").records == (record,)


def test_the_run_comes_back(path):
    assert load_bundle(path).info == INFO


def test_where_records_were_gathered_comes_back(tmp_path):
    source = Source(name="eval_info.json", digest="ab", num_episodes=1)
    gathered = Gathered(
        how=How.IMPORTED, harness="lerobot", sources=(source,), unknown=("init",), remarks=("a",)
    )
    info = replace(INFO, spec=None, control_hz=None, sessions=(), gathered=gathered)
    write_bundle(loaded(BARE, info=info), tmp_path / "a.zip")

    assert load_bundle(tmp_path / "a.zip").info == info


def test_load_run_opens_a_bundle(path):
    assert load_run(path) == load_bundle(path)


def test_equal_runs_give_equal_bytes_in_any_order():
    assert encode_bundle(loaded(FULL, BARE)) == encode_bundle(loaded(BARE, FULL))


def test_a_bundle_of_a_bundle_is_the_same(path):
    assert encode_bundle(load_bundle(path)) == path.read_bytes()


def test_the_digest_is_of_the_outcomes():
    other = replace(BARE, stop=StopReason.SUCCEEDED)

    assert records_digest([FULL, BARE]) == records_digest([BARE, FULL])
    assert records_digest([FULL, BARE]) != records_digest([FULL, other])


def test_any_program_can_read_it(path):
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        table = archive.read("episodes.csv").decode().splitlines()

        assert archive.testzip() is None
        for name, digest in manifest["sha256"].items():
            assert sha256(archive.read(name)).hexdigest() == digest
    assert table[0].startswith("benchmark,suite,task,init,seed,axis,severity,policy,stop,num_steps")
    assert table[1].startswith("libero,libero_10,003,-1,0,none,0,unknown,failed,")


def test_no_changed_byte_goes_unnoticed(path):
    content = path.read_bytes()
    num = len(content)
    for position in {*range(60), *range(60, num, 29), *range(num - COMMENT_BYTES - 22, num)}:
        changed = bytes([content[position] ^ 1])
        path.write_bytes(content[:position] + changed + content[position + 1 :])
        with pytest.raises(StoreError, match=r"run\.wamlab\.zip: "):
            load_bundle(path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_that_was_cut_off_is_refused(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])

    with pytest.raises(StoreError, match=r"is no bundle|cut off"):
        load_bundle(path)


def test_another_archive_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("episodes.csv", "a,b")

    with pytest.raises(StoreError, match="another zip archive"):
        load_bundle(tmp_path / "a.zip")


def repacked(path, name, change):
    """A bundle whose file `name` was changed by somebody who also mended the checksum."""
    with zipfile.ZipFile(path) as archive:
        files = {other: archive.read(other) for other in archive.namelist()}
    files[name] = change(files[name])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for other, content in files.items():
            archive.writestr(other, content)
        archive.comment = b" " * COMMENT_BYTES
    before = buffer.getvalue()[:-COMMENT_BYTES]
    path.write_bytes(before + COMMENT + sha256(before).hexdigest().encode())


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("manifest.json", b'"version": 1', b'"version": 2', "bundle of version 2, expected 1"),
        ("episodes.csv", b"failed", b"faild", "'faild' is not a valid StopReason"),
        ("episodes.csv", b"num_steps", b"steps", "no column 'steps'"),
        ("episodes.csv", b"error,", b"video,", "no column 'video'"),
        ("plan_ms.csv", b"\n", b"", "shorter"),
        ("run.json", b'"digest"', b'"dgest"', "no setting 'dgest'"),
    ],
)
def test_what_it_cannot_mean_is_named(path, name, old, new, message):
    repacked(path, name, lambda content: content.replace(old, new, 1))

    with pytest.raises(StoreError, match=message):
        load_bundle(path)


def test_a_file_that_would_fill_the_memory_is_refused(path, monkeypatch):
    monkeypatch.setattr("wamlab.records.bundles.MAX_BYTES", 1000)
    with pytest.raises(StoreError, match="unpacks to"):
        load_bundle(path)


def test_a_run_without_episodes_is_refused():
    with pytest.raises(ConfigError, match="has no episode yet"):
        encode_bundle(loaded())


def test_forty_thousand_episodes_fit_into_two_megabytes():
    rng = np.random.default_rng(0)
    num = 4_000  # a tenth of both
    succeeded = rng.random(num) < 0.6
    steps = np.where(succeeded, np.clip(rng.gamma(9, 14, num), 20, 219).astype(int), 300)
    records = []
    for index in range(num):
        suite, rest = divmod(index, 1_000)
        key = EpisodeKey(
            benchmark="libero_plus",
            suite=f"suite_{suite}",
            task=f"{rest // 4:05d}",
            init=rest % 4,
            axis="camera",
            severity=1 + rest % 5,
        )
        records.append(
            EpisodeRecord(
                key=key,
                policy="ba9876543210",
                stop=StopReason.SUCCEEDED if succeeded[index] else StopReason.STEP_LIMIT,
                num_steps=int(steps[index]),
                plan_ms=tuple(200 * rng.lognormal(0, 0.06, -(-steps[index] // 10))),
                trace=sha256(str(index).encode()).hexdigest(),
                wall_s=float(0.05 * steps[index] * rng.lognormal(0, 0.05)),
            )
        )

    content = encode_bundle(loaded(*records))

    assert len(content) < 200_000


def test_labels_of_failures_come_back_in_whatever_order_they_were_given(tmp_path):
    failed = [replace(BARE, key=replace(KEY, init=init)) for init in (1, 2)]
    labels = [
        Label(key=one.key, labeller=by, time=f"2026-11-26T09:0{i}:00+00:00", mode=mode, note=by)
        for i, (one, by, mode) in enumerate(
            [(failed[1], "bo", FailureMode.JITTER), (failed[0], "anna", FailureMode.SLOW),
             (failed[0], "anna", FailureMode.COLLISION)]
        )
    ]  # fmt: skip
    run = replace(loaded(*failed), labels=tuple(labels))

    write_bundle(run, tmp_path / "a.zip")
    write_bundle(replace(run, labels=(labels[1], labels[0], labels[2])), tmp_path / "b.zip")

    assert load_bundle(tmp_path / "a.zip").labels == (labels[1], labels[2], labels[0])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_bundle_without_labels_has_no_file_of_them(path):
    assert "labels.jsonl" not in zipfile.ZipFile(path).namelist()
