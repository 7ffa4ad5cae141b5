import json
import re

import pytest
import torch
from tiny import tiny_vae, tiny_vae_folder

from wamlab.core.errors import ConfigError
from wamlab.nn.video_vae import WAN22_CONFIG, AutoencoderKLWan, VideoVae, drop_decoder

# float32: convolutions over other batch sizes sum in another order; latents are of order 1
ROUNDING = 1e-5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_vae_folder(tmp_path_factory.mktemp("vae"))


@pytest.fixture(scope="module")
def vae(folder):
    return VideoVae.load(folder, torch.float32)


def clip(batch=1, num_frames=9, seed=0):
    numbers = torch.Generator().manual_seed(seed)
    shape = (batch, num_frames, 64, 128, 3)
    return torch.randint(0, 256, shape, generator=numbers, dtype=torch.uint8)


def test_a_clip_becomes_one_latent_per_16_pixels_and_4_frames_after_the_first(vae):
    latent = vae.encode(clip(batch=2))

    assert latent.shape == (2, 6, 3, 4, 8)
    assert latent.dtype == torch.float32
    assert (vae.latent_channels, vae.spatial_stride, vae.temporal_stride) == (6, 16, 4)


def test_the_first_frame_alone_gives_the_first_latent_of_the_clip(vae):
    frames = clip()

    alone, whole = vae.encode(frames[:, :1]), vae.encode(frames)

    torch.testing.assert_close(alone, whole[:, :, :1], atol=ROUNDING, rtol=0)


def test_a_batch_equals_its_clips_one_by_one(vae):
    frames = clip(batch=3, num_frames=5)

    together = vae.encode(frames)

    one_by_one = torch.cat([vae.encode(frame) for frame in frames.split(1)])
    torch.testing.assert_close(together, one_by_one, atol=ROUNDING, rtol=0)


def test_nothing_of_one_call_reaches_the_next(vae):
    first, other = clip(seed=1), clip(seed=2)
    before = vae.encode(first)

    vae.decode(vae.encode(other))
    after = vae.encode(first)

    assert torch.equal(before, after)


def test_a_call_that_broke_off_leaves_nothing_behind(vae):
    before = vae.encode(clip())
    handle = vae.model.quant_conv.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        vae.encode(clip(seed=3))
    handle.remove()

    after = vae.encode(clip())

    assert torch.equal(before, after)


def test_latents_are_the_posterior_mean_in_units_of_the_config(vae):
    frames = clip(num_frames=5)
    config = vae.model.config
    pixels = frames.permute(0, 4, 1, 2, 3).to(torch.float64).mul(2 / 255).sub(1).float()
    raw = vae.model.encode(pixels).latent_dist.mean
    mean, std = (torch.tensor(config[name]) for name in ("latents_mean", "latents_std"))

    latent = vae.encode(frames)

    expected = (raw - mean.view(1, -1, 1, 1, 1)) / std.view(1, -1, 1, 1, 1)
    torch.testing.assert_close(latent, expected, atol=ROUNDING, rtol=0)


def test_decoding_undoes_the_units_and_gives_bytes(vae):
    latent = vae.encode(clip(batch=2))
    config = vae.model.config
    mean, std = (torch.tensor(config[name]) for name in ("latents_mean", "latents_std"))
    raw = latent * std.view(1, -1, 1, 1, 1) + mean.view(1, -1, 1, 1, 1)
    expected = vae.model.decode(raw).sample.add(1).mul(127.5).permute(0, 2, 3, 4, 1)

    frames = vae.decode(latent)

    assert frames.shape == (2, 9, 64, 128, 3)
    assert frames.dtype == torch.uint8
    # half a grey level from rounding, and a hair for float32
    torch.testing.assert_close(frames.float(), expected, atol=0.501, rtol=0)


def test_frames_out_of_range_are_clamped():
    loud = VideoVae(tiny_vae())
    loud.model.decoder.conv_out.weight.mul_(1e4)

    frames = loud.decode(loud.encode(clip(num_frames=1)))

    black_or_white = ((frames == 0) | (frames == 255)).float().mean()
    assert black_or_white > 0.99  # bytes that wrapped round would be of any grey


def test_half_precision_weights_keep_the_latents_units_in_float32(folder):
    half = VideoVae.load(folder, torch.bfloat16)

    latent = half.encode(clip(num_frames=1))

    assert latent.dtype == torch.float32
    assert half.model.dtype == torch.bfloat16


def test_without_its_decoder_it_encodes_the_same_and_says_why_it_cannot_decode(folder, vae):
    encoder = VideoVae.load(folder, torch.float32, decoder=False)

    latent = encoder.encode(clip())

    assert torch.equal(latent, vae.encode(clip()))
    assert not encoder.decodes
    with pytest.raises(ConfigError, match="without its decoder"):
        encoder.decode(latent)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (torch.zeros(1, 4, 64, 64, 3, dtype=torch.uint8), "got 4, expected 1 + 4 n"),
        (torch.zeros(1, 1, 40, 64, 3, dtype=torch.uint8), "got 40x64 pixels"),
        (torch.zeros(1, 1, 64, 64, 3), "expected uint8"),
    ],
)
def test_frames_that_do_not_fit_are_named(vae, frames, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        vae.encode(frames)


def test_a_config_without_the_latents_units_is_refused(tmp_path):
    path = tiny_vae_folder(tmp_path) / "config.json"
    config = json.loads(path.read_text())
    del config["latents_mean"]
    path.write_text(json.dumps(config))

    with pytest.raises(ConfigError, match="latents_mean: got 16 numbers, expected 6"):
        VideoVae.load(tmp_path, torch.float32)


def test_weights_of_another_vae_are_refused(tmp_path):
    path = tiny_vae_folder(tmp_path, latent_channels=6) / "config.json"
    config = json.loads(path.read_text())
    config["base_dim"] = 16
    path.write_text(json.dumps(config))

    with pytest.raises(ConfigError, match=r"do not fit its config\.json"):
        VideoVae.load(tmp_path, torch.float32)


def test_a_folder_without_weights_is_refused(tmp_path):
    (tiny_vae_folder(tmp_path) / "diffusion_pytorch_model.safetensors").unlink()

    with pytest.raises(ConfigError, match=r"no \*\.safetensors"):
        VideoVae.load(tmp_path, torch.float32)


def test_a_folder_with_the_weights_twice_is_refused(tmp_path):
    file = tiny_vae_folder(tmp_path) / "diffusion_pytorch_model.safetensors"
    (tmp_path / "other.safetensors").write_bytes(file.read_bytes())

    with pytest.raises(ConfigError, match="keep one set of weights"):
        VideoVae.load(tmp_path, torch.float32)


def test_the_constructor_takes_any_loaded_model_and_freezes_it():
    vae = VideoVae(tiny_vae(latent_channels=8))

    assert vae.latent_channels == 8
    assert not any(weight.requires_grad for weight in vae.model.parameters())


def test_the_released_vae_has_704_688_668_weights_of_which_149_6_million_encode():
    with torch.device("meta"):
        model = AutoencoderKLWan(**WAN22_CONFIG)

    whole = sum(weight.numel() for weight in model.parameters())
    drop_decoder(model)
    kept = sum(weight.numel() for weight in model.parameters())

    assert whole == 704_688_668
    assert kept == pytest.approx(149.6e6, abs=0.1e6)


def test_the_released_latents_units_are_48_pairs():
    mean, std = WAN22_CONFIG["latents_mean"], WAN22_CONFIG["latents_std"]

    assert len(mean) == len(std) == 48
    # from specification, section 2: both ends, the extremes and where they stand
    assert (mean[0], mean[47], max(mean), mean.index(0.5109)) == (-0.2289, -0.0667, 0.5109, 19)
    assert (std[0], std[47], max(std), std.index(1.6887)) == (0.4765, 0.7744, 1.6887, 39)
