"""Runs whose failures two people labelled, with an agreement that is known beforehand."""

from dataclasses import replace

import numpy as np
from run_folders import key, record, run_folder

from wamlab.core.episodes import Outcome
from wamlab.core.failures import FailureMode
from wamlab.records.labels import Label, append_labels
from wamlab.records.store import load_run

MODES = (FailureMode.GRASP_MISSED, FailureMode.STAGNATION, FailureMode.NO_APPROACH)
"""Of three categories: action error, timeout, perception."""
AGREEING = ((30, 3, 0), (2, 20, 0), (1, 0, 4))
"""First person's category down, second's across: 60 failures; kappa 0.8186 by hand:
observed 54 / 60, by chance (33 * 33 + 22 * 23 + 5 * 4) / 3600."""
DISAGREEING = ((12, 10, 5), (10, 10, 5), (5, 1, 2))
"""60 failures; kappa 0.04 by hand: 24 / 60 and (27 * 27 + 25 * 21 + 8 * 12) / 3600."""


def failed_and_not(num_failures, *, num_episodes=200, num_tasks=10, name="expert", shift=0):
    """Episodes of the Long suite; the failures are spread over all tasks.

    Args:
        shift: Where the first failure is, so that two rows do not fail on the same episodes.
    """
    failed = {(7 * i + shift) % num_episodes for i in range(num_failures)}
    assert len(failed) == num_failures
    return [
        record(
            key(i % num_tasks, i // num_tasks, "libero_10"),
            success=i not in failed,
            policy=f"{name}-digest",
        )
        for i in range(num_episodes)
    ]


def in_pairs(table):
    """The cells of a table one by one: (first, second), in an order that mixes them."""
    cells = [(a, b) for a, row in enumerate(table) for b, n in enumerate(row) for _ in range(n)]
    return [cells[i] for i in np.random.default_rng(0).permutation(len(cells))]


def labels_of(records, table, *, modes=MODES, people=("anna", "bo")):
    """Both people's labels of all failures, as the table says."""
    failures = [one for one in records if one.outcome is Outcome.FAILURE]
    made = []
    for one, both in zip(failures, in_pairs(table), strict=True):
        for name, index in zip(people, both, strict=True):
            made.append(label(one, name, modes[index]))
    return made


def label(failed, by, mode, **other):
    time = "2026-11-26T09:00:00+00:00"
    return Label(key=failed.key, labeller=by, time=time, mode=mode, **other)


def labelled_run(folder, table, *, name="expert", labels=None, num_episodes=200, shift=0, **other):
    """A run folder with labels, read again; `labels` in place of those of the table."""
    num_failures = sum(map(sum, table))
    records = failed_and_not(num_failures, name=name, num_episodes=num_episodes, shift=shift)
    run_folder(folder, records, name=name, **other)
    append_labels(folder, labels_of(records, table) if labels is None else labels, records)
    return load_run(folder)


def without_second_person(run):
    return replace(run, labels=tuple(one for one in run.labels if one.labeller == "anna"))
