import json

import pytest
import torch
from tiny import tiny_vae_folder
from tiny_nano import tiny_nano_vae, tiny_nano_vae_folder

from wamlab.core.errors import ConfigError
from wamlab.nn.frozen import load_vae, nano_identity
from wamlab.nn.nano_vae import NanoVae, NanoVaeNet, NanoVaeSizes
from wamlab.nn.video_vae import VideoVae

HEIGHT, WIDTH = 32, 64


def clip(num_frames=9, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (2, num_frames, HEIGHT, WIDTH, 3)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(("num_frames", "num_latents"), [(1, 1), (5, 2), (9, 3)])
def test_a_clip_has_one_latent_for_the_first_frame_and_one_for_each_four(num_frames, num_latents):
    vae = tiny_nano_vae()

    latent_BCthw = vae.encode(clip(num_frames))

    assert latent_BCthw.shape == (2, 6, num_latents, HEIGHT // 16, WIDTH // 16)
    assert latent_BCthw.dtype == torch.float32
    assert vae.decode(latent_BCthw).shape == (2, num_frames, HEIGHT, WIDTH, 3)
    assert vae.decode(latent_BCthw).dtype == torch.uint8


def test_the_first_latent_is_that_of_the_frame_alone():
    vae = tiny_nano_vae()

    whole, alone = vae.encode(clip()), vae.encode(clip()[:, :1])

    assert torch.equal(whole[:, :, :1], alone)


@pytest.mark.parametrize(("changed_frame", "first_changed"), [(1, 1), (4, 1), (5, 2), (8, 2)])
def test_a_latent_depends_on_no_later_frame(changed_frame, first_changed):
    vae, frames = tiny_nano_vae(), clip()
    other = frames.clone()
    other[:, changed_frame] = clip(seed=1)[:, changed_frame]

    difference = (vae.encode(other) - vae.encode(frames)).abs().amax(dim=(0, 1, 3, 4))

    assert (difference[:first_changed] == 0).all()
    assert difference[first_changed] > 1e-3


def test_frames_depend_on_no_later_latent():
    vae = tiny_nano_vae()
    latent_BCthw = vae.encode(clip())

    fewer = vae.decode(latent_BCthw[:, :, :2])

    # The same sums in batches of another size may be rounded to the next of 256 levels.
    difference = vae.decode(latent_BCthw)[:, :5].int() - fewer.int()
    assert difference.abs().max() <= 1


def test_latents_are_normalised_by_the_stored_scale():
    vae = tiny_nano_vae()
    sizes = vae.model.sizes
    raw_BtChw = vae.model.encode(clip().permute(0, 1, 4, 2, 3).float() * 2 / 255 - 1)

    normalised = vae.encode(clip())

    by_hand = (raw_BtChw[:, :, 3] - sizes.latents_mean[3]) / sizes.latents_std[3]
    torch.testing.assert_close(normalised[:, 3], by_hand, atol=1e-6, rtol=0)  # one rounding


def test_a_saved_vae_comes_back(tmp_path):
    vae = tiny_nano_vae()
    vae.save(tmp_path, torch.float32)

    loaded = NanoVae.load(tmp_path, torch.float32)

    latent_BCthw = loaded.encode(clip())
    # Weights lie otherwise in memory, so sums may run in another order.
    torch.testing.assert_close(latent_BCthw, vae.encode(clip()), atol=1e-5, rtol=0)
    assert loaded.decodes
    assert (loaded.latent_channels, loaded.spatial_stride, loaded.temporal_stride) == (6, 16, 4)


def test_without_its_decoder_it_encodes_and_refuses_to_decode(tmp_path):
    folder = tiny_nano_vae_folder(tmp_path)

    vae = NanoVae.load(folder, torch.float32, decoder=False)

    latent_BCthw = vae.encode(clip())
    assert torch.equal(latent_BCthw, NanoVae.load(folder, torch.float32).encode(clip()))
    with pytest.raises(ConfigError, match="loaded without its decoder"):
        vae.decode(latent_BCthw)


def test_nothing_of_it_is_trained_any_more():
    assert not any(parameter.requires_grad for parameter in tiny_nano_vae().model.parameters())


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((1, 5, 32, 32, 3), torch.float32, "expected uint8"),
        ((1, 4, 32, 32, 3), torch.uint8, r"got 4, expected 1 \+ 4 n"),
        ((1, 5, 24, 32, 3), torch.uint8, "24x32 pixels, expected multiples of 16"),
    ],
)
def test_frames_of_another_kind_are_refused(shape, dtype, message):
    with pytest.raises(ValueError, match=message):
        tiny_nano_vae().encode(torch.zeros(shape, dtype=dtype))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"_class_name": "AutoencoderKLWan"}, "expected 'NanoVae'"),
        ({"latents_mean": [0.0]}, "latents_mean: got 1 numbers, expected 6"),
        ({"latents_std": []}, "latents_mean: got none"),
        ({"fine_width": 24}, "do not fit its config.json"),
        ({"unknown": 1}, "expected a nano VAE's sizes"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(tmp_path, changes, message):
    path = tiny_nano_vae_folder(tmp_path) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    with pytest.raises(ConfigError, match=message):
        NanoVae.load(tmp_path, torch.float32)


def test_a_vae_without_scale_is_refused():
    with pytest.raises(ConfigError, match="expected the scale of the latents"):
        NanoVae(NanoVaeNet(NanoVaeSizes()))


def test_the_folder_decides_which_vae_is_loaded(tmp_path):
    nano = load_vae(tiny_nano_vae_folder(tmp_path / "nano"), torch.float32)
    wan = load_vae(tiny_vae_folder(tmp_path / "wan"), torch.float32)

    assert isinstance(nano, NanoVae)
    assert isinstance(wan, VideoVae)


def test_other_weights_have_another_identity(tmp_path):
    one, other = (tiny_nano_vae_folder(tmp_path / str(seed), seed=seed) for seed in (0, 1))

    assert nano_identity(one) == nano_identity(one)
    assert nano_identity(one) != nano_identity(other)


def test_it_has_at_most_a_million_and_a_half_weights():
    with torch.device("meta"):
        model = NanoVaeNet(NanoVaeSizes())

    assert sum(parameter.numel() for parameter in model.parameters()) < 1_500_000
