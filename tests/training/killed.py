"""Trains and is killed in the middle: python killed.py HOME OUT STEP."""

import os
import signal
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "nn"), str(Path(__file__).parent)]

import torch  # noqa: E402 - the path comes first
from plane import training  # noqa: E402

from wamlab.training.trainer import train  # noqa: E402

home, out, step = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)


def kill(progress):
    if (progress.stage, progress.num_done) == ("training", step):
        os.kill(os.getpid(), signal.SIGKILL)


train(training(home), out, progress=kill)
