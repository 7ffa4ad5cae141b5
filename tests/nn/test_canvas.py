from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from wamlab.core.errors import ConfigError
from wamlab.nn.canvas import paint
from wamlab.nn.card import CameraBox, Variant, libero_card

CARD = libero_card(Variant.ACTION_ONLY, action_shift=5.0)
ROBOTWIN = replace(
    CARD,
    image_height=384,
    image_width=320,
    cameras=(
        CameraBox("head", 0, 0, 256, 320),
        CameraBox("left_wrist", 256, 0, 128, 160),
        CameraBox("right_wrist", 256, 160, 128, 160),
    ),
)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_two_cameras_stand_side_by_side_resized_as_pil_does():
    agentview, wrist = picture(256, 256, 1), picture(256, 256, 2)

    canvas = paint({"agentview": agentview, "wrist": wrist}, CARD)

    left, right = (
        np.asarray(Image.fromarray(image).resize((224, 224), Image.Resampling.BILINEAR))
        for image in (agentview, wrist)
    )
    assert canvas.dtype == np.uint8
    np.testing.assert_array_equal(canvas, np.concatenate([left, right], axis=1))


def test_images_of_the_boxs_size_are_copied_as_they_are():
    image = picture(224, 224)

    canvas = paint({"agentview": image, "wrist": image}, CARD)

    np.testing.assert_array_equal(canvas[:, :224], image)
    assert not np.shares_memory(canvas, image)


def test_a_head_camera_stands_above_two_wrists():
    images = {
        "head": np.full((240, 320, 3), 10, np.uint8),
        "left_wrist": np.full((240, 320, 3), 20, np.uint8),
        "right_wrist": np.full((240, 320, 3), 30, np.uint8),
    }

    canvas = paint(images, ROBOTWIN)

    assert canvas.shape == (384, 320, 3)
    assert (canvas[:256] == 10).all()
    assert (canvas[256:, :160] == 20).all()
    assert (canvas[256:, 160:] == 30).all()


def test_nothing_is_turned_or_mirrored():
    image = np.zeros((256, 256, 3), np.uint8)
    image[:128, :128] = 255

    canvas = paint({"agentview": image, "wrist": np.zeros_like(image)}, CARD)

    assert (canvas[:100, :100] == 255).all()
    assert (canvas[124:, :224] == 0).all()
    assert (canvas[:, 124:] == 0).all()


def test_views_with_negative_strides_are_taken():
    image = picture(256, 256)

    turned = paint({"agentview": image[::-1, ::-1], "wrist": image}, CARD)

    plain = paint({"agentview": image[::-1, ::-1].copy(), "wrist": image}, CARD)
    np.testing.assert_array_equal(turned, plain)


def test_a_missing_camera_is_named():
    with pytest.raises(ConfigError, match="camera 'wrist': not in the observation"):
        paint({"agentview": picture(256, 256)}, CARD)
