"""A cabinet of boxes: the bottom drawer is open, a bowl stands in it, a handle overhangs."""

import numpy as np
import pytest
from toy_world import box, ring

from wamlab.core.scene import Scene, SceneLayout
from wamlab.policies.experts.articulated import drawer, is_open, opening, out_of_drawer
from wamlab.policies.experts.view import View

REGION = "cab_1_bottom_region"
PARTS = (  # body, half sizes, centre; the drawer opens along -y and its front is at y = -0.12
    ("cab_1_base", (0.10, 0.10, 0.002), (0.0, 0.10, 0.20)),
    ("cab_1_cabinet_top", (0.04, 0.01, 0.01), (0.0, -0.01, 0.15)),  # handle, reaches y = -0.02
    ("cab_1_cabinet_bottom", (0.10, 0.003, 0.03), (0.0, -0.117, 0.05)),  # front
    ("cab_1_cabinet_bottom", (0.04, 0.008, 0.008), (0.0, -0.140, 0.05)),  # handle
    ("cab_1_cabinet_bottom", (0.10, 0.07, 0.003), (0.0, -0.05, 0.02)),  # floor
)


def view_with(bowl_y, drawer_q=-0.15):
    bodies = ("world", "cab_1_base", "cab_1_cabinet_top", "cab_1_cabinet_bottom", "bowl_1")
    shapes = [box(np.array(half)) for _, half, _ in PARTS] + [ring(0.04, 0.05)]
    centres = [centre for *_, centre in PARTS] + [(0.0, bowl_y, 0.025)]
    layout = SceneLayout(
        bodies=bodies,
        parent=np.array([0, 0, 1, 1, 0]),
        joints=("cab_1_bottom_level",),
        joint_body=np.array([3]),
        sites=(REGION,),
        geom_body=np.array([*(bodies.index(name) for name, *_ in PARTS), 4]),
        geom_box=np.zeros((6, 6)),
        geom_vertices=tuple(shapes),
        objects={"cab_1": 1, "bowl_1": 4},
        goals=(),
    )
    pos = np.zeros((5, 3))
    pos[4] = (0.0, bowl_y, 0.025)
    eye = np.tile(np.eye(3), (6, 1, 1))
    return View(
        Scene(
            layout=layout,
            body_pos=pos,
            body_rot=eye[:5],
            geom_pos=np.array(centres),
            geom_rot=eye,
            site_pos=np.array([[0.0, -0.05, 0.05]]),
            site_rot=eye[:1],
            joint_anchor=np.zeros((1, 3)),
            joint_q=np.array([drawer_q]),
            contacts=np.zeros((0, 2), np.int64),
        )
    )


def test_the_handle_is_what_sticks_out_most():
    found = drawer(view_with(-0.05), REGION)

    np.testing.assert_allclose(found.bar, (0.0, -0.140, 0.05))
    np.testing.assert_allclose(found.outward, (0, -1, 0))


def test_a_drawer_is_open_from_ten_centimetres_on():
    assert is_open(view_with(-0.05), REGION)
    assert not is_open(view_with(-0.05, drawer_q=-0.05), REGION)


def test_the_way_down_is_between_the_upper_handle_and_the_front():
    way = opening(view_with(-0.05), REGION)

    # from the region at y = -0.05 outwards: the handle ends at -0.02, the front begins at -0.114
    assert way.inner == pytest.approx(-0.03)
    assert way.outer == pytest.approx(0.064)


def test_an_object_below_the_handle_is_moved_out_before_it_is_lifted():
    shift = out_of_drawer(view_with(-0.05), "bowl_1")

    # its rim is at y = -0.01, 10 mm below the handle, and 8 mm are kept
    np.testing.assert_allclose(shift, (0, -0.018, 0), atol=1e-9)


def test_it_is_not_moved_through_the_front():
    view = view_with(-0.07)

    shift = out_of_drawer(view, "bowl_1")

    assert view.points("bowl_1")[:, 1].min() + shift[1] >= -0.114 - 1e-9


def test_an_object_elsewhere_is_not_moved():
    np.testing.assert_array_equal(out_of_drawer(view_with(-0.5), "bowl_1"), np.zeros(3))
