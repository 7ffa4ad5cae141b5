"""Pointmass and its controller with one planted fault each, for the fault matrix."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.config import build
from wamlab.core.errors import ConfigError
from wamlab.core.recipe import Run
from wamlab.core.types import ActionChunk
from wamlab.policies.seek import SeekPolicy

FOR_EVER_S = 3600.0
PLAIN_MASS = PointMass.Config(tasks=("reach", "corner"), num_inits=5)
PLAIN_POLICY = SeekPolicy.Config(noise_m=0.1, cameras=frozenset({"top"}))


class Fault(StrEnum):
    NONE = "none"
    DIES = "dies"
    HANGS = "hangs"
    RAISES = "raises"
    IS_REFUSED = "is_refused"
    NAN = "nan"
    TOO_WIDE = "too_wide"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """When the fault happens: in this episode at this control step; once if there is a mark.

    No init means all of the task.
    """

    fault: Fault = Fault.NONE
    task: str = "reach"
    init: int | None = 2
    step: int = 4
    mark: Path | None = None

    def fires(self, key, step):
        chosen = key.task == self.task and self.init in (None, key.init) and step == self.step
        if self.fault is Fault.NONE or not chosen:
            return False
        if self.mark is None:
            return True
        try:
            self.mark.touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def happen(self):
        match self.fault:
            case Fault.DIES:
                os.kill(os.getpid(), signal.SIGKILL)
            case Fault.HANGS:
                time.sleep(FOR_EVER_S)
            case Fault.RAISES:
                raise RuntimeError("planted")
            case Fault.IS_REFUSED:
                raise ConfigError("planted refusal")


class FaultyMass:
    """Pointmass whose simulator breaks in one control step, or cannot be built."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        inner: PointMass.Config = PLAIN_MASS
        trigger: Trigger = Trigger()
        while_building: bool = False
        step_s: float = 0.0

    def __init__(self, config):
        self.config = config
        self._inner = PointMass(config.inner)
        self.spec = self._inner.spec
        for name in ("episodes", "step_limit", "instruction", "fingerprint"):
            setattr(self, name, getattr(self._inner, name))

    def make_env(self, key):
        trigger = self.config.trigger
        if self.config.while_building and trigger.fires(key, trigger.step):
            trigger.happen()
        return FaultyEnv(self._inner.make_env(key), self.config)


class FaultyEnv:
    def __init__(self, inner, config):
        self._inner, self._config = inner, config

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def reset(self, key, sense):
        self._key, self._step = key, 0
        return self._inner.reset(key, sense)

    def step(self, action, sense):
        self._step += 1
        config = self._config
        if not config.while_building and config.trigger.fires(self._key, self._step):
            config.trigger.happen()
        time.sleep(config.step_s)
        return self._inner.step(action, sense)


class FaultyPolicy:
    """The controller of pointmass, which breaks in one plan and keeps a diary."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        inner: SeekPolicy.Config = PLAIN_POLICY
        trigger: Trigger = Trigger()
        diary: Path | None = None

    def __init__(self, config):
        self.config = config
        self._inner = build(config.inner)
        self.spec = self._inner.spec

    def begin(self, key):
        self._note("begin", key)

    def end(self, key):
        self._note("end", key)

    def plan(self, requests: Sequence):
        return [self._plan_one(request) for request in requests]

    def _plan_one(self, request):
        (chunk,) = self._inner.plan([request])
        trigger = self.config.trigger
        if not trigger.fires(request.key, request.observations[-1].step):
            return chunk
        trigger.happen()
        if trigger.fault is Fault.NAN:
            return ActionChunk(actions=np.full_like(chunk.actions, np.nan))
        return ActionChunk(actions=np.repeat(chunk.actions, 2, axis=1))  # TOO_WIDE

    def _note(self, what, key):
        if self.config.diary is not None:
            with self.config.diary.open("a") as diary:
                diary.write(f"{what} {key}\n")


def recipe(policy=None, benchmark=None) -> Run:
    """Two tasks, five starts each."""
    return Run(
        policy=policy or FaultyPolicy.Config(),
        benchmark=benchmark or FaultyMass.Config(),
        replan_every=4,
        name="faulty",
    )


def simulator_fault(trigger, **settings) -> Run:
    return recipe(benchmark=FaultyMass.Config(trigger=trigger, **settings))


def policy_fault(trigger, **settings) -> Run:
    return recipe(policy=FaultyPolicy.Config(trigger=trigger, **settings))


def slow() -> Run:
    """Long enough to be killed in the middle."""
    return simulator_fault(Trigger(), step_s=0.02)
