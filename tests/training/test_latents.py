from dataclasses import replace

import numpy as np
import pytest
import torch
from plane import losses, training, write_demonstrations
from tiny import tiny_vae

from wamlab.core.errors import ConfigError
from wamlab.nn.video_vae import VideoVae
from wamlab.training.latents import latents_of
from wamlab.training.processes import Processes
from wamlab.training.trainer import train

ALONE = Processes(rank=0, count=1, device=torch.device("cpu"))


class Clips:
    """Twenty windows; says how often it was looked at."""

    def __init__(self):
        self.num_seen = 0

    def __len__(self):
        return 20

    def digest(self):
        return "clips"

    def frames(self, index):
        self.num_seen += 1
        return np.random.default_rng(index).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)


class InterruptedByTestError(Exception):
    pass


def stop_at(num_done):
    def stop(progress):
        if progress.num_done >= num_done:
            raise InterruptedByTestError

    return stop


@pytest.fixture(scope="module")
def vae():
    return VideoVae(tiny_vae())


def cached(clips, vae, folder, progress=lambda progress: None, dtype=torch.float32):
    return latents_of(clips, vae, folder, ALONE, dtype, progress)


def test_a_training_on_cached_latents_is_that_on_frames(home, straight, tmp_path):
    recipe = training(home)
    online = replace(recipe, data=replace(recipe.data, cache=None))

    train(online, tmp_path)

    # The VAE encodes 4 windows at once, the cache 8: equal to the last digit on 2026-11-24, but
    # another convolution kernel may round otherwise.
    found, expected = losses(tmp_path), losses(straight)
    assert [found[step]["total"] for step in found] == pytest.approx(
        [expected[step]["total"] for step in found], abs=1e-5
    )


def test_latents_are_those_of_the_encoder(vae, tmp_path):
    clips = Clips()

    file = cached(clips, vae, tmp_path)

    frames = torch.from_numpy(np.stack([clips.frames(3), clips.frames(17)]))
    expected = vae.encode(frames)
    # Batches of other sizes may round otherwise; equal to the last digit on 2026-11-24.
    torch.testing.assert_close(file.read(np.array([3, 17])), expected, atol=1e-5, rtol=0)


def test_bfloat16_latents_are_rounded_once(vae, tmp_path):
    exact = cached(Clips(), vae, tmp_path)
    rounded = cached(Clips(), vae, tmp_path, dtype=torch.bfloat16)

    indices = np.arange(20)
    assert torch.equal(rounded.read(indices), exact.read(indices).bfloat16())


def test_a_second_training_encodes_nothing_again(vae, tmp_path):
    cached(Clips(), vae, tmp_path)
    clips = Clips()

    cached(clips, vae, tmp_path)

    assert clips.num_seen == 1  # to learn the shape


def test_an_interrupted_encoding_goes_on(vae, tmp_path, monkeypatch):
    monkeypatch.setattr("wamlab.training.latents.FLUSH_EVERY_S", 0.0)
    with pytest.raises(InterruptedByTestError):
        cached(Clips(), vae, tmp_path, stop_at(16))
    clips = Clips()

    file = cached(clips, vae, tmp_path)

    assert clips.num_seen == 1 + 4
    assert len(file.missing()) == 0


def test_size_and_time_are_told(vae, tmp_path):
    told = []

    cached(Clips(), vae, tmp_path, told.append)

    assert told[0].num_done == 0
    # 20 windows of 6 channels, 2 frames, 2 x 2, 4 bytes
    assert told[0].text.startswith("3.84e-06 GB in ")
    assert told[-1].eta_s == 0


def test_another_encoder_has_latents_of_its_own(vae, tmp_path):
    first = cached(Clips(), vae, tmp_path)
    second = cached(Clips(), VideoVae(tiny_vae(seed=1)), tmp_path)

    assert first.path != second.path


def test_no_room_is_found_out_before_anything_is_encoded(vae, tmp_path, small_files):
    clips = Clips()

    with small_files(1000), pytest.raises(ConfigError, match=r"no room for .* GB .*data\.cache"):
        cached(clips, vae, tmp_path)

    assert clips.num_seen == 1
    assert list(tmp_path.iterdir()) == []


def test_changed_demonstrations_have_latents_of_their_own(home, tmp_path):
    recipe = training(home)
    demos = write_demonstrations(tmp_path / "demos")
    data = replace(recipe.data, datasets=(demos,), cache=tmp_path / "latents")
    train(replace(recipe, data=data), tmp_path / "a", stop_at=1)
    (demos / "meta/info.json").write_text((demos / "meta/info.json").read_text() + "\n")

    train(replace(recipe, data=data), tmp_path / "b", stop_at=1)

    assert len(list((tmp_path / "latents").glob("*.latents"))) == 2
