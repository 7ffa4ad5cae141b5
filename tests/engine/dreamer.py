"""A policy of pointmass that imagines: exactly what will happen, or that nothing moves."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from wamlab.benchmarks.pointmass import IMAGE_PX, PointMass
from wamlab.core.config import build
from wamlab.core.protocols import Sense
from wamlab.core.recipe import Run
from wamlab.core.types import CameraBox
from wamlab.policies.seek import SeekPolicy

CAMERAS = frozenset({"top"})
BOX = CameraBox(camera="top", top=0, left=0, height=IMAGE_PX, width=IMAGE_PX)
MASS = PointMass.Config(num_inits=3)


class Dreamer:
    """Seeks the target; its own copy of the simulator is its world model."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        """Settings.

        Attributes:
            num_frames: Imagined frames of a plan, the observed one included.
            every: Control steps between two of them.
            sees_motion: Whether it imagines what will happen, or that nothing moves.
            camera: Which camera it says it imagines.
        """

        inner: SeekPolicy.Config = SeekPolicy.Config(cameras=CAMERAS)  # noqa: RUF009 - frozen
        num_frames: int = 5
        every: int = 1
        sees_motion: bool = True
        camera: str = "top"

    def __init__(self, config):
        self.config = config
        self._inner = build(config.inner)
        self.spec = replace(self._inner.spec, imagines=True)
        self._worlds = {}

    def begin(self, key):
        self._worlds[key] = PointMass(MASS).make_env(key)
        self._worlds[key].reset(key, Sense())

    def end(self, key):
        del self._worlds[key]

    def plan(self, requests: Sequence):
        return [self._plan_one(request) for request in requests]

    def _plan_one(self, request):
        (chunk,) = self._inner.plan([request])
        world = self._worlds[request.key]
        for action in request.executed:
            world.step(action, Sense())
        dream = deepcopy(world)
        frames = [request.observations[-1].images["top"]]
        for action in chunk.actions:
            seen = dream.step(action, Sense(cameras=CAMERAS)).observation.images["top"]
            frames.append(seen if self.config.sees_motion else frames[0])
        return replace(
            chunk,
            imagined=np.stack(frames[:: self.config.every][: self.config.num_frames]),
            imagined_every=self.config.every,
            imagined_layout=(BOX._replace(camera=self.config.camera),),
        )


def dreaming(*, replan_every=4, save_imagined=True, **policy) -> Run:
    return Run(
        policy=Dreamer.Config(**policy),
        benchmark=MASS,
        replan_every=replan_every,
        name="dreamer",
        save_imagined=save_imagined,
    )
