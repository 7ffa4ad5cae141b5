import pytest
import torch
from diffusers import WanTransformer3DModel
from tiny_wam import SIZES, loud_mixture

from wamlab.nn.card import RELEASED_SIZES, Variant
from wamlab.nn.checkpoints.wan import from_diffusers
from wamlab.nn.dit import VideoExpert, sinusoid, token_timesteps
from wamlab.nn.masks import attention_mask
from wamlab.nn.mixture import Copy, Mixture

ATOL = 2e-6  # sums of a few hundred float32 numbers of size one


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_full_size_has_the_specified_numbers_of_parameters():
    with torch.device("meta"):
        model = Mixture(RELEASED_SIZES)

    assert count(model.video) == 4_999_787_712
    assert count(model.action) == 1_020_886_023
    assert count(model.proprio_encoder) == 36_864
    assert (len(model.video.state_dict()), len(model.action.state_dict())) == (825, 824)


def test_cosines_come_before_sines():
    embedding = sinusoid(torch.tensor([0.0]), 8)

    assert embedding.tolist() == [[1, 1, 1, 1, 0, 0, 0, 0]]


def test_the_first_frame_is_always_at_time_zero():
    t = token_timesteps(torch.tensor([700.0]), num_frames=2, tokens_per_frame=3)

    assert t.tolist() == [[0, 0, 0, 700, 700, 700]]
    assert token_timesteps(torch.tensor([700.0]), 1, 3).tolist() == [[0, 0, 0]]


def test_without_a_mask_the_video_expert_is_the_public_wan_transformer():
    torch.manual_seed(0)
    public = WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=SIZES.num_heads,
        attention_head_dim=SIZES.head_dim, in_channels=6, out_channels=6, text_dim=40,
        freq_dim=32, ffn_dim=64, num_layers=2, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", eps=1e-6, rope_max_seq_len=32,
    ).eval()  # fmt: skip
    expert = VideoExpert(SIZES)
    ours = {from_diffusers(n).removeprefix("video."): t for n, t in public.state_dict().items()}
    expert.load_state_dict(ours)
    model = loud_mixture(SIZES)
    model.video = expert
    latents, text = torch.randn(2, 6, 1, 4, 6), torch.randn(2, 5, 40)

    context = model.context(text, torch.ones(2, 5, dtype=torch.bool), None)
    stream = model.video_stream([Copy(latents, torch.zeros(2))], context)
    done, _ = model.run_video(stream, None, torch.ones(6, 6, dtype=torch.bool))
    found = model.video.velocity(done.x_BSD, done.temb_BSD, (1, 2, 3))

    expected = public(latents, torch.zeros(2, 6, dtype=torch.long), text, return_dict=False)[0]
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)  # its rotary is float32


@pytest.mark.parametrize("variant", [Variant.ACTION_ONLY, Variant.JOINT])
def test_actions_never_change_what_the_video_says(variant):
    model = loud_mixture(SIZES)
    latents, action = torch.randn(1, 6, 3, 2, 4), torch.randn(2, 1, 5, 7)
    context = model.context(torch.randn(1, 4, 40), torch.ones(1, 4, dtype=torch.bool), None)
    mask = attention_mask(variant, num_frames=3, tokens_per_frame=2, horizon=5)
    copy, t = Copy(latents, torch.tensor([500.0])), torch.tensor([300.0])

    one, other = (model([copy], each, t, context, mask).video_BCFYX for each in action)

    torch.testing.assert_close(one, other, atol=ATOL, rtol=0)


def test_only_joint_actions_see_the_later_frames():
    model = loud_mixture(SIZES)
    latents = torch.randn(1, 6, 3, 2, 4)
    changed = latents.clone()
    changed[:, :, 2] += 1
    action = torch.randn(1, 5, 7)
    context = model.context(torch.randn(1, 4, 40), torch.ones(1, 4, dtype=torch.bool), None)
    t = torch.tensor([500.0])

    moved = {}
    for variant in (Variant.ACTION_ONLY, Variant.JOINT):
        mask = attention_mask(variant, num_frames=3, tokens_per_frame=2, horizon=5)
        a, b = (
            model([Copy(each, t)], action, t, context, mask).action_BHA
            for each in (latents, changed)
        )
        moved[variant] = (a - b).abs().max().item()

    assert moved[Variant.ACTION_ONLY] < ATOL
    assert moved[Variant.JOINT] > 1e-3


def test_training_with_a_clean_condition_says_what_idm_plans_from():
    """One training forward of IDM equals prefill and action step at inference."""
    model = loud_mixture(SIZES)
    latents, noisy = torch.randn(2, 1, 6, 3, 2, 4)
    noisy[:, :, :1] = latents[:, :, :1]
    action, t = torch.randn(1, 5, 7), torch.tensor([300.0])
    state = torch.randn(1, 8)
    context = model.context(torch.randn(1, 4, 40), torch.ones(1, 4, dtype=torch.bool), state)
    mask = attention_mask(Variant.IDM, num_frames=3, tokens_per_frame=2, horizon=5)
    copies = [Copy(noisy, torch.tensor([800.0])), Copy(latents, torch.zeros(1))]

    trained = model(copies, action, t, context, mask).action_BHA

    video = model.video_stream(copies[1:], context)
    _, memory = model.run_video(video, None, mask[6:12, 6:12])
    stream = model.run_action(model.action_stream(action, t, context), None, memory)
    torch.testing.assert_close(trained, model.action.head(stream.x_BSD), atol=ATOL, rtol=0)


def test_hidden_text_changes_nothing():
    model = loud_mixture(SIZES)
    text = torch.randn(1, 4, 40)
    longer = torch.cat([text, torch.randn(1, 3, 40)], dim=1)
    shown = torch.tensor([[True] * 4 + [False] * 3])
    latents, action, t = torch.randn(1, 6, 1, 2, 4), torch.randn(1, 5, 7), torch.tensor([1.0])
    mask = attention_mask(Variant.ACTION_ONLY, num_frames=1, tokens_per_frame=2, horizon=5)
    state = torch.randn(1, 8)

    short, masked = (
        model([Copy(latents, t)], action, t, model.context(rows, seen, state), mask).action_BHA
        for rows, seen in ((text, shown[:, :4]), (longer, shown))
    )

    torch.testing.assert_close(short, masked, atol=ATOL, rtol=0)
