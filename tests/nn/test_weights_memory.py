"""How much memory loading takes, measured in a process of its own, with files of 1 GB."""

import subprocess
import sys

import pytest
import torch

from wamlab.nn.card import Sizes
from wamlab.nn.checkpoints.files import Entry
from wamlab.nn.checkpoints.sizes import expected_shapes
from wamlab.nn.checkpoints.writing import write_safetensors

GIGABYTE = 1e9
LIMIT = 1.25  # of the file's size
WIDE = Sizes(
    video_width=2048, action_width=1024, num_heads=16, head_dim=128, num_layers=2,
    video_ffn=10240, action_ffn=4096, text_dim=4096, freq_dim=256, latent_channels=48,
    action_dim=7, state_dim=8,
)  # fmt: skip
"""258 M parameters, 1.03 GB in float32."""

PROGRAM = """
import resource, sys
import torch
from pathlib import Path
from wamlab.nn.card import Sizes
from wamlab.nn.checkpoints import open_checkpoint
from wamlab.nn.layout import lay_out
from wamlab.nn.mixture import Mixture
from wamlab.nn.weights import load_weights

def peak_bytes():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024

path, dtype, sizes = sys.argv[1], getattr(torch, sys.argv[2]), eval(sys.argv[3])
with torch.device("meta"):
    module = Mixture(sizes)
before = peak_bytes()
rearranged = len(sys.argv) > 4
load_weights(module, open_checkpoint(path), dtype, copy=rearranged)
if rearranged:
    lay_out(module)
sum(float(parameter.detach()[::7].sum()) for parameter in module.parameters())
print(peak_bytes() - before)
"""


def torch_file(path):
    """Zeros, whose pages the writer never touches."""
    tensors = {n: torch.zeros(s) for n, s in expected_shapes(WIDE).items()}
    mot = {f"mixtures.{n}": t for n, t in tensors.items() if not n.startswith("proprio")}
    proprio = {n.partition(".")[2]: t for n, t in tensors.items() if n.startswith("proprio")}
    torch.save({"mot": mot, "proprio_encoder": proprio, "step": 0}, path)


def safetensors_file(path):
    entries = {n: Entry(s, torch.float32) for n, s in expected_shapes(WIDE).items()}
    write_safetensors(path, entries, ((n, torch.zeros(e.shape)) for n, e in entries.items()))


@pytest.fixture(scope="module", params=[torch_file, safetensors_file], ids=["pt", "safetensors"])
def large_file(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "model"
    request.param(path)
    yield path
    path.unlink()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_loading_a_gigabyte_takes_no_second_copy(large_file, dtype):
    command = [sys.executable, "-c", PROGRAM, str(large_file), dtype, repr(WIDE)]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert large_file.stat().st_size >= GIGABYTE
    assert int(done.stdout) <= LIMIT * large_file.stat().st_size


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_rearranging_a_gigabyte_for_planning_takes_no_second_copy(large_file):
    command = [sys.executable, "-c", PROGRAM, str(large_file), "float32", repr(WIDE), "rearranged"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert int(done.stdout) <= LIMIT * large_file.stat().st_size
