"""Held against the original: see README.md beside this file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COMPLETE = ROOT.parent / "shared" / "fixtures"
TOLERANCE = 1e-5


def parity(*, fixture=HERE / "fast_wam_action_only.npz", variant="action_only"):
    command = [sys.executable, "-m", "tests.parity", "fast_wam", "--variant", variant]
    command += ["--config", str(HERE / "fast_wam_config.json"), "--fixture", str(fixture)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_every_stored_number_of_the_original_is_met():
    done = parity()

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout
    assert len(lines) > 100
    assert float(lines[-1].split()[0]) <= TOLERANCE


def test_gradients_are_met_where_the_complete_fixture_is_present():
    fixture = COMPLETE / "fast_wam_action_only.npz"
    if not fixture.is_file():
        pytest.skip("needs the complete parity fixture with gradients, which is not here")

    done = parity(fixture=fixture)

    assert done.returncode == 0, done.stdout
    assert sum("/grads/" in line for line in done.stdout.splitlines()) > 300


def test_another_variant_does_not_pass():
    done = parity(variant="joint")

    assert done.returncode == 1
    assert "1.00e+00  train/plain/attention_mask\n" in done.stdout


def test_a_tensor_that_cannot_be_computed_does_not_pass(tmp_path):
    with np.load(HERE / "fast_wam_action_only.npz") as arrays:
        stored = {name: arrays[name] for name in arrays.files}
    stored["train/plain/unheard_of"] = np.zeros(3, np.float32)
    np.savez(tmp_path / "more.npz", **stored)

    done = parity(fixture=tmp_path / "more.npz")

    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "inf  train/plain/unheard_of  not computed"


def test_a_missing_fixture_is_named():
    done = parity(fixture=Path("nowhere.npz"))

    assert done.returncode == 2
    assert "nowhere.npz: no such file" in done.stderr
