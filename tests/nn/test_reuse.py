"""Steps that take over a velocity, against a loop that is written out here."""

import pytest
import torch
from test_cached import ATOL, inputs, schedules
from tiny_wam import SIZES, loud_mixture

from wamlab.core.errors import ConfigError
from wamlab.nn.cached import CachedSampler
from wamlab.nn.card import Variant
from wamlab.nn.dit import grid_of
from wamlab.nn.masks import attention_mask
from wamlab.nn.mixture import Copy
from wamlab.nn.planning import Computation, Sampling
from wamlab.nn.reuse import Reuse, Velocities
from wamlab.nn.samplers import Mode
from wamlab.policies.fast_wam import FastWam

NUM_STEPS = 10
ALWAYS, NEVER = Reuse(above=-1.0, num_steps=4), Reuse(above=1.0, num_steps=4)


def computed_steps(reuse, velocities):
    """Which steps of a plan are computed, given the velocity that each would have."""
    known, computed = Velocities(reuse), []
    for step, velocity in enumerate(velocities):
        if not known.are_due():
            known.learn_video(velocity)
            computed.append(step)
    return computed


def test_velocities_that_never_turn_are_computed_as_seldom_as_dreamzero_does():
    still = [torch.ones(1, 3)] * 16

    assert computed_steps(ALWAYS, still) == [0, 1, 6, 11]  # its "16 to 4"
    assert computed_steps(None, still) == list(range(16))


def test_only_velocities_that_point_the_same_way_are_taken_over():
    angles = torch.tensor([0.0, 0.5, 0.6, 0.0, 0.0, 0.1, 1.0, 1.5])
    turning = list(torch.stack([angles.cos(), angles.sin()], dim=1).unsqueeze(1))

    # Steps 1 and 2 lie 0.1 rad apart, whose cosine is 0.995; those before and after lie further.
    assert computed_steps(Reuse(above=0.99, num_steps=2), turning) == [0, 1, 2, 5, 6, 7]


def jointly(model, start, prompt, state, plan, reuse_after):
    """Joint denoising in which the steps of `reuse_after` take over the step's velocity."""
    text = prompt.rows_LT.unsqueeze(0)
    context = model.context(text, torch.ones(text.shape[:2], dtype=torch.bool), state)
    latents = torch.cat([start.first_BC1YX, start.video_BCFYX[:, :, 1:]], dim=2)
    frames, rows, columns = grid_of(latents)
    actions = start.action_BHA
    mask = attention_mask(
        Variant.JOINT, num_frames=frames, tokens_per_frame=rows * columns,
        horizon=actions.shape[1], device=actions.device,
    )  # fmt: skip
    said = None
    for step in range(NUM_STEPS):
        if step not in reuse_after:
            t_video, t_action = plan.video.timesteps[step], plan.action.timesteps[step]
            said = model([Copy(latents, t_video[None])], actions, t_action[None], context, mask)
        latents = latents + plan.video.deltas[step] * said.video_BCFYX
        latents = torch.cat([start.first_BC1YX, latents[:, :, 1:]], dim=2)
        actions = actions + plan.action.deltas[step] * said.action_BHA
    return actions, latents


def test_a_joint_plan_goes_on_with_the_last_velocities_of_video_and_actions():
    model, (start, [prompt], state) = loud_mixture(SIZES), inputs(batch=1)
    plan = schedules(NUM_STEPS)

    sampler = CachedSampler(model, Mode.JOINT, plan, ALWAYS)
    found = sampler.sample(start, [prompt], state, imagine=True)

    with torch.no_grad():
        actions, latents = jointly(model, start, prompt, state, plan, {2, 3, 4, 5, 7, 8, 9})
        exact, _ = jointly(model, start, prompt, state, plan, set())
    torch.testing.assert_close(found.action_BHA, actions, atol=ATOL, rtol=0)
    torch.testing.assert_close(found.video_BCFYX, latents, atol=ATOL, rtol=0)
    assert not torch.allclose(found.action_BHA, exact, atol=1e-3)


@pytest.mark.parametrize("mode", [Mode.JOINT, Mode.IDM])
def test_a_cosine_that_is_never_exceeded_changes_nothing(mode):
    model, (start, [prompt], state) = loud_mixture(SIZES), inputs(batch=1)
    plan = schedules(NUM_STEPS)

    found = CachedSampler(model, mode, plan, NEVER).sample(start, [prompt], state)

    expected = CachedSampler(model, mode, plan).sample(start, [prompt], state)
    assert torch.equal(found.action_BHA, expected.action_BHA)


def test_idm_leaves_out_steps_of_the_video_alone(monkeypatch):
    model, (start, [prompt], state) = loud_mixture(SIZES), inputs(batch=1)
    marks = []
    monkeypatch.setattr("wamlab.nn.cached.stage_done", marks.append)

    CachedSampler(model, Mode.IDM, schedules(NUM_STEPS), ALWAYS).sample(start, [prompt], state)

    counts = {name: marks.count(name) for name in ("video_step", "reused_step", "action_step")}
    assert counts == {"video_step": 3, "reused_step": 7, "action_step": 10}


def test_samples_do_not_decide_for_each_other():
    model, (start, prompts, state) = loud_mixture(SIZES), inputs(batch=2)
    prompts = prompts[:2]

    with pytest.raises(ValueError, match="got 2 samples, expected one to decide for"):
        CachedSampler(model, Mode.JOINT, schedules(), ALWAYS).sample(start, prompts, state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": Mode.FIRST_FRAME}, "reuse_above: this model's actions wait for no video"),
        ({"computation": Computation.PLAIN}, "got computation plain, expected cached"),
        ({"max_batch": 32}, "got max_batch 32, expected 1"),
    ],
)
def test_what_cannot_leave_out_steps_is_refused(changes, message):
    settings = {
        "mode": Mode.JOINT, "num_denoise_steps": 10, "imagine": False, "fixed_seed": None,
        "computation": Computation.CACHED, "max_batch": 1, "reuse": ALWAYS,
    }  # fmt: skip

    Sampling(**settings)
    with pytest.raises(ConfigError, match=message):
        Sampling(**settings | changes)


@pytest.mark.parametrize(
    ("above", "num_steps", "message"),
    [(1.5, 4, "reuse_above: got 1.5, expected a cosine"), (0.9, 0, "reuse_steps: got 0")],
)
def test_a_rule_that_makes_no_sense_is_refused(above, num_steps, message):
    with pytest.raises(ConfigError, match=message):
        Reuse(above=above, num_steps=num_steps)


def test_a_number_of_steps_without_a_cosine_is_refused():
    with pytest.raises(ConfigError, match="reuse_steps: got 3 without reuse_above"):
        FastWam.Config(checkpoint="model", reuse_steps=3)
