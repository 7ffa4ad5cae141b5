"""The cached path against the plain one: same numbers, less work."""

from dataclasses import replace

import pytest
import torch
from tiny_wam import SIZES, loud_mixture

from wamlab.nn.cached import CachedSampler
from wamlab.nn.cached_text import Prompt
from wamlab.nn.flow import schedule
from wamlab.nn.layout import lay_out
from wamlab.nn.samplers import Mode, Schedules, Start, sample, sample_both

ATOL = 1e-5  # ten rounded steps of a float32 model whose actions are of size one
NUM_WORDS = (3, 7, 5)  # tokens of each sample's prompt, of twelve rows


def inputs(batch=3, frames=3):
    generator = torch.Generator().manual_seed(1)

    def normal(*shape):
        return torch.randn(shape, generator=generator)

    start = Start(
        first_BC1YX=normal(batch, 6, 1, 4, 6),
        video_BCFYX=normal(batch, 6, frames, 4, 6),
        action_BHA=normal(batch, 8, 7),
    )
    prompts = []
    for index in range(batch):
        rows = torch.zeros(12, 40)
        rows[: NUM_WORDS[index]] = normal(NUM_WORDS[index], 40)
        prompts.append(Prompt(f"prompt {index}", rows))
    return start, prompts, normal(batch, 8)


def schedules(num_steps=4, video_shift=5.0, action_shift=1.0):
    return Schedules(schedule(num_steps, video_shift), schedule(num_steps, action_shift))


def plain(model, mode, start, prompts, state, steps):
    rows = torch.stack([prompt.rows_LT for prompt in prompts])
    context = model.context(rows, torch.ones(rows.shape[:2], dtype=torch.bool), state)
    return sample(model, mode, start, context, steps)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("num_steps", [1, 4])
def test_cached_plans_equal_plain_plans(mode, num_steps):
    model, (start, prompts, state) = loud_mixture(SIZES), inputs()
    steps = schedules(num_steps)

    found = CachedSampler(model, mode, steps).sample(start, prompts, state)

    expected = plain(model, mode, start, prompts, state, steps)
    torch.testing.assert_close(found.action_BHA, expected.action_BHA, atol=ATOL, rtol=0)
    assert found.video_BCFYX is None


@pytest.mark.parametrize("mode", [Mode.JOINT, Mode.IDM])
def test_an_imagined_video_is_the_plain_one_and_costs_no_action(mode):
    model, (start, prompts, state) = loud_mixture(SIZES), inputs()
    sampler = CachedSampler(model, mode, schedules())

    blind = sampler.sample(start, prompts, state)
    seeing = sampler.sample(start, prompts, state, imagine=True)

    expected = plain(model, mode, start, prompts, state, schedules())
    torch.testing.assert_close(seeing.video_BCFYX, expected.video_BCFYX, atol=ATOL, rtol=0)
    assert torch.equal(blind.action_BHA, seeing.action_BHA)


def test_an_action_only_model_can_imagine_beside_its_plan():
    model, (start, prompts, state) = loud_mixture(SIZES), inputs()
    rows = torch.stack([prompt.rows_LT for prompt in prompts])
    context = model.context(rows, torch.ones(rows.shape[:2], dtype=torch.bool), state)

    sampler = CachedSampler(model, Mode.FIRST_FRAME, schedules())
    found = sampler.sample(start, prompts, state, imagine=True)

    expected = sample_both(model, start, context, schedules())
    torch.testing.assert_close(found.action_BHA, expected.action_BHA, atol=ATOL, rtol=0)
    torch.testing.assert_close(found.video_BCFYX, expected.video_BCFYX, atol=ATOL, rtol=0)


def test_joint_and_idm_imagine_the_same_video():
    model, (start, prompts, state) = loud_mixture(SIZES), inputs()

    joint, idm = (
        CachedSampler(model, mode, schedules()).sample(start, prompts, state, imagine=True)
        for mode in (Mode.JOINT, Mode.IDM)
    )

    torch.testing.assert_close(joint.video_BCFYX, idm.video_BCFYX, atol=ATOL, rtol=0)
    assert (joint.action_BHA - idm.action_BHA).abs().max() > 1e-3


@pytest.mark.parametrize("mode", list(Mode))
def test_a_batch_plans_what_each_sample_plans_alone(mode):
    model, (start, prompts, state) = loud_mixture(SIZES), inputs()
    sampler = CachedSampler(model, mode, schedules())

    together = sampler.sample(start, prompts, state).action_BHA

    for index, prompt in enumerate(prompts):
        one = slice(index, index + 1)
        assert start.video_BCFYX is not None
        alone = Start(
            first_BC1YX=start.first_BC1YX[one],
            video_BCFYX=start.video_BCFYX[one],
            action_BHA=start.action_BHA[one],
        )
        found = sampler.sample(alone, [prompt], state[one]).action_BHA
        torch.testing.assert_close(found, together[one], atol=ATOL, rtol=0)


def test_plans_do_not_depend_on_what_was_planned_before():
    model, (start, prompts, state) = loud_mixture(SIZES), inputs()
    used = CachedSampler(model, Mode.IDM, schedules())
    used.sample(start, prompts[::-1], state + 1)

    found = used.sample(start, prompts, state).action_BHA

    fresh = CachedSampler(model, Mode.IDM, schedules()).sample(start, prompts, state).action_BHA
    assert torch.equal(found, fresh)


def test_a_model_without_proprioception_reads_the_text_alone():
    sizes = replace(SIZES, state_dim=0)
    model, (start, prompts, _) = loud_mixture(sizes), inputs()

    found = CachedSampler(model, Mode.JOINT, schedules()).sample(start, prompts, None)

    expected = plain(model, Mode.JOINT, start, prompts, None, schedules())
    torch.testing.assert_close(found.action_BHA, expected.action_BHA, atol=ATOL, rtol=0)


def test_a_prompt_without_pads_is_read_whole():
    model, (start, _, state) = loud_mixture(SIZES), inputs(batch=1)
    full = [Prompt("full", torch.randn(12, 40, generator=torch.Generator().manual_seed(2)))]

    found = CachedSampler(model, Mode.FIRST_FRAME, schedules()).sample(start, full, state)

    expected = plain(model, Mode.FIRST_FRAME, start, full, state, schedules())
    torch.testing.assert_close(found.action_BHA, expected.action_BHA, atol=ATOL, rtol=0)


def test_weights_laid_out_otherwise_are_the_same_weights():
    model, (start, prompts, state) = loud_mixture(SIZES), inputs()
    before = plain(model, Mode.JOINT, start, prompts, state, schedules()).action_BHA
    stored = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    lay_out(model)

    after = plain(model, Mode.JOINT, start, prompts, state, schedules()).action_BHA
    torch.testing.assert_close(after, before, atol=ATOL, rtol=0)
    assert all(torch.equal(tensor, stored[name]) for name, tensor in model.state_dict().items())


def test_a_video_without_noise_is_refused():
    model, (start, prompts, state) = loud_mixture(SIZES), inputs()
    sampler = CachedSampler(model, Mode.JOINT, schedules())

    with pytest.raises(ValueError, match="noise: got none for the video"):
        sampler.sample(replace(start, video_BCFYX=None), prompts, state)


@pytest.mark.parametrize("mode", list(Mode))
def test_bfloat16_plans_stay_near_plain_ones(mode):
    model, (start, prompts, state) = loud_mixture(SIZES).to(torch.bfloat16), inputs()
    low = torch.bfloat16
    start = Start(
        first_BC1YX=start.first_BC1YX.to(low),
        video_BCFYX=start.video_BCFYX.to(low),
        action_BHA=start.action_BHA.to(low),
    )
    prompts = [Prompt(words, rows.to(low)) for words, rows in prompts]
    steps = Schedules(schedule(4, 5.0, dtype=low), schedule(4, 5.0, dtype=low))

    found = CachedSampler(model, mode, steps).sample(start, prompts, state.to(low))

    expected = plain(model, mode, start, prompts, state.to(low), steps)
    assert found.action_BHA.dtype == low
    # bfloat16 keeps 8 bits: numbers of size 2 are 0.016 apart, and four steps add up
    torch.testing.assert_close(found.action_BHA, expected.action_BHA, atol=0.1, rtol=0)
