import json
from pathlib import Path

import numpy as np
import pytest
import torch

from wamlab.nn.flow import draw_timesteps, loss_weight, noised, schedule, shift_sigma

FIXTURE = Path(__file__).parents[3] / "shared" / "fixtures" / "flow_schedule.json"


@pytest.mark.parametrize("num_steps", [1, 2, 10])
@pytest.mark.parametrize("shift", [1.0, 5.0])
def test_straight_flow_reaches_the_data_in_any_number_of_steps(num_steps, shift):
    data, noise = torch.randn(2, 3, 16, 7, dtype=torch.float64)
    steps = schedule(num_steps, shift)

    x = noise
    for delta in steps.deltas:
        x = x + delta * (noise - data)

    torch.testing.assert_close(x, data, atol=1e-6, rtol=0)  # the schedule is float32


def test_ten_steps_round_in_bfloat16_as_the_original_rounds():
    steps = schedule(10, 5.0, dtype=torch.bfloat16)

    expected = [1000, 980, 952, 920, 884, 832, 768, 680, 556, 358]
    assert steps.timesteps.tolist() == expected
    assert steps.deltas.float().sum().item() == pytest.approx(-0.99976, abs=1e-5)


def test_timesteps_fall_from_noise_to_data():
    steps = schedule(20, 5.0)

    assert steps.timesteps[0] == 1000
    assert (steps.timesteps.diff() < 0).all()
    assert (steps.deltas < 0).all()


def test_no_step_is_refused():
    with pytest.raises(ValueError, match="num_steps: got 0, expected at least 1"):
        schedule(0, 1.0)


@pytest.mark.parametrize("shift", [1.0, 5.0])
def test_weights_average_one_over_the_schedule_and_vanish_at_its_ends(shift):
    u = torch.linspace(1, 0.001, 1000, dtype=torch.float64)
    weights = loss_weight(shift_sigma(u, shift) * 1000, shift)

    assert weights.mean().item() == pytest.approx(1, abs=1e-5)
    assert loss_weight(torch.tensor([1000.0]), shift).item() == pytest.approx(0, abs=1e-5)


def test_weights_are_those_of_the_specification():
    weights = loss_weight(torch.tensor([0.0, 250.0, 500.0, 750.0]), 5.0)

    np.testing.assert_allclose(weights, [0, 1.456, 2.076, 1.456], atol=5e-4)  # printed digits


def test_noise_is_at_sigma_one_and_data_at_sigma_zero():
    data, noise = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)

    mixed = noised(data, noise, torch.tensor([0.0, 750.0]))

    assert mixed[0].eq(0).all()
    assert mixed[1].eq(0.75).all()


def test_drawn_timesteps_are_uniform_before_the_shift():
    drawn = draw_timesteps(20_000, 5.0, torch.Generator().manual_seed(0)).double() / 1000

    u = drawn / (5 - 4 * drawn)  # the shift undone

    deciles = np.quantile(u.numpy(), np.linspace(0.1, 0.9, 9))
    # 20,000 draws: the median's standard error is 0.0035
    np.testing.assert_allclose(deciles, np.linspace(0.1, 0.9, 9), atol=0.012)


@pytest.mark.parametrize("num_steps", [1, 4, 10, 20])
@pytest.mark.parametrize("shift", [1.0, 5.0])
def test_schedules_equal_the_original_to_the_last_digit(num_steps, shift):
    if not FIXTURE.is_file():
        pytest.skip(f"needs {FIXTURE.name} of the parity fixtures, which are not here")
    stored = json.loads(FIXTURE.read_text())[f"steps{num_steps}_shift{shift}"]

    steps = schedule(num_steps, shift)

    assert steps.timesteps.tolist() == stored["t"]
    assert steps.deltas.tolist() == stored["delta"]
