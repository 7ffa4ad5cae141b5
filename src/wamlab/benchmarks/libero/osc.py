"""The robot's operational-space controller and gripper, without redundant work.

robosuite 1.4.0 runs `mj_forward` twice and then `mj_step` in each of the 25 physics steps of a
control step. Position and velocity stages give the same results three times; what the two
extra calls do change is the constraint solver's warm start. So here one `mj_step1`, two more
constraint solves, the controller and one `mj_step2` do the same, bit by bit
(tests/benchmarks/test_exactness.py). Plain `mj_step1`, controller, `mj_step2` is faster still
but differs by 1e-14 per physics step in MuJoCo 3.3.2 (docs/log.md), so it is not used. The
controller's arithmetic is robosuite's own (its compiled functions are called); only lookups by
name, copies and unused buffers are gone.
"""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from wamlab.benchmarks.libero.third_party import (
    nullspace_torques,
    opspace_matrices,
    orientation_error,
)

PROVED_UNDER = "3.3.2"  # MuJoCo for which this loop equals robosuite's bit by bit
OPENING = np.array([-1.0, 1.0])  # actuator directions of the two fingers


def arm_controller(env: Any) -> ArmController | PlainArmController:  # noqa: ANN401
    """The controller of an environment, for one episode.

    Only the doctor starts another MuJoCo than the reference, to show what it changes; there
    robosuite's own loop runs.
    """
    return (ArmController if mujoco.__version__ == PROVED_UNDER else PlainArmController)(env)


class PlainArmController:
    """robosuite's own loop."""

    def __init__(self, env: Any) -> None:  # noqa: ANN401
        self._env = env

    def physics_step(self, action: NDArray[np.float64], *, is_first: bool) -> None:
        self._env.sim.forward()
        self._env._pre_action(action, is_first)
        self._env.sim.step()


class ArmController:
    """Turns one action into torques, physics step by physics step.

    Holds no state of its own beside buffers: goal and gripper live in robosuite's objects, so
    that a reset of the environment resets them.
    """

    def __init__(self, env: Any) -> None:  # noqa: ANN401 - robosuite is untyped
        robot = env.robots[0]
        self._osc = robot.controller
        self._gripper = robot.gripper
        self._model = env.sim.model._model
        self._data = env.sim.data._data
        osc = self._osc
        if not (osc.impedance_mode == "fixed" and osc.uncoupling and osc.use_delta):
            raise RuntimeError("expected robosuite's OSC_POSE with its default settings")
        if osc.interpolator_pos is not None or osc.interpolator_ori is not None:
            raise RuntimeError("expected an OSC without interpolation")
        self._site = env.sim.model.site_name2id(osc.eef_name)
        self._qpos = np.asarray(osc.qpos_index)
        self._qvel = np.asarray(osc.qvel_index)
        self._arm = np.asarray(robot._ref_joint_actuator_indexes)
        self._low, self._high = robot.torque_limits
        self._fingers = np.array(
            [env.sim.model.actuator_name2id(name) for name in self._gripper.actuators]
        )
        limits = self._model.actuator_ctrlrange[self._fingers]
        self._bias = 0.5 * (limits[:, 1] + limits[:, 0])
        self._weight = 0.5 * (limits[:, 1] - limits[:, 0])
        self._kp_pos, self._kp_ori = np.array(osc.kp[0:3]), np.array(osc.kp[3:6])
        self._kd_pos, self._kd_ori = np.array(osc.kd[0:3]), np.array(osc.kd[3:6])
        nv = self._model.nv
        self._jacp, self._jacr = np.zeros((3, nv)), np.zeros((3, nv))
        self._mass = np.zeros((nv, nv))

    def physics_step(self, action: NDArray[np.float64], *, is_first: bool) -> None:
        """One of the 25 physics steps of a control step.

        Args:
            action: The command in float64, shape (7,).
            is_first: Whether the control step begins, so that the goal moves.
        """
        model, data = self._model, self._data
        mujoco.mj_step1(model, data)
        mujoco.mj_fwdActuation(model, data)
        mujoco.mj_fwdAcceleration(model, data)
        mujoco.mj_fwdConstraint(model, data)  # advances the warm start, as mj_forward does
        self._sense()
        if is_first:
            self._osc.set_goal(action[:6])
        self._drive(action[6])
        mujoco.mj_step2(model, data)

    def _sense(self) -> None:
        """Reads the arm's state after `mj_step1`, as robosuite's `Controller.update` does.

        In the first physics step after a reset robosuite does not: its flag says that the pose
        of before the initial state was set is still fresh. The reference's first goal is
        computed from that stale pose, and so is ours.
        """
        model, data, osc = self._model, self._data, self._osc
        if not osc.new_update:
            return
        mujoco.mj_fwdConstraint(model, data)  # the reference's second mj_forward
        jacp, jacr = self._jacp, self._jacr
        mujoco.mj_jacSite(model, data, jacp, jacr, self._site)
        mujoco.mj_fullM(model, self._mass, data.qM)
        velocity = data.qvel
        osc.ee_pos = data.site_xpos[self._site].copy()
        osc.ee_ori_mat = data.site_xmat[self._site].reshape(3, 3).copy()
        osc.ee_pos_vel = np.dot(jacp, velocity)
        osc.ee_ori_vel = np.dot(jacr, velocity)
        osc.joint_pos = data.qpos[self._qpos]
        osc.joint_vel = velocity[self._qvel]
        osc.J_pos = jacp[:, self._qvel]
        osc.J_ori = jacr[:, self._qvel]
        osc.J_full = np.vstack([osc.J_pos, osc.J_ori])
        # Indexing twice, as robosuite does, leaves the memory layout that BLAS then sees; with
        # np.ix_ the last bits of the torques differ.
        osc.mass_matrix = self._mass[self._qvel, :][:, self._qvel]
        osc.new_update = False  # so that `set_goal` does not read again

    def _drive(self, gripper_action: float) -> None:
        """Writes torques and finger targets for the next `mj_step2`."""
        osc, data = self._osc, self._data
        turn = orientation_error(osc.goal_ori, osc.ee_ori_mat)
        force = (osc.goal_pos - osc.ee_pos) * self._kp_pos + -osc.ee_pos_vel * self._kd_pos
        torque = turn * self._kp_ori + -osc.ee_ori_vel * self._kd_ori
        _, lambda_pos, lambda_ori, nullspace = opspace_matrices(
            osc.mass_matrix, osc.J_full, osc.J_pos, osc.J_ori
        )
        wrench = np.concatenate([np.dot(lambda_pos, force), np.dot(lambda_ori, torque)])
        torques = np.dot(osc.J_full.T, wrench) + data.qfrc_bias[self._qvel]
        torques += nullspace_torques(
            osc.mass_matrix, nullspace, osc.initial_joint, osc.joint_pos, osc.joint_vel
        )
        gripper = self._gripper
        gripper.current_action = np.clip(
            gripper.current_action + OPENING * gripper.speed * np.sign(gripper_action), -1.0, 1.0
        )
        data.ctrl[self._fingers] = self._bias + self._weight * gripper.current_action
        data.ctrl[self._arm] = np.clip(torques, self._low, self._high)
        osc.new_update = True
