import math

import torch
from torch.nn import functional as F

from wamlab.nn.attention import Attention, RmsNorm, action_rotary, rotate, video_rotary
from wamlab.nn.dit import TanhGelu


def test_a_pair_turns_by_its_position_times_its_frequency():
    x = torch.zeros(1, 3, 1, 4)
    x[..., 2] = 1  # the second pair, (1, 0)

    turned = rotate(x, action_rotary(3, 4, None))[0, 2, 0]

    angle = 2 * 10_000 ** (-2 / 4)
    expected = torch.tensor([0, 0, math.cos(angle), math.sin(angle)])
    torch.testing.assert_close(turned, expected, atol=1e-6, rtol=0)


def test_a_head_of_128_gives_44_numbers_to_time_and_42_to_rows_and_columns():
    turn = video_rotary(2, 3, 5, 128, None).turn_S1P[:, 0].view(2, 3, 5, 64)

    moves_with_time = (turn[1, 0, 0] != 1).nonzero().flatten().tolist()
    moves_with_row = (turn[0, 2, 0] != 1).nonzero().flatten().tolist()
    moves_with_column = (turn[0, 0, 4] != 1).nonzero().flatten().tolist()

    assert moves_with_time == list(range(22))
    assert moves_with_row == list(range(22, 43))
    assert moves_with_column == list(range(43, 64))


def test_products_depend_on_the_distance_of_positions_only():
    q, k = torch.randn(2, 1, 1, 1, 32)
    table = action_rotary(9, 32, None)

    products = [
        (rotate(q, table.rows(i, i + 1)) * rotate(k, table.rows(i + 3, i + 4))).sum()
        for i in (0, 2, 5)
    ]

    torch.testing.assert_close(torch.stack(products), products[0].repeat(3), atol=1e-5, rtol=0)


def test_the_norm_runs_over_all_heads():
    norm = RmsNorm(8, eps=1e-6)
    norm.weight.data = torch.arange(1.0, 9.0)
    x = torch.randn(2, 3, 8)

    expected = x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * norm.weight

    torch.testing.assert_close(norm(x), expected, atol=1e-5, rtol=0)  # numbers up to 25


def test_the_norm_rounds_to_bfloat16_before_its_weight():
    norm = RmsNorm(8, eps=1e-6).to(torch.bfloat16)
    norm.weight.data = torch.full((8,), 1.0078125, dtype=torch.bfloat16)
    x = torch.randn(4, 8).to(torch.bfloat16)

    normed = F.rms_norm(x.float(), (8,), eps=1e-6).to(torch.bfloat16)

    assert torch.equal(norm(x), normed * norm.weight)


def test_an_output_projected_in_advance_is_the_same_output():
    attention = Attention(12, num_heads=3, head_dim=8, eps=1e-6)
    x, context = torch.randn(2, 5, 12), torch.randn(2, 4, 12)
    hidden = torch.tensor([0.0, 0.7, 0.0, -torch.inf])[None, None, None]
    asked, memory = attention.queries(x), attention.keys_values(context)

    found = attention.look(asked, attention.projected(memory), hidden)

    expected = attention.look(asked, memory, hidden)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_the_quick_gelu_is_torch_s():
    x = torch.linspace(-12, 12, 1001)

    with torch.no_grad():
        found = TanhGelu()(x)

    torch.testing.assert_close(found, F.gelu(x, approximate="tanh"), atol=1e-6, rtol=0)
