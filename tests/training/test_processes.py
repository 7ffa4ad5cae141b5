import multiprocessing
import os
import socket

import pytest
from plane import curve, losses, training
from safetensors.torch import load_file

from wamlab.training.trainer import train

# Sums over two halves of a batch are rounded otherwise than over the whole: differences of 4e-7
# in losses and 1e-7 of the gradient's length were measured over 6 steps (2026-11-24).
TOLERANCE = 2e-6


@pytest.fixture(scope="module")
def together(home, straight, tmp_path_factory):
    """The training of `straight`, done by two processes."""
    out = tmp_path_factory.mktemp("together")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    # Forked, since importing everything anew takes longer than the training.
    context = multiprocessing.get_context("fork")
    started = [
        context.Process(target=_train, args=(home, out, {**meeting, "RANK": rank}))
        for rank in ("0", "1")
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0, 0]
    return out


def _train(home, out, environment):
    os.environ.update(environment)
    train(training(home), out)


def test_two_processes_train_as_one(straight, together):
    one, two = curve(straight), curve(together)

    for name in ("total", "action", "video"):
        assert [line["losses"][name] for line in two] == pytest.approx(
            [line["losses"][name] for line in one], abs=TOLERANCE
        )
    assert [line["grad_norm"] for line in two] == pytest.approx(
        [line["grad_norm"] for line in one], rel=TOLERANCE
    )


def test_their_model_is_the_same(straight, together):
    one, two = (load_file(out / "model/model.safetensors") for out in (straight, together))

    # 5e-7 was measured. Where a gradient is near 0 its rounding can turn the sign of a step of
    # Adam, which moves weights by up to 1e-4.
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-5


def test_one_process_goes_on_from_the_checkpoint_of_two(home, straight, together, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (together / "checkpoints/step_000003").rename(tmp_path / "checkpoints/step_000003")

    train(training(home), tmp_path)

    found, expected = losses(tmp_path), losses(straight)
    assert sorted(found) == [4, 5, 6]
    assert [found[step]["total"] for step in found] == pytest.approx(
        [expected[step]["total"] for step in found], abs=TOLERANCE
    )
