"""Films of episodes: H.264 in MP4, which every browser plays."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from wamlab.core.errors import ConfigError


def check_encoder() -> None:
    """Refuses to film before the run rather than in the middle of it.

    Raises:
        ConfigError: If the encoder is not installed.
    """
    if find_spec("av") is None:
        raise ConfigError(
            "videos: package av is not installed; run pip install 'wamlab[video]' "
            "or set video_every=0"
        )


def encoder_problem() -> str | None:
    """Why films cannot be encoded here, or None; encodes two small frames to find out."""
    try:
        encode_mp4([np.zeros((16, 16, 3), np.uint8)] * 2, fps=10)
    except (ImportError, OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def encode_mp4(frames: Sequence[NDArray[np.uint8]], *, fps: float) -> bytes:
    """Encodes frames as one MP4 file.

    Args:
        frames: At least one image, uint8, all of shape (height, width, 3). An odd last row or
            column is cut off: chroma has half the resolution.
        fps: Frames per second of the film.
    """
    import av

    height, width = frames[0].shape[0] // 2 * 2, frames[0].shape[1] // 2 * 2
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "23", "preset": "veryfast"}
        stream.codec_context.thread_count = 1  # the cores belong to the simulators
        for image in frames:
            picture = np.ascontiguousarray(image[:height, :width])
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode())
    return buffer.getvalue()
