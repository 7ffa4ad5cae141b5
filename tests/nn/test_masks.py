import pytest
import torch

from wamlab.nn.card import Variant
from wamlab.nn.masks import attention_mask, first_frame_causal

# Two frames of one token and one action: the drawings in the docstring, token by token.
DRAWN = {
    Variant.ACTION_ONLY: ["x..", "xx.", "x.x"],
    Variant.JOINT: ["x..", "xx.", "xxx"],
    Variant.IDM: ["x....", "xx...", "..x..", "..xx.", "..xxx"],
    Variant.OPTIONAL_IDM: ["x....", "xx...", "..x..", "..xx.", "..xxx"],
}


def rows(mask):
    return ["".join("x" if seen else "." for seen in row) for row in mask.tolist()]


@pytest.mark.parametrize("variant", list(Variant))
def test_each_variant_is_drawn_in_the_docstring(variant):
    mask = attention_mask(variant, num_frames=2, tokens_per_frame=1, horizon=1)

    assert rows(mask) == DRAWN[variant]


def test_optional_idm_chooses_for_each_sample():
    mask = attention_mask(
        Variant.OPTIONAL_IDM,
        num_frames=2,
        tokens_per_frame=1,
        horizon=1,
        sees_video_B=torch.tensor([True, False]),
    )

    assert rows(mask[0, 0]) == DRAWN[Variant.IDM]
    assert rows(mask[1, 0]) == [*DRAWN[Variant.IDM][:4], "..x.x"]


@pytest.mark.parametrize(("variant", "tokens"), [("joint", 326), ("idm", 620)])
def test_the_sequences_have_the_length_of_the_specification(variant, tokens):
    mask = attention_mask(Variant(variant), num_frames=3, tokens_per_frame=98, horizon=32)

    assert mask.shape == (tokens, tokens)


def test_later_frames_see_each_other_and_the_first_only_itself():
    mask = first_frame_causal(3, 2)

    assert rows(mask) == ["xx....", "xx....", *["xxxxxx"] * 4]


def test_a_choice_for_another_variant_is_refused():
    with pytest.raises(ValueError, match="expected it for optional_idm only"):
        attention_mask(
            Variant.JOINT,
            num_frames=1,
            tokens_per_frame=1,
            horizon=1,
            sees_video_B=torch.tensor([True]),
        )
