import numpy as np
import pytest
from toy_world import TABLE_Z, ToyWorld

from wamlab.core.errors import ContractError
from wamlab.policies.experts.control import OPEN, Arm, Manner
from wamlab.policies.experts.geometry import downward
from wamlab.policies.experts.grasps import distinct, grasps, rim_circle
from wamlab.policies.experts.places import place_for
from wamlab.policies.experts.skills import pick, put
from wamlab.policies.experts.tasks import in_order, in_sweep, solve
from wamlab.policies.experts.view import View


def arm_in(world, **manner):
    return Arm(View(world.scene()), Manner(**manner), np.random.default_rng(0))


def test_the_view_finds_things_by_name():
    view = View(ToyWorld().scene())

    np.testing.assert_allclose(view.origin("can_1"), (0.0, 0.1, TABLE_Z))
    assert view.lowest("can_1") == pytest.approx(TABLE_Z)
    assert view.highest("can_1") == pytest.approx(TABLE_Z + 0.10)
    assert view.movable == ("can_1", "black_bowl_1", "black_bowl_2", "plate_1")
    assert view.finger_gap == pytest.approx(0.08)


def test_an_unknown_name_is_told_with_the_known_ones():
    view = View(ToyWorld().scene())

    with pytest.raises(ContractError, match=r"no site 'shelf'; it has desk_region"):
        view.site("shelf")


def test_a_first_scene_without_layout_is_refused():
    with pytest.raises(ContractError, match="no layout"):
        View(ToyWorld().scene(with_layout=False))


def test_points_follow_the_object():
    world = ToyWorld()
    view = View(world.scene())
    before = view.middle("can_1").copy()

    world.objects["can_1"] += [0.1, 0.0, 0.2]
    view.update(world.scene(with_layout=False))

    np.testing.assert_allclose(view.middle("can_1") - before, (0.1, 0, 0.2), atol=1e-12)


def test_a_waypoint_ends_within_its_tolerance():
    world = ToyWorld()
    arm = arm_in(world)

    reached, num_steps = world.run(
        arm.go((0.1, 0.2, 1.0), downward((1, 0)), gripper=OPEN, tol=0.005), arm.view
    )

    assert reached
    assert np.linalg.norm(world.hand - (0.1, 0.2, 1.0)) < 0.005
    assert 15 < num_steps < 60


def test_a_blocked_hand_gives_up_after_a_moment():
    world = ToyWorld()
    arm = arm_in(world)
    world.step = lambda action: None

    reached, num_steps = world.run(arm.go((0.5, 0.0, 1.0), gripper=OPEN), arm.view)

    assert not reached
    assert num_steps < 20


def test_the_speed_limit_keeps_the_path_straight():
    arm = arm_in(ToyWorld())

    action = arm.action(arm.pos + np.array((0.4, 0.2, 0.0)), arm.rot, OPEN, speed=0.5)

    np.testing.assert_allclose(action[:3], (0.5, 0.25, 0.0))


def test_a_can_is_held_across_its_middle():
    view = View(ToyWorld().scene())

    best = grasps(view, "can_1")[0]

    np.testing.assert_allclose(best.pos, (0.0, 0.1, TABLE_Z + 0.08), atol=1e-3)


def test_a_bowl_is_held_by_its_rim():
    view = View(ToyWorld().scene())

    best = grasps(view, "black_bowl_1")[0]

    assert np.linalg.norm(best.pos[:2] - (0.05, -0.1)) == pytest.approx(0.052, abs=1e-3)
    assert rim_circle(view, "black_bowl_1")[1] == pytest.approx(0.055, abs=1e-3)


def test_a_grasp_that_would_hit_a_wall_costs_more():
    world = ToyWorld()
    world.objects["wall_1"] = world.objects["can_1"] + [0.0, 0.055, 0.04]
    view = View(world.scene())

    free = grasps(View(ToyWorld().scene()), "can_1")[0]
    walled = grasps(view, "can_1")

    assert walled[0].cost < 2.0  # what one finger in the wall costs
    assert abs(walled[0].opening[1]) < 0.8  # the fingers open along the wall, not into it
    blocked = [grasp for grasp in walled if abs(grasp.opening @ free.opening) > 0.99]
    assert min(grasp.cost for grasp in blocked) > 2.0


def test_distinct_grasps_are_elsewhere_or_turned():
    best, *others = distinct(grasps(View(ToyWorld().scene()), "black_bowl_1"))

    turned = [abs(grasp.opening @ best.opening) < 0.8 for grasp in others]
    moved = [np.linalg.norm(grasp.pos - best.pos) > 0.03 for grasp in others]
    assert all(np.logical_or(turned, moved))


def test_an_object_is_brought_onto_the_plate():
    world = ToyWorld()
    arm = arm_in(world)

    world.run(solve(arm, world.layout.goals), arm.view)

    offset = world.objects["can_1"] - world.objects["plate_1"]
    assert np.linalg.norm(offset[:2]) < 0.01
    assert world.held is None


def test_a_missed_object_is_tried_again():
    world = ToyWorld()
    arm = arm_in(world, grasp_offset_m=0.05)

    held, num_steps = world.run(pick(arm, "can_1", None), arm.view)

    assert not held
    assert num_steps > 80  # three attempts


def test_a_lost_object_is_noticed_on_the_way():
    world = ToyWorld()
    arm = arm_in(world)
    place = place_for(arm.view, "can_1", "plate_1")
    world.run(pick(arm, "can_1", place), arm.view)
    world.objects["can_1"] = np.array([0.0, 0.1, TABLE_Z])
    world.held = None
    arm.view.update(world.scene(with_layout=False))

    placed, _ = world.run(put(arm, "can_1", place), arm.view)

    assert not placed


def test_goals_are_ordered_by_what_must_come_first():
    goals = (("close", "drawer"), ("in", "bowl", "drawer"), ("open", "drawer"))

    assert [goal[0] for goal in in_order(goals)] == ["open", "in", "close"]


def test_a_goal_without_a_skill_is_refused_by_name():
    with pytest.raises(ContractError, match="no skill for 'fold', the expert knows open"):
        in_order((("fold", "towel_1"),))


def test_the_sweep_of_a_drawer_is_in_front_of_it():
    bar, outward = np.array([0.0, -0.1, 1.0]), np.array([0.0, 1.0, 0.0])

    assert in_sweep(np.array([0.1, 0.0]), bar, outward)
    assert not in_sweep(np.array([0.3, 0.0]), bar, outward)
    assert not in_sweep(np.array([0.0, 0.3]), bar, outward)
