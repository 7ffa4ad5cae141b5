"""Puts the images of an observation on the one canvas that the model looks at.

Nothing is turned or mirrored here. FastWAM's evaluation turns LIBERO's raw images by 180
degrees before it resizes them; the LIBERO benchmark already gives them so (`Protocol.rotated`:
raw rows and columns both reversed, which shows the scene upright but left-right mirrored, as
every released checkpoint was trained on). With that default the canvas equals FastWAM's; a
protocol with `rotated=False` would show a model the mirror image of its training data.

RoboTwin's three cameras are boxes as well: the head's 256 x 320 above two wrists of 128 x 160.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wamlab.core.errors import ConfigError
from wamlab.nn.card import WamCard


def paint(images: Mapping[str, NDArray[np.uint8]], card: WamCard) -> NDArray[np.uint8]:
    """The canvas, RGB, uint8, shape (image_height, image_width, 3), owned by the caller.

    Each image is resized with PIL's bilinear filter on uint8, which averages over all pixels
    that it shrinks (FastWAM experiments/libero, 256 to 224).

    Args:
        images: As in `Observation.images`; those of no box are ignored.

    Raises:
        ConfigError: A box has no image.
    """
    canvas = np.empty((card.image_height, card.image_width, 3), np.uint8)
    for box in card.cameras:
        if box.camera not in images:
            raise ConfigError(
                f"camera {box.camera!r}: not in the observation, which has {sorted(images)}; "
                "the model's card names the cameras it needs"
            )
        rows = slice(box.top, box.top + box.height)
        columns = slice(box.left, box.left + box.width)
        canvas[rows, columns] = _resized(images[box.camera], box.height, box.width)
    return canvas


def _resized(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
