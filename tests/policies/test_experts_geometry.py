import numpy as np
import pytest

from wamlab.policies.experts.geometry import (
    UP,
    Boxes,
    about,
    angle_between,
    downward,
    folded,
    overlapping,
    rotation_vector,
    tilted,
    yaw_of,
)


def cube(centre, rot=None, half=(0.5, 0.5, 0.5)):
    axes = np.eye(3) if rot is None else rot
    return Boxes(np.array([centre], float), axes[None], np.array([half], float))


@pytest.mark.parametrize("angle", [1e-9, 0.3, 1.5, 3.0])
def test_a_rotation_vector_gives_back_axis_and_angle(angle):
    axis = np.array([0.6, 0.0, 0.8])

    vector = rotation_vector(about(axis, angle))

    # arccos loses half of the digits near zero
    np.testing.assert_allclose(vector, angle * axis, atol=1e-6)


def test_a_downward_hand_points_down_and_opens_where_it_is_told():
    rot = downward((3.0, 4.0))

    np.testing.assert_allclose(rot[:, 0], (0.6, 0.8, 0), atol=1e-12)
    np.testing.assert_allclose(rot[:, 2], -UP, atol=1e-12)
    assert np.linalg.det(rot) == pytest.approx(1.0)


def test_opposite_opening_directions_are_the_same_grasp():
    assert yaw_of((0.3, 0.8)) == pytest.approx(yaw_of((-0.3, -0.8)))
    np.testing.assert_allclose(folded((0.3, 0.8)), folded((-0.3, -0.8)), atol=1e-12)


@pytest.mark.parametrize("angle", np.linspace(0, 2 * np.pi, 25))
def test_folding_keeps_the_line_and_avoids_the_wrist_limit(angle):
    opening = np.array([np.cos(angle), np.sin(angle)])

    kept = folded(opening)

    assert abs(kept @ opening) == pytest.approx(1.0)
    assert np.radians(-75) - 1e-9 <= yaw_of(kept) < np.radians(105) + 1e-9
    np.testing.assert_allclose(downward(kept)[:2, 0], kept, atol=1e-12)


def test_a_tilted_hand_points_against_outward():
    outward = np.array([1.0, 0.0, 0.0])

    rot = tilted((0, 1), outward, np.radians(60))

    np.testing.assert_allclose(rot[:, 2], (-np.sqrt(3) / 2, 0, -0.5), atol=1e-12)
    assert angle_between(downward((0, 1)), rot) == pytest.approx(np.radians(60))


def test_the_overlap_is_exact_where_corners_pass_edges():
    turned = about(UP, np.pi / 4)
    touching = 0.5 + np.sqrt(0.5)  # half a side plus half a diagonal

    near = overlapping(cube((0, 0, 0)), cube((touching - 1e-3, 0, 0), turned), 0.0)
    far = overlapping(cube((0, 0, 0)), cube((touching + 1e-3, 0, 0), turned), 0.0)

    assert near.all()
    assert not far.any()


def test_edges_that_only_cross_products_separate_do_not_overlap():
    first = cube((0, 0, 0), about((1, 0, 0), np.pi / 4))
    second = cube((0, 1.30, 1.30), about((0, 1, 0), np.pi / 4))
    closer = cube((0, 0.90, 0.90), about((0, 1, 0), np.pi / 4))

    assert not overlapping(first, second, 0.0).any()
    assert overlapping(first, closer, 0.0).all()


def test_a_thin_wall_between_two_sample_points_is_hit():
    wall = cube((0.0, 0.013, 0.0), half=(0.1, 0.001, 0.1))
    finger = cube((0.0, 0.0, 0.0), half=(0.014, 0.0125, 0.031))

    assert overlapping(finger, wall, 0.0).all()
    assert not overlapping(finger, cube((0.0, 0.016, 0.0), half=(0.1, 0.001, 0.1)), 0.0).any()


def test_the_margin_grows_the_second_boxes():
    apart = cube((1.002, 0, 0))

    assert not overlapping(cube((0, 0, 0)), apart, 0.001).any()
    assert overlapping(cube((0, 0, 0)), apart, 0.003).all()


def test_overlaps_of_random_boxes_agree_with_sampled_points():
    rng = np.random.default_rng(0)
    num_boxes = 60
    axes = np.array([about(v / np.linalg.norm(v), 2.0) for v in rng.normal(size=(num_boxes, 3))])
    boxes = Boxes(rng.uniform(-1, 1, (num_boxes, 3)), axes, rng.uniform(0.1, 0.6, (num_boxes, 3)))
    local = rng.uniform(-1, 1, (num_boxes, 4000, 3)) * boxes.half[:, None]
    points = boxes.centre[:, None] + np.einsum("nij,npj->npi", axes, local)
    inside = np.array(
        [
            (np.abs((points - boxes.centre[b]) @ axes[b]) < boxes.half[b]).all(-1).any(-1)
            for b in range(num_boxes)
        ]
    ).T

    hits = overlapping(boxes, boxes, 0.0)

    # Samples miss overlaps smaller than their spacing, but never invent one.
    assert not (inside & ~hits).any()
    assert (hits & ~inside).sum() < 0.1 * hits.sum()
