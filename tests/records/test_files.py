import io
from dataclasses import asdict

import av
import numpy as np
import pytest

from wamlab.core.episodes import EpisodeKey
from wamlab.core.errors import StoreError
from wamlab.records.files import write_whole
from wamlab.records.signals import (
    Comparison,
    Signals,
    encode_signals,
    load_signals,
    signals_path,
)
from wamlab.records.video import Film, encode_mp4

KEY = EpisodeKey(benchmark="pointmass", suite="plane", task="reach", init=0)


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "deep" / "file"
    write_whole(path, b"old")
    write_whole(path, b"new")

    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_signals_read_back(tmp_path):
    signals = Signals(
        actions=np.ones((3, 2), np.float32),
        state=np.zeros((4, 5), np.float32),
        plan_step=np.array([0, 2]),
    )
    write_whole(signals_path(tmp_path, KEY), encode_signals(signals))

    loaded = load_signals(tmp_path, KEY)

    np.testing.assert_array_equal(loaded.actions, signals.actions)
    np.testing.assert_array_equal(loaded.state, signals.state)
    np.testing.assert_array_equal(loaded.plan_step, signals.plan_step)


def test_signals_of_a_run_that_compared_nothing_have_no_comparison(tmp_path):
    plain = {"actions": np.ones((3, 2)), "state": np.zeros((4, 5)), "plan_step": np.array([0, 2])}
    path = signals_path(tmp_path, KEY)
    path.parent.mkdir()
    np.savez_compressed(path, **plain)

    assert load_signals(tmp_path, KEY).imagined is None


def test_a_comparison_reads_back(tmp_path):
    compared = Comparison(
        plan=np.array([0, 0, 1]),
        step=np.array([0, 4, 4]),
        error=np.array([0, 2, 0], np.float32),
        psnr_db=np.array([np.inf, 30, np.inf], np.float32),
        still_error=np.array([0, 3, 0], np.float32),
    )
    signals = Signals(
        actions=np.ones((5, 2), np.float32),
        state=np.zeros((6, 5), np.float32),
        plan_step=np.array([0, 4]),
        imagined=compared,
    )
    write_whole(signals_path(tmp_path, KEY), encode_signals(signals))

    found = load_signals(tmp_path, KEY).imagined

    np.testing.assert_equal(asdict(found), asdict(compared))


def test_a_film_shows_each_frame_at_its_own_time():
    film = Film(ticks_per_s=20)
    for tick in (0, 4, 10):
        film.add(np.full((16, 16, 3), 10 * tick, np.uint8), tick)

    with av.open(io.BytesIO(film.finish())) as file:
        times_s = [float(frame.pts * frame.time_base) for frame in file.decode(video=0)]

    assert times_s == pytest.approx([0, 0.2, 0.5], abs=1e-3)  # the file counts in its own ticks


def test_a_film_without_frames_is_no_file():
    assert Film(ticks_per_s=20).finish() == b""


def test_missing_signals_are_named(tmp_path):
    with pytest.raises(StoreError, match="the episode has not been run"):
        load_signals(tmp_path, KEY)


@pytest.mark.parametrize(("fps", "size"), [(20.0, 64), (10 / 3, 65)])
def test_a_film_has_every_frame_in_h264(fps, size):
    frames = [np.full((size, size, 3), 40 * i, np.uint8) for i in range(6)]

    film = av.open(io.BytesIO(encode_mp4(frames, fps=fps)))

    stream = film.streams.video[0]
    assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    assert float(stream.average_rate) == pytest.approx(fps, abs=1e-3)
    decoded = [frame.to_ndarray(format="rgb24").mean() for frame in film.decode(stream)]
    # 3 of 256 levels: what H.264 at this quality loses on a plain image
    np.testing.assert_allclose(decoded, [40 * i for i in range(6)], atol=3)
