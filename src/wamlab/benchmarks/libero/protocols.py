"""How each published source evaluates on LIBERO, as data.

Sources: openpi examples/libero/main.py (commit 15a9616); FastWAM experiments/libero and
sim_libero.yaml (commit 45d8e14); LeRobot envs/libero.py. A step limit counts control steps
after settling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SUITE_SIZES: Mapping[str, int] = MappingProxyType(
    {
        "libero_spatial": 10,
        "libero_object": 10,
        "libero_goal": 10,
        "libero_10": 10,
        "libero_90": 90,
    }
)
STANDARD_SUITES = ("libero_spatial", "libero_object", "libero_goal", "libero_10")
NUM_INITS = 50
CONTROL_HZ = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One way of evaluating.

    Attributes:
        settle_steps: Idle control steps before the policy sees its first observation;
            the initial states hold every object a few centimetres in the air.
        step_limits: Suite -> control steps after which the episode has failed.
        replan_every: Actions executed per chunk in the source; a recipe may differ.
        image_px: Height and width of both cameras.
        rotated: Whether images are the renderer's raw rows turned by 180 degrees, which shows
            the scene upright but left-right mirrored. All released checkpoints were trained
            on that view; False gives the true view.
    """

    settle_steps: int
    step_limits: Mapping[str, int]
    replan_every: int
    image_px: int = 256
    rotated: bool = True


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "openpi": Protocol(
            settle_steps=10,
            step_limits={
                "libero_spatial": 220,
                "libero_object": 280,
                "libero_goal": 300,
                "libero_10": 520,
                "libero_90": 400,
            },
            replan_every=5,
        ),
        "fast_wam": Protocol(
            settle_steps=30,
            step_limits={
                "libero_spatial": 400,
                "libero_object": 400,
                "libero_goal": 400,
                "libero_10": 700,
                "libero_90": 700,
            },
            replan_every=10,
        ),
        "lerobot": Protocol(
            settle_steps=10,
            step_limits={
                "libero_spatial": 280,
                "libero_object": 280,
                "libero_goal": 300,
                "libero_10": 520,
                "libero_90": 400,
            },
            replan_every=10,
            image_px=360,
        ),
    }
)
