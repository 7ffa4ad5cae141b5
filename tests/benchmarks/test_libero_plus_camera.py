"""Where agentview stands in all 10,030 tasks, against the official functions."""

import ast
import types

import numpy as np
import pytest

from wamlab.benchmarks.libero.edits import Pose, unit
from wamlab.benchmarks.libero_plus import package
from wamlab.benchmarks.libero_plus.camera import moved
from wamlab.core.errors import ConfigError

ARENA_OF = {
    "libero_spatial": "tabletop",
    "libero_goal": "tabletop",
    "libero_object": "floor",
    "KITCHEN": "kitchen_tabletop",
    "LIVING": "living_room_tabletop",
    "STUDY": "study_tabletop",
}


class Arena:
    """Takes what the official code says about a camera."""

    def __init__(self):
        self.poses = {}

    def set_camera(self, camera_name, pos, quat, **_):
        self.poses[camera_name] = Pose(tuple(pos), tuple(quat))


@pytest.fixture(scope="module")
def official():
    """Arena -> the official `_setup_camera`, run alone; and where the camera stands unmoved."""
    rotation = pytest.importorskip("scipy.spatial.transform").Rotation
    try:
        folder = package.package_root() / "envs" / "problems"
    except ConfigError as error:
        pytest.skip(str(error))
    found = {}
    for arena in set(ARENA_OF.values()):
        body = ast.parse((folder / f"libero_{arena}_manipulation.py").read_text("utf-8")).body
        functions = [node for node in body if isinstance(node, ast.FunctionDef)]
        first = next(node for node in body if isinstance(node, ast.ClassDef))
        (setup,) = [
            n for n in first.body if isinstance(n, ast.FunctionDef) and n.name == "_setup_camera"
        ]
        space = {"np": np, "Rotation": rotation}
        exec(compile(ast.Module([*functions, setup], []), arena, "exec"), space)
        constants = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in setup.body[:2]
            if isinstance(node, ast.Assign)
        }
        unmoved = Pose(tuple(constants["pos_av"]), tuple(unit(constants["quat_av"]).tolist()))
        found[arena] = space["_setup_camera"], unmoved
    return found


def official_pose(setup, view):
    """What the official code makes of the five numbers in a name."""
    arena = Arena()
    problem = types.SimpleNamespace(
        horizon_view=str(view.around_deg),
        vertical_view=str(view.up_deg),
        scale_factor=float(view.distance_percent / 100),
        end_point_rot=str(view.turn_deg),
        end_point_vertical=str(view.tilt_deg),
    )
    setup(problem, arena)
    return arena.poses["agentview"]


@pytest.mark.parametrize("suite", package.SUITES)
def test_agentview_stands_where_the_official_code_puts_it(official, suite):
    variants = package.variants(suite)
    arenas = [official[ARENA_OF.get(suite) or ARENA_OF[v.base.split("_")[0]]] for v in variants]

    wrong = [
        variant.name
        for variant, (setup, unmoved) in zip(variants, arenas, strict=True)
        if moved(unmoved, variant.view) != official_pose(setup, variant.view)
    ]

    assert wrong == []
