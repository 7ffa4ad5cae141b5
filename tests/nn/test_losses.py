from dataclasses import replace

import pytest
import torch
from tiny_wam import SIZES, loud_mixture

from wamlab.nn.card import Variant
from wamlab.nn.losses import Window, action_error, draw, losses, noised_inputs, video_error

SHIFTS = {"video_shift": 5.0, "action_shift": 1.0}


def window(batch=4):
    generator = torch.Generator().manual_seed(0)
    return Window(
        latents_BCFYX=torch.randn(batch, 6, 3, 2, 4, generator=generator),
        action_BHA=torch.randn(batch, 8, 7, generator=generator),
        action_is_pad_BH=torch.zeros(batch, 8, dtype=torch.bool),
        image_is_pad_BR=torch.zeros(batch, 9, dtype=torch.bool),
    )


def context(model, batch=4):
    generator = torch.Generator().manual_seed(1)
    text = torch.randn(batch, 5, 40, generator=generator)
    state = torch.randn(batch, 8, generator=generator)
    return model.context(text, torch.ones(batch, 5, dtype=torch.bool), state)


def drawn(variant, windows, seed=0):
    return draw(variant, windows, torch.Generator().manual_seed(seed), **SHIFTS)


@pytest.mark.parametrize("variant", list(Variant))
def test_every_variant_has_finite_losses_and_gradients_everywhere(variant):
    model, windows = loud_mixture(SIZES).requires_grad_(), window()

    found = losses(model, variant, windows, context(model), drawn(variant, windows), **SHIFTS)
    found.total.backward()

    assert found.total.isfinite()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []
    assert found.total.item() == pytest.approx((found.video + found.action).item())


def test_without_video_co_training_the_head_of_the_video_learns_nothing():
    model, windows = loud_mixture(SIZES).requires_grad_(), window()
    draws = drawn(Variant.ACTION_ONLY, windows)

    found = losses(
        model, Variant.ACTION_ONLY, windows, context(model), draws, **SHIFTS, video_weight=0.0
    )
    found.total.backward()

    assert found.video == 0
    assert model.video.head.head.weight.grad is None
    assert model.video.blocks[0].self_attn.k.weight.grad.abs().sum() > 0


def test_padded_steps_and_frames_count_nothing():
    wanted = torch.zeros(1, 8, 7)
    said = wanted.clone()
    said[:, 6:] = 100
    is_pad = torch.arange(8)[None] >= 6
    frames = torch.zeros(1, 6, 3, 2, 4)
    imagined = frames.clone()
    imagined[:, :, 2] = 100
    image_is_pad = torch.arange(9)[None] >= 5

    assert action_error(said, wanted, is_pad) == 0
    assert video_error(imagined, frames, image_is_pad) == 0


def test_a_latent_frame_counts_unless_all_its_four_frames_are_pads():
    frames = torch.zeros(1, 6, 3, 2, 4)
    imagined = frames.clone()
    imagined[:, :, 2] = 2
    image_is_pad = torch.arange(9)[None] >= 6  # one real frame of the last four

    assert video_error(imagined, frames, image_is_pad) == 2  # (0 + 4) / 2 frames


def test_the_observed_frame_is_clean_in_every_copy():
    windows = window()
    inputs = noised_inputs(Variant.IDM, windows, drawn(Variant.IDM, windows))

    first = windows.latents_BCFYX[:, :, :1]
    assert len(inputs.copies) == 2
    assert all(torch.equal(copy.latents_BCFYX[:, :, :1], first) for copy in inputs.copies)


def test_about_half_of_the_condition_copies_stay_clean():
    windows = window(batch=400)
    draws = drawn(Variant.IDM, windows)

    is_clean = draws.t_condition_B == 0
    assert 160 < int(is_clean.sum()) < 240  # four standard deviations of 200
    copy = noised_inputs(Variant.IDM, windows, draws).copies[1].latents_BCFYX
    assert torch.equal(copy[is_clean], windows.latents_BCFYX[is_clean])


def test_equal_seeds_draw_equal_numbers():
    windows = window()

    one, other = (drawn(Variant.OPTIONAL_IDM, windows, seed=3) for _ in range(2))

    for name in one.__dataclass_fields__:
        assert torch.equal(getattr(one, name), getattr(other, name))


def test_a_perfect_answer_costs_nothing():
    windows = replace(window(), action_BHA=torch.zeros(4, 8, 7))
    draws = drawn(Variant.ACTION_ONLY, windows)

    wanted = draws.action_BHA - windows.action_BHA

    assert action_error(wanted, wanted, windows.action_is_pad_BH).eq(0).all()
