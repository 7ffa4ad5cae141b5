"""The same recipe on a Ray cluster: the same records, whatever becomes of its nodes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from threading import Thread

import pytest
from dreamer import dreaming
from faulty import Fault, Trigger, policy_fault, recipe, simulator_fault, slow

pytest.importorskip("ray", reason="ray is not installed: pip install 'wamlab[cluster]'")

from raylets import Raylets

from wamlab.benchmarks.pointmass import PointMass
from wamlab.cli import main
from wamlab.core.errors import ConfigError
from wamlab.core.recipe import Run
from wamlab.engine import cluster
from wamlab.engine.run import evaluate
from wamlab.engine.timeouts import Timeouts
from wamlab.policies.seek import SeekPolicy
from wamlab.records.store import load_run

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own

PATIENCE_S = 120.0  # the cores may be busy with other things
IMPATIENT = Timeouts(simulator_s=6.0, plan_s=6.0, construct_s=PATIENCE_S)
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def raylets():
    """Two nodes with two processors each."""
    started = Raylets(2, 2)
    yield started
    started.close()


def on_ray(address, run, folder, **settings):
    with cluster.joined(address) as on:
        return evaluate(run, folder, workers=settings.pop("workers", 3), on=on, **settings)


def essences(folder: Path):
    return {r.key: (r.stop, r.num_steps, r.trace) for r in load_run(folder).records}


def num_lines(folder: Path) -> int:
    path = folder / "episodes.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for(claim, what):
    """Polls what other processes write; the only way to know how far they are."""
    deadline = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.02)


def files(folder: Path, kind: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / kind).iterdir()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What a local run without faults finds."""
    folder = tmp_path_factory.mktemp("undisturbed")
    evaluate(recipe(), folder, workers=2)
    return essences(folder)


def test_everything_that_a_local_run_writes_arrives(raylets, tmp_path):
    run = dreaming(every=2)
    here, there = tmp_path / "here", tmp_path / "there"

    evaluate(run, here, workers=1)
    on_ray(raylets.address, run, there, workers=2)

    assert essences(there) == essences(here)
    assert files(there, "imagined") == files(here, "imagined")
    assert files(there, "signals").keys() == files(here, "signals").keys()
    assert {path.name for path in (there / "logs").iterdir()} >= {"policy.log", "worker-0.log"}


def test_200_episodes_and_two_copies_of_the_policy_end_alike(raylets, tmp_path):
    benchmark = PointMass.Config(tasks=("reach", "corner"), num_inits=100)
    policy = SeekPolicy.Config(noise_m=0.1, cameras=frozenset({"top"}))
    run = Run(policy=policy, benchmark=benchmark, replan_every=4, name="seek")

    evaluate(run, tmp_path / "here", workers=2)
    on_ray(raylets.address, run, tmp_path / "there", replicas=2)

    assert len(essences(tmp_path / "here")) == 200
    assert essences(tmp_path / "there") == essences(tmp_path / "here")


def test_a_simulator_that_hangs_is_killed_on_its_node(raylets, undisturbed, tmp_path):
    run = simulator_fault(Trigger(fault=Fault.HANGS, mark=tmp_path / "mark"))
    folder = tmp_path / "run"

    first = on_ray(raylets.address, run, folder, workers=2, timeouts=IMPATIENT)

    (record,) = [record for record in load_run(folder).records if record.error]
    assert "made no control step for 6 s and was killed" in record.error
    assert "in happen" in (folder / record.error.rpartition("see ")[2]).read_text()
    assert (first.num_errors, first.num_vanished) == (1, 0)
    assert essences(folder).items() - undisturbed.items() == {
        (record.key, (record.stop, record.num_steps, record.trace))
    }


def test_a_policy_that_dies_is_charged_as_at_home(raylets, undisturbed, tmp_path):
    run = policy_fault(Trigger(fault=Fault.DIES, mark=tmp_path / "mark"))
    folder = tmp_path / "run"

    on_ray(raylets.address, run, folder, workers=2)

    errors = {record.error for record in load_run(folder).records if record.error}
    assert errors == {"PolicyError: the policy process was killed by SIGKILL; see logs/policy.log"}
    evaluate(run, folder, workers=2)
    assert essences(folder) == undisturbed


def test_an_actor_of_the_policy_that_dies_costs_no_record(raylets, undisturbed, tmp_path):
    def kill_actor():
        wait_for(lambda: num_lines(tmp_path) >= 2, "the first records")
        log = (tmp_path / "logs" / "cluster.log").read_text()
        os.kill(int(re.search(r"policy is on .*process (\d+)", log)[1]), signal.SIGKILL)

    killer = Thread(target=kill_actor)
    killer.start()
    tally = on_ray(raylets.address, slow(), tmp_path, workers=2)
    killer.join()

    assert (tally.num_errors, tally.num_vanished) == (0, 1)
    assert essences(tmp_path) == undisturbed
    assert num_lines(tmp_path) == len(undisturbed)


def test_ctrl_c_ends_the_run_and_a_second_client_is_refused(raylets, undisturbed, tmp_path):
    command = [sys.executable, "-m", "wamlab.cli", "eval", "faulty:slow", "--workers", "2"]
    process = subprocess.Popen(
        [*command, "--on", raylets.address, "--out", str(tmp_path)],
        cwd=HERE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run that a shell put into the background ignores Ctrl-C, and so would this.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(lambda: num_lines(tmp_path) >= 2, "the first records")

    with pytest.raises(ConfigError, match=f"process {process.pid} is writing to it"):
        on_ray(raylets.address, slow(), tmp_path)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 130
    assert f"the same command continues in {tmp_path}" in told
    assert num_lines(tmp_path) < len(undisturbed)
    evaluate(slow(), tmp_path, workers=2)
    assert essences(tmp_path) == undisturbed


def test_a_node_with_other_code_is_refused(raylets, tmp_path, monkeypatch):
    here = cluster.facts_here()
    other = type(here)(node="here", code="0123", python=here.python, packages={"numpy": "1.0"})
    monkeypatch.setattr(cluster, "facts_here", lambda: other)

    with pytest.raises(ConfigError, match=r"(?s)would not run what runs here.*0123 here\n  numpy"):
        on_ray(raylets.address, recipe(), tmp_path)

    assert num_lines(tmp_path) == 0


def test_a_node_that_is_killed_loses_nothing(raylets, undisturbed, tmp_path):
    def pull_plug():
        wait_for(lambda: num_lines(tmp_path) >= 2, "the first records")
        raylets.kill_last()

    killer = Thread(target=pull_plug)
    killer.start()
    tally = on_ray(raylets.address, slow(), tmp_path, workers=4)
    killer.join()

    assert tally.num_errors == 0
    assert tally.num_vanished >= 1
    assert essences(tmp_path) == undisturbed
    assert Counter(r.key for r in load_run(tmp_path).records) == Counter(undisturbed.keys())
    assert num_lines(tmp_path) == len(undisturbed)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_head_that_is_not_there_is_an_error_at_once(address, tmp_path, capfd):
    start = time.monotonic()

    status = main(["eval", "faulty:slow", "--out", str(tmp_path), "--on", address])

    assert status == 2
    assert f"--on {address}: no Ray head answers there" in capfd.readouterr().err
    assert time.monotonic() - start < 15


def test_a_port_where_something_else_listens_is_no_head(tmp_path, capfd):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        status = main(["eval", "faulty:slow", "--out", str(tmp_path), "--on", address])

    assert status == 2
    assert "whoever listens there speaks no gRPC" in capfd.readouterr().err
