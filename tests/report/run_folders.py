"""Run folders as wamlab eval leaves them, made without running anything."""

import json
from dataclasses import replace

import numpy as np

from wamlab.core.config import to_json
from wamlab.core.episodes import EpisodeKey, EpisodeRecord, StopReason
from wamlab.core.specs import PolicySpec
from wamlab.records.machine import Code, Machine
from wamlab.records.store import RECORDS_FILE, RUN_FILE, RunInfo, Session, encode_record, load_run

LIMITS = {"libero_spatial": 220, "libero_object": 280, "libero_goal": 300, "libero_10": 520}
FINGERPRINT = {
    "mujoco": "3.3.2",
    "renderer": "osmesa",
    "fixtures": "episode",
    "protocol": "openpi",
    "settle_steps": "10",
}
MACHINE = Machine(
    cpu="AMD EPYC", cores=2, memory_gb=16.0, gpu=None, system="Linux", python="3.11.7"
)
INFO = RunInfo(
    name="expert",
    recipe="recipes.libero:expert",
    digest="0123456789ab",
    policy="",
    config={"replan_every": 5, "check_settled": True},
    spec=PolicySpec(cameras=frozenset(), state=(), action=(), horizon=8),
    fingerprint=FINGERPRINT,
    num_episodes=0,
    control_hz=20.0,
    sessions=(
        Session(
            started="2026-11-24T17:14:11+00:00",
            argv=("wamlab", "eval", "recipes.libero:expert"),
            workers=2,
            code=Code(commit="fbd9f5e5ab2e99bd4f49ecb167f8f73cda4faf79", dirty=False, packages={}),
            machine=MACHINE,
        ),
    ),
)


def key(task=0, init=0, suite="libero_spatial", **other):
    return EpisodeKey(benchmark="libero", suite=suite, task=f"{task:03d}", init=init, **other)


def record(where, *, success, steps=100, policy="expert-digest", **other):
    stop = StopReason.SUCCEEDED if success else StopReason.STEP_LIMIT
    fields = {"stop": stop, "settled": True if success else None} | other
    num_steps = steps if success else LIMITS[where.suite]
    return EpisodeRecord(key=where, policy=policy, num_steps=num_steps, **fields)


def episodes(rates, *, name="expert", num_tasks=10, num_inits=50, limits=LIMITS, settles=0.97):
    """Random episodes with those success rates; tasks differ, and so do initial states.

    Args:
        rates: Suite -> success rate.
    """
    rng = np.random.default_rng(sum(map(ord, name)))
    made = []
    for suite, rate in rates.items():
        hardness = np.random.default_rng(0).normal(size=(num_tasks, num_inits))
        for task in range(num_tasks):
            share = np.clip(rate + rng.normal(scale=0.1 * rate * (1 - rate) ** 0.5), 0, 1)
            # A shared difficulty of each initial state correlates the policies, as in reality.
            luck = hardness[task] + rng.normal(size=num_inits)
            bar = np.quantile(luck, share) if share > 0 else -np.inf
            for init in range(num_inits):
                success = bool(luck[init] <= bar)
                steps = int(np.clip(rng.gamma(9, limits[suite] / 22), 20, limits[suite]))
                where = key(task, init, suite)
                held = bool(rng.random() < settles) if success else None
                made.append(
                    record(
                        where, success=success, steps=steps, policy=f"{name}-digest", settled=held
                    )
                )
    return made


def run_folder(folder, records, *, name="expert", num_missing=0, **changes):
    """Writes a run folder with those records and returns its path."""
    folder.mkdir(parents=True)
    fields = {"name": name, "policy": f"{name}-digest", "num_episodes": len(records) + num_missing}
    info = replace(INFO, **(fields | changes))
    (folder / RUN_FILE).write_text(json.dumps(to_json(info)))
    (folder / RECORDS_FILE).write_bytes(b"".join(map(encode_record, records)))
    return folder


def loaded(folder, records, **options):
    return load_run(run_folder(folder, records, **options))
