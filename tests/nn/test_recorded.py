"""Recorded plans: equal to plans that are not; on a CPU a stand-in replays the work itself."""

from dataclasses import replace

import pytest
import torch
from test_cached import ATOL, inputs, schedules
from tiny_wam import SIZES, loud_mixture

from wamlab.core.errors import ConfigError
from wamlab.core.stages import listening
from wamlab.nn.cached import CachedSampler
from wamlab.nn.planning import Computation, Sampling, recorder_for
from wamlab.nn.recorded import CudaGraphs, Recorded, Recording
from wamlab.nn.reuse import Reuse
from wamlab.nn.samplers import Mode


class Replays:
    """What a CUDA graph does, by doing the work again: same inputs, same outputs, in place."""

    def __init__(self):
        self.num_recorded = 0

    def record(self, work):
        self.num_recorded += 1
        outputs = tuple(None if one is None else one.clone() for one in work())

        def again():
            for held, new in zip(outputs, work(), strict=True):
                if held is not None:
                    held.copy_(new)

        return Recording(again, outputs)


def other(start, by=1.0):
    return replace(
        start,
        first_BC1YX=start.first_BC1YX + by,
        video_BCFYX=start.video_BCFYX - by,
        action_BHA=start.action_BHA + by,
    )


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("imagine", [False, True])
def test_a_replayed_plan_is_the_plan_of_its_own_inputs(mode, imagine):
    model, (start, prompts, state) = loud_mixture(SIZES), inputs()
    recorder = Replays()
    recorded = CachedSampler(model, mode, schedules(), recorder=recorder)
    direct = CachedSampler(model, mode, schedules())

    for given in (start, other(start)):
        found = recorded.sample(given, prompts[::-1], state, imagine=imagine)
        expected = direct.sample(given, prompts[::-1], state, imagine=imagine)

        torch.testing.assert_close(found.action_BHA, expected.action_BHA, atol=ATOL, rtol=0)
        assert (found.video_BCFYX is None) == (expected.video_BCFYX is None)
        if imagine:
            torch.testing.assert_close(found.video_BCFYX, expected.video_BCFYX, atol=ATOL, rtol=0)
    assert recorder.num_recorded == 1


def test_prompts_of_other_lengths_and_batches_of_other_sizes():
    model, (start, prompts, state) = loud_mixture(SIZES), inputs()
    recorder = Replays()
    recorded = CachedSampler(model, Mode.JOINT, schedules(), recorder=recorder)
    direct = CachedSampler(model, Mode.JOINT, schedules())

    def first(num):
        cut = replace(
            start,
            first_BC1YX=start.first_BC1YX[:num],
            video_BCFYX=start.video_BCFYX[:num],
            action_BHA=start.action_BHA[:num],
        )
        return cut, prompts[:num], state[:num]

    for num in (1, 3, 2, 3, 1):
        found, expected = (one.sample(*first(num)).action_BHA for one in (recorded, direct))
        torch.testing.assert_close(found, expected, atol=ATOL, rtol=0)
    # Prompts of three, five and seven words are padded alike, so only the three sizes differ.
    assert recorder.num_recorded == 3


def test_an_earlier_result_outlives_the_next_replay():
    doubled = Recorded(lambda x: (2 * x,), Replays())

    (one,) = doubled(torch.ones(3))
    (two,) = doubled(torch.full((3,), 5.0))

    assert one.tolist() == [2.0] * 3
    assert two.tolist() == [10.0] * 3


def test_the_callers_tensors_are_left_alone():
    def negated(x):
        x.neg_()
        return (x,)

    given = torch.ones(3)

    (found,) = Recorded(negated, Replays())(given)

    assert given.tolist() == [1.0] * 3
    assert found.tolist() == [-1.0] * 3


def test_recording_is_not_heard_as_stages():
    heard = []

    class Ears:
        def stage_done(self, stage):
            heard.append(stage)

    model, (start, prompts, state) = loud_mixture(SIZES), inputs()
    sampler = CachedSampler(model, Mode.FIRST_FRAME, schedules(), recorder=Once())

    with listening(Ears()):
        sampler.sample(start, prompts, state)

    assert heard == ["text", "recorded_plan"]


class Once:
    """Records as a CUDA graph is recorded: the work is called, and replays call nothing."""

    def record(self, work):
        return Recording(lambda: None, work())


def settings(**changed):
    return {
        "mode": Mode.JOINT, "num_denoise_steps": 10, "imagine": False, "fixed_seed": None,
        "computation": Computation.CACHED, "max_batch": 1, "cuda_graphs": True, **changed,
    }  # fmt: skip


def test_what_cannot_be_recorded_is_refused():
    with pytest.raises(ConfigError, match="cuda_graphs: got computation plain, expected cached"):
        Sampling(**settings(computation=Computation.PLAIN))
    with pytest.raises(ConfigError, match="leave out this or reuse_above"):
        Sampling(**settings(reuse=Reuse(above=0.9, num_steps=2)))
    with pytest.raises(ConfigError, match="cuda_graphs: got device 'cpu', expected a CUDA"):
        recorder_for(torch.device("cpu"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("mode", list(Mode))
@torch.inference_mode()
def test_a_cuda_graph_gives_the_plan_of_its_own_inputs(mode):
    card = torch.device("cuda:0")
    model, (start, prompts, state) = loud_mixture(SIZES).to(card), inputs()
    steps = schedules()
    steps = type(steps)(*(type(one)(*(part.to(card) for part in one)) for one in steps))
    prompts = [prompt._replace(rows_LT=prompt.rows_LT.to(card)) for prompt in prompts]
    recorded = CachedSampler(model, mode, steps, recorder=CudaGraphs())
    direct = CachedSampler(model, mode, steps)

    for given in (start, other(start), start):
        placed = replace(
            given,
            first_BC1YX=given.first_BC1YX.to(card),
            video_BCFYX=given.video_BCFYX.to(card),
            action_BHA=given.action_BHA.to(card),
        )
        found = recorded.sample(placed, prompts, state.to(card))
        expected = direct.sample(placed, prompts, state.to(card))
        torch.testing.assert_close(found.action_BHA, expected.action_BHA, atol=1e-4, rtol=0)
