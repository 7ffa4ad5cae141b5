import gc
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_wam import plane_card, tiny_card, tiny_wam_folder

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.contracts import check_policy, first_requests
from wamlab.core.errors import ConfigError, SimulatorError
from wamlab.engine.planner import policy_digest
from wamlab.nn.card import Variant
from wamlab.nn.model_folder import Sources, load_parts
from wamlab.nn.planning import executable
from wamlab.nn.samplers import Mode
from wamlab.policies.fast_wam import Computation, Dtype, FastWam

BENCHMARK = PointMass(PointMass.Config())
ATOL = 1e-5  # of normalised actions of size one; three float32 steps


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("wam")
    return {v: tiny_wam_folder(root / v.value, plane_card(v)) for v in Variant}


def policy(folder, **settings):
    return FastWam(FastWam.Config(checkpoint=folder, **{"num_denoise_steps": 3, **settings}))


def plans(wam, times=1):
    requests = first_requests(wam, BENCHMARK, num_episodes=3)
    for request in requests:
        wam.begin(request.key)
    chunks = [wam.plan(requests) for _ in range(times)]
    for request in requests:
        wam.end(request.key)
    return chunks


@pytest.mark.parametrize("variant", list(Variant))
def test_every_variant_keeps_the_contract_of_policies(folders, variant):
    check_policy(policy(folders[variant]), BENCHMARK)


@pytest.mark.parametrize("variant", list(Variant))
def test_both_computations_plan_and_imagine_the_same(folders, variant):
    (cached,), (plain,) = (
        plans(policy(folders[variant], imagine=True, computation=computation))
        for computation in Computation
    )

    for one, other in zip(cached, plain, strict=True):
        np.testing.assert_allclose(one.actions, other.actions, atol=ATOL)
        difference = one.imagined.astype(int) - other.imagined
        assert np.abs(difference).max() <= 1  # a pixel value on the border of two


def test_an_imagined_video_begins_with_what_was_observed_and_names_its_time(folders):
    (chunks,) = plans(policy(folders[Variant.JOINT], imagine=True))

    card = plane_card(Variant.JOINT)
    assert chunks[0].imagined.shape == (9, 32, 32, 3)
    assert chunks[0].imagined_every == card.steps_per_frame == 1
    assert chunks[0].imagined_layout == card.cameras


def test_noise_is_new_at_each_plan_and_the_same_in_each_run(folders):
    first, second = plans(policy(folders[Variant.ACTION_ONLY]), times=2)
    again, _ = plans(policy(folders[Variant.ACTION_ONLY]), times=2)

    assert not np.array_equal(first[0].actions, second[0].actions)
    assert np.array_equal(first[0].actions, again[0].actions)


def test_a_fixed_seed_repeats_the_noise_at_each_plan(folders):
    first, second = plans(policy(folders[Variant.IDM], fixed_seed=42), times=2)

    assert np.array_equal(first[0].actions, second[0].actions)


def test_episodes_beyond_the_largest_batch_are_planned_too(folders):
    (whole,) = plans(policy(folders[Variant.JOINT]))
    (split,) = plans(policy(folders[Variant.JOINT], max_batch=2))

    for one, other in zip(whole, split, strict=True):
        np.testing.assert_allclose(one.actions, other.actions, atol=ATOL)


def test_optional_idm_has_two_modes(folders):
    (idm,) = plans(policy(folders[Variant.OPTIONAL_IDM]))
    (first_frame,) = plans(policy(folders[Variant.OPTIONAL_IDM], mode=Mode.FIRST_FRAME))

    assert not np.array_equal(idm[0].actions, first_frame[0].actions)


def test_bfloat16_stays_near_float32(folders):
    (exact,) = plans(policy(folders[Variant.ACTION_ONLY]))
    (rounded,) = plans(policy(folders[Variant.ACTION_ONLY], dtype=Dtype.BFLOAT16))

    # bfloat16 keeps 8 bits, in the VAE too; raw actions here are up to 4
    assert np.abs(rounded[0].actions - exact[0].actions).mean() < 0.15


def test_a_gripper_of_zero_and_one_is_executed_as_open_minus_one(tmp_path):
    folder = tiny_wam_folder(tmp_path / "wam", tiny_card(Variant.ACTION_ONLY))
    parts = load_parts(
        Sources(checkpoint=folder), dtype=torch.float32, device=torch.device("cpu"), decoder=False
    )
    normalised = np.zeros((1, 32, 7), np.float32)

    for said, executed in ((0.2, 1), (0.9, -1)):
        scale, offset = (getattr(parts.normalisers.action, n) for n in ("scale", "offset"))
        normalised[..., -1] = said * scale[-1] + offset[-1]
        assert (executable(normalised, parts)[..., -1] == executed).all()


def test_nan_in_the_state_is_no_fault_of_the_policy(folders):
    wam = policy(folders[Variant.JOINT])
    (good, bad, _) = first_requests(wam, BENCHMARK, num_episodes=3)
    broken = replace(bad.observations[0], state=np.array([np.nan, 0], np.float32))
    for request in (good, bad):
        wam.begin(request.key)

    with pytest.raises(SimulatorError, match=r"state: got .*nan.*expected finite numbers"):
        wam.plan([good, replace(bad, observations=(broken,))])
    assert len(wam.plan([good])) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": Mode.JOINT}, "got joint for a action_only model, which was trained for first"),
        ({"num_denoise_steps": 0}, "num_denoise_steps: got 0, expected at least 1"),
        ({"device": "tpu9"}, "device: got 'tpu9', expected e.g. 'cpu'"),
        ({"variant": Variant.IDM}, "variant: got idm, but the model's card says action_only"),
        ({"action_shift": 1.0}, "action_shift: got 1.0, but the model's card says 5.0"),
    ],
)
def test_wrong_settings_are_refused_before_the_run(folders, settings, message):
    with pytest.raises(ConfigError, match=message):
        policy(folders[Variant.ACTION_ONLY], **settings)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("vae", "vae: no folder .*; name one with --set policy.vae=DIR"),
        ("text", "text: no folder .* and no cached prompts"),
        ("dataset_stats.json", "statistics"),
        ("model.safetensors", "model.safetensors"),
    ],
)
def test_a_missing_part_is_named_before_the_run(tmp_path, missing, message):
    folder = tiny_wam_folder(tmp_path / "wam", plane_card(Variant.ACTION_ONLY))
    (folder / missing).rename(tmp_path / "elsewhere")

    with pytest.raises(ConfigError, match=message):
        policy(folder)


def test_a_missing_checkpoint_is_named_with_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match=r"checkpoint: no .*nowhere; name a model folder"):
        policy(tmp_path / "nowhere")


def test_a_vae_of_another_model_is_refused(tmp_path):
    from tiny import tiny_vae_folder

    folder = tiny_wam_folder(tmp_path / "wam", plane_card(Variant.ACTION_ONLY))
    other = tiny_vae_folder(tmp_path / "vae", latent_channels=4)

    with pytest.raises(ConfigError, match="has 4 channels, expected 6 as in the model's card"):
        policy(folder, vae=other)


def test_cached_prompts_stand_in_for_the_text_encoder(tmp_path):
    folder = tiny_wam_folder(tmp_path / "wam", plane_card(Variant.JOINT))
    (expected,) = plans(policy(folder, prompts=tmp_path / "prompts"))
    (folder / "text").rename(tmp_path / "elsewhere")

    (found,) = plans(policy(folder, prompts=tmp_path / "prompts"))

    assert np.array_equal(found[0].actions, expected[0].actions)


def test_an_unknown_prompt_without_an_encoder_is_an_error_and_no_failure(tmp_path):
    folder = tiny_wam_folder(tmp_path / "wam", plane_card(Variant.JOINT))
    (folder / "text").rename(tmp_path / "elsewhere")
    (tmp_path / "prompts").mkdir()
    wam = policy(folder, prompts=tmp_path / "prompts")

    with pytest.raises(ConfigError, match="no text encoder to make it"):
        plans(wam)


def test_other_weights_have_another_name(tmp_path, folders):
    other = tiny_wam_folder(tmp_path / "wam", plane_card(Variant.JOINT), seed=1)

    names = {policy(folder).weights for folder in (other, *folders.values())}

    assert len(names) == 5
    assert policy(other).weights in names


def test_a_copy_is_the_same_policy(tmp_path):
    folder = tiny_wam_folder(tmp_path / "wam", plane_card(Variant.JOINT))
    copy = shutil.copytree(folder, tmp_path / "copy")

    assert name_of(folder) == name_of(copy)
    assert name_of(folder) == name_of(copy, vae=folder / "vae")
    assert name_of(folder) != name_of(copy, num_denoise_steps=3)


def test_what_was_loaded_names_the_policy_also_from_a_copy(tmp_path):
    folder = tiny_wam_folder(tmp_path / "wam", plane_card(Variant.JOINT))
    copy = shutil.copytree(folder, tmp_path / "copy")
    statistics = copy / "dataset_stats.json"
    statistics.write_text(statistics.read_text() + " ")

    assert name_of(folder) != name_of(copy)


def test_a_folder_of_prompts_beside_an_encoder_counts_by_its_place(tmp_path):
    folder = tiny_wam_folder(tmp_path / "wam", plane_card(Variant.JOINT))

    names = {name_of(folder, prompts=place) for place in (None, tmp_path / "a", tmp_path / "b")}

    assert len(names) == 3


@pytest.mark.parametrize("variant", list(Variant))
def test_ended_episodes_leave_nothing_behind(folders, variant):
    wam = policy(folders[variant])
    plans(wam, times=2)
    before = num_tensors()

    for _ in range(5):
        plans(wam, times=2)

    assert num_tensors() == before


def num_tensors():
    gc.collect()
    return sum(issubclass(type(found), torch.Tensor) for found in gc.get_objects())


def name_of(folder, **settings):
    config = FastWam.Config(checkpoint=folder, **settings)
    return policy_digest(config, FastWam(config))
