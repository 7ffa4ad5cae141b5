"""Runs of several labs put together."""

from dataclasses import replace
from pathlib import Path

import pytest
from run_folders import FINGERPRINT, key, loaded, record
from statsmodels.stats.contingency_tables import mcnemar

from wamlab.core.episodes import StopReason
from wamlab.core.errors import ConfigError
from wamlab.core.failures import FailureMode
from wamlab.records.bundles import load_bundle, write_bundle
from wamlab.records.gathered import How
from wamlab.records.labels import Label
from wamlab.report.pooling import pool
from wamlab.stats.heterogeneity import heterogeneity

OUT = Path("all.wamlab.zip")


def rows(outcomes, inits, num_tasks=4, trace="a"):
    """One record for each task and initial state; `outcomes` is repeated as needed."""
    cells = [(task, init) for task in range(num_tasks) for init in inits]
    return [
        record(
            key(task, init),
            success=bool(outcomes[i % len(outcomes)]),
            trace=f"{trace}{task}{init}" + "0" * 20,
        )
        for i, (task, init) in enumerate(cells)
    ]


@pytest.fixture
def lab(tmp_path):
    def make(name, records, **changes):
        return loaded(tmp_path / name, records, policy="expert-digest", **changes)

    return make


def test_labs_with_different_episodes_are_added_up(lab):
    runs = lab("a", rows([1, 1, 0], range(5))), lab("b", rows([1, 0], range(5, 9)))

    found = pool(runs, OUT)

    assert len(found.run.records) == 20 + 16
    assert (found.overlaps, found.num_twice) == ((), 0)
    assert {r.source for r in found.run.records} == {"a", "b"}
    assert found.run.info.gathered.how is How.POOLED
    assert [(s.name, s.num_episodes) for s in found.run.info.gathered.sources] == [
        ("a", 20),
        ("b", 16),
    ]
    assert len(found.run.info.sessions) == 2


def test_the_test_is_of_the_labs_own_counts_by_task(lab):
    ours, theirs = rows([1, 1, 0], range(6)), rows([1, 0], range(6, 12))
    counts = {
        f"{task:03d}": [
            (sum(r.settled is True for r in part), len(part))
            for records in (ours, theirs)
            if (part := [r for r in records if r.key.task == f"{task:03d}"])
        ]
        for task in range(4)
    }

    found = pool((lab("a", ours), lab("b", theirs)), OUT)

    assert found.test == heterogeneity(counts)


def test_second_passes_are_kept_and_enter_no_test(lab):
    ours, theirs = rows([1, 1, 0], range(5)), rows([1, 0], range(5, 9))
    again = [replace(r, key=replace(r.key, seed=1), repeats=r.key) for r in ours]

    found = pool((lab("a", ours + again), lab("b", theirs + again)), OUT)

    assert found.test == pool((lab("c", ours), lab("d", theirs)), OUT).test
    assert found.overlaps == ()
    assert found.run.info.num_repeats == 20
    assert len(found.run.records) == 20 + 16 + 20


def test_an_episode_of_two_labs_counts_once(lab):
    runs = lab("a", rows([1, 1, 0], range(5))), lab("b", rows([1, 1, 0], range(5)))

    found = pool(runs, OUT)

    (overlap,) = found.overlaps
    assert (overlap.num_episodes, overlap.num_identical, overlap.disagreeing) == (20, 20, ())
    assert (len(found.run.records), found.num_twice) == (20, 20)
    assert found.run.info.gathered.remarks == ()


def test_a_rerun_that_ends_differently_is_reported(lab):
    ours, theirs = rows([1], range(5)), rows([1, 1, 1, 1, 0], range(5), trace="b")

    found = pool((lab("a", ours), lab("b", theirs)), OUT)

    (overlap,) = found.overlaps
    assert overlap.num_identical == 0
    assert overlap.disagreeing == tuple(r.key for r in theirs if r.settled is None)
    assert overlap.p_value == pytest.approx(mcnemar([[16, 4], [0, 0]], exact=True).pvalue)
    assert all(r.stop is StopReason.SUCCEEDED for r in found.run.records)  # those of lab a
    assert found.run.info.gathered.remarks == (
        "a and b disagree on 4 of 20 episodes that both ran",
    )


def test_an_error_of_one_lab_is_replaced_by_the_other(lab):
    ours = rows([1], range(2))
    failed = replace(ours[0], stop=StopReason.SIMULATOR_ERROR, settled=None)

    found = pool((lab("a", [failed, *ours[1:]]), lab("b", ours[:1])), OUT)

    assert found.overlaps == ()
    assert {r.source for r in found.run.records if r.key == failed.key} == {"b"}


def test_a_bundle_agrees_with_its_run(lab, tmp_path):
    run = lab("a", rows([1, 0, 1], range(5)))
    write_bundle(run, tmp_path / "b.wamlab.zip")

    (overlap,) = pool((run, load_bundle(tmp_path / "b.wamlab.zip")), OUT).overlaps

    assert (overlap.second, overlap.num_identical, overlap.disagreeing) == ("b", 20, ())


def test_a_pool_can_be_pooled_and_remembers_its_labs(lab, tmp_path):
    first = pool((lab("a", rows([1], [0])), lab("b", rows([0], [1]))), tmp_path / "ab.wamlab.zip")
    write_bundle(first.run, tmp_path / "ab.wamlab.zip")

    found = pool((load_bundle(tmp_path / "ab.wamlab.zip"), lab("c", rows([1, 0], [2]))), OUT)

    assert {name: len(records) for name, records in found.labs.items()} == {"a": 4, "b": 4, "c": 4}


def test_unknown_initial_states_of_two_labs_are_different_episodes(lab):
    unknown = [replace(r, key=replace(r.key, init=-1 - r.key.init)) for r in rows([1], range(3))]

    found = pool((lab("a", unknown), lab("b", unknown)), OUT)

    assert (len(found.run.records), found.overlaps) == (24, ())
    assert len({r.key for r in found.run.records}) == 24


OTHER = FINGERPRINT | {"renderer": "egl"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fingerprint": OTHER}, "renderer: a: osmesa, b: egl"),
        ({"config": {"replan_every": 8, "check_settled": True}}, "replan_every: a: 5, b: 8"),
    ],
)
def test_another_protocol_is_refused_and_both_are_named(lab, changes, message):
    runs = lab("a", rows([1], [0])), lab("b", rows([1], [1]), **changes)
    with pytest.raises(ConfigError, match=f"no one rate to pool:\n  {message}"):
        pool(runs, OUT)


def test_another_checkpoint_is_refused_and_both_are_named(tmp_path):
    runs = [loaded(tmp_path / n, rows([1], [0]), policy=f"{n}-weights") for n in ("a", "b")]
    with pytest.raises(ConfigError, match="policy: a: a-weights, b: b-weights"):
        pool(runs, OUT)


def test_other_step_limits_are_refused(lab):
    long = [replace(r, num_steps=600) for r in rows([0], [1])]
    with pytest.raises(ConfigError, match="step limit of libero_spatial"):
        pool((lab("a", rows([0], [0])), lab("b", long)), OUT)


def test_what_may_differ_is_named_and_kept(lab):
    runs = lab("a", rows([1], [0])), lab("b", rows([1], [1]), fingerprint=OTHER)

    found = pool(runs, OUT, allow=["renderer"])

    assert found.differences == ("renderer: a: osmesa, b: egl",)
    assert found.run.info.fingerprint["renderer"] == "osmesa; egl"


def test_labs_need_names_of_their_own(tmp_path):
    runs = [
        loaded(tmp_path / place / "run", rows([1], [0]), policy="expert-digest")
        for place in ("a", "b")
    ]
    with pytest.raises(ConfigError, match="'run' is the name of another run or lab too"):
        pool(runs, OUT)


def test_one_run_is_no_pool(lab):
    with pytest.raises(ConfigError, match="got 1 run, expected two or more"):
        pool([lab("a", rows([1], [0]))], OUT)


def test_a_label_goes_with_the_attempt_that_counts(lab):
    def labelled(run, by):
        failed = [r for r in run.records if r.stop is StopReason.STEP_LIMIT]
        time = "2026-11-26T09:00:00+00:00"
        return replace(
            run,
            labels=tuple(
                Label(key=r.key, labeller=by, time=time, mode=FailureMode.SLOW) for r in failed
            ),
        )

    ours = labelled(lab("a", rows([0], range(2), num_tasks=1)), "anna")
    unknown = record(key(1, -1), success=False)
    theirs = labelled(lab("b", [*rows([0], range(1, 3), num_tasks=1), unknown]), "bo")
    third = labelled(lab("c", [unknown]), "cy")

    found = pool([ours, theirs, third], OUT).run

    counted = {(label.key.task, label.key.init, label.labeller) for label in found.labels}
    # State 1 of task 000 counts by lab a alone; states that nobody knows are two episodes.
    assert counted == {
        ("000", 0, "anna"), ("000", 1, "anna"), ("000", 2, "bo"),
        ("001", -1, "bo"), ("001", -2, "cy"),
    }  # fmt: skip
