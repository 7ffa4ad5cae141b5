from dataclasses import replace

import pytest
import torch
from tiny_wam import SIZES, tiny_card

from wamlab.core.errors import ConfigError
from wamlab.nn.cached import CachedSampler
from wamlab.nn.cached_text import Prompt
from wamlab.nn.card import RELEASED_SIZES, Variant
from wamlab.nn.checkpoints.sizes import expected_shapes
from wamlab.nn.losses import Window, draw, losses
from wamlab.nn.mixture import Mixture
from wamlab.nn.samplers import Mode, Start, sample, schedules_of
from wamlab.nn.vla import FlowVla, check_vla, model_of

BATCH, ROWS = 3, 5
CARD = replace(tiny_card(Variant.ACTION_ONLY), is_vla=True)


@pytest.fixture
def model() -> FlowVla:
    model = FlowVla(SIZES)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        drawn = torch.randn(parameter.shape, generator=generator)
        parameter.data = drawn * 0.3 if parameter.ndim < 2 else drawn / parameter[0].numel() ** 0.5
    return model


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def window(seed: int = 0) -> Window:
    return Window(
        latents_BCFYX=numbers(BATCH, 6, 3, 2, 4, seed=seed),
        action_BHA=numbers(BATCH, 32, 7, seed=seed + 1),
        action_is_pad_BH=torch.zeros(BATCH, 32, dtype=torch.bool),
        image_is_pad_BR=torch.zeros(BATCH, 9, dtype=torch.bool),
    )


def loss_of(model: FlowVla, batch: Window, video_weight: float = 0.0) -> torch.Tensor:
    context = model.context(
        numbers(BATCH, ROWS, 40), torch.ones(BATCH, ROWS, dtype=torch.bool), numbers(BATCH, 8)
    )
    draws = draw(
        Variant.ACTION_ONLY, batch, torch.Generator().manual_seed(5),
        video_shift=5.0, action_shift=5.0,
    )  # fmt: skip
    return losses(
        model, Variant.ACTION_ONLY, batch, context, draws,
        video_shift=5.0, action_shift=5.0, video_weight=video_weight,
    ).total  # fmt: skip


def test_the_cached_sampler_plans_what_the_plain_one_plans(model):
    model.requires_grad_(False)
    schedules = schedules_of(CARD, 4, dtype=torch.float32)
    start = Start(
        first_BC1YX=numbers(BATCH, 6, 1, 2, 4), video_BCFYX=None,
        action_BHA=numbers(BATCH, 32, 7, seed=1),
    )  # fmt: skip
    rows_LT, state_BP = numbers(ROWS, 40), numbers(BATCH, 8, seed=2)
    context = model.context(
        rows_LT.expand(BATCH, -1, -1), torch.ones(BATCH, ROWS, dtype=torch.bool), state_BP
    )

    plain = sample(model, Mode.FIRST_FRAME, start, context, schedules)
    cached = CachedSampler(model, Mode.FIRST_FRAME, schedules).sample(
        start, [Prompt("words", rows_LT)] * BATCH, state_BP
    )

    # Sums in another order: 1e-6 per layer and step, times the sizes of random weights.
    torch.testing.assert_close(cached.action_BHA, plain.action_BHA, atol=2e-5, rtol=0)


def test_later_frames_change_nothing(model):
    batch = window()
    other = batch.latents_BCFYX.clone()
    other[:, :, 1:] = numbers(BATCH, 6, 2, 2, 4, seed=9)

    same = loss_of(model, replace(batch, latents_BCFYX=other))

    assert torch.equal(same, loss_of(model, batch))


def test_the_observed_frame_changes_the_loss(model):
    batch = window()

    other = loss_of(model, replace(batch, latents_BCFYX=batch.latents_BCFYX + 1))

    assert abs(other - loss_of(model, batch)) > 1e-3


def test_all_that_keys_and_values_depend_on_is_trained(model):
    loss_of(model, window()).backward()

    untouched = {name for name, p in model.named_parameters() if p.grad is None}
    still = {n for n, p in model.named_parameters() if p.grad is not None and not p.grad.any()}
    last = "video.blocks.1."
    parts = ("self_attn.q.", "self_attn.norm_q.", "self_attn.o.", "cross_attn.", "norm3.", "ffn.")
    assert untouched == {
        name for name in model.state_dict() if name.startswith(tuple(last + part for part in parts))
    }
    # A constant added to all keys changes no softmax.
    assert all(name.endswith("attn.k.bias") for name in still)


def test_asking_it_for_a_video_loss_is_no_number(model):
    total = loss_of(model, window(), video_weight=1.0)

    assert torch.isnan(total)


def test_its_names_are_those_of_a_world_action_model():
    ours, theirs = set(FlowVla(SIZES).state_dict()), set(Mixture(SIZES).state_dict())

    absent = {name.split(".")[1] for name in theirs - ours}
    assert ours < theirs
    assert absent == {"time_embedding", "time_projection", "head"}


def test_at_full_size_it_is_within_two_percent_of_fast_wam():
    with torch.device("meta"):
        vla, wam = FlowVla(RELEASED_SIZES), Mixture(RELEASED_SIZES)

    share = sum(p.numel() for p in vla.parameters()) / sum(p.numel() for p in wam.parameters())
    assert 0.98 < share < 1


def test_the_card_decides_the_model():
    assert isinstance(model_of(CARD), FlowVla)
    assert not isinstance(model_of(tiny_card(Variant.JOINT)), FlowVla)


def test_its_weights_are_those_that_a_checkpoint_is_checked_for():
    found = {name: tuple(value.shape) for name, value in FlowVla(SIZES).state_dict().items()}

    assert expected_shapes(SIZES, is_vla=True) == found


def test_a_world_action_model_is_no_vla():
    with pytest.raises(ConfigError, match="joint world action model, expected a VLA"):
        check_vla(tiny_card(Variant.JOINT))


def test_a_vla_that_imagines_is_refused():
    with pytest.raises(ConfigError, match="variant: got joint for a VLA"):
        replace(CARD, variant=Variant.JOINT)
