import json

import pytest
import torch

from wamlab.nn.card import Sizes
from wamlab.nn.checkpoints.sizes import expected_shapes

SIZES = Sizes(
    video_width=12, action_width=8, num_heads=2, head_dim=8, num_layers=2, video_ffn=20,
    action_ffn=10, text_dim=6, freq_dim=4, latent_channels=3, action_dim=7, state_dim=8,
)  # fmt: skip
HEADS = ("--head-dim", 8)
CARD = ("--variant", "action_only", "--action-shift", 5)


@pytest.fixture
def checkpoint(tmp_path):
    """An upstream file with its statistics."""
    shapes = expected_shapes(SIZES)
    mot = {f"mixtures.{n}": torch.ones(s) for n, s in shapes.items() if n[:7] != "proprio"}
    proprio = {"weight": torch.ones(6, 8), "bias": torch.ones(6)}
    torch.save({"mot": mot, "proprio_encoder": proprio, "step": 5}, tmp_path / "a.pt")
    numbers = {"global_min": [0.0], "global_max": [1.0]}
    statistics = {
        group: {"default": {name: value * dim for name, value in numbers.items()}}
        for group, dim in (("action", 7), ("state", 8))
    }
    (tmp_path / "dataset_stats.json").write_text(json.dumps(statistics))
    return tmp_path / "a.pt"


def test_inspect_tells_what_a_file_is(wamlab, checkpoint):
    code, out, _ = wamlab("weights", "inspect", checkpoint, *HEADS)

    assert code == 0
    assert "a.pt: a checkpoint of Fast-WAM's own code" in out
    assert "variant     not stored, give --variant and --action-shift" in out
    assert "  action                       3,683" in out


def test_inspect_prints_json(wamlab, checkpoint):
    code, out, _ = wamlab("weights", "inspect", checkpoint, "--json", *HEADS)

    facts = json.loads(out)
    assert code == 0
    assert (facts["format"], facts["sizes"]["action_dim"]) == ("upstream", 7)
    assert (facts["dropped"], facts["problems"], facts["card"]) == (["step"], [], None)


def test_inspect_lists_problems_and_exits_1(wamlab, checkpoint):
    (checkpoint.parent / "dataset_stats.json").unlink()

    code, out, _ = wamlab("weights", "inspect", checkpoint)

    assert code == 1
    assert "problem     head_dim: got 128, expected a divisor" in out
    assert "problem     no dataset_stats.json lies with it" in out


def test_a_converted_model_has_a_card_and_no_problem(wamlab, checkpoint, tmp_path):
    done = wamlab("weights", "convert", checkpoint, tmp_path / "model", *CARD, *HEADS)

    code, out, _ = wamlab("weights", "inspect", tmp_path / "model")

    assert done[:2] == (0, f"{tmp_path}/model: 139 tensors, 137 renamed; dropped step\n")
    assert code == 0
    assert "variant     action_only, video shift 5, action shift 5" in out


def test_check_finds_a_damaged_folder(wamlab, checkpoint, tmp_path):
    wamlab("weights", "convert", checkpoint, tmp_path / "model", *CARD, *HEADS)
    file = tmp_path / "model" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"!")

    plain = wamlab("weights", "inspect", tmp_path / "model")
    code, _, err = wamlab("weights", "inspect", tmp_path / "model", "--check")

    assert plain[0] == 0
    assert code == 2
    assert "were changed or damaged" in err


def test_only_a_folder_of_ours_can_be_checked(wamlab, checkpoint):
    code, _, err = wamlab("weights", "inspect", checkpoint, "--check")

    assert code == 2
    assert "has no wam.json" in err


def test_convert_takes_another_type_and_layout(wamlab, checkpoint, tmp_path):
    out = tmp_path / "back.pt"
    options = ("--dtype", "bf16", "--to", "upstream", "--json")

    code, text, _ = wamlab("weights", "convert", checkpoint, out, *CARD, *HEADS, *options)

    assert code == 0
    assert json.loads(text)["layout"] == "upstream"
    assert torch.load(out, weights_only=True)["torch_dtype"] == "torch.bfloat16"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((*HEADS,), "variant must be given"),
        (("--variant", "action_only", *HEADS), "action_shift must be given"),
        (("--variant", "uncond", *HEADS), "no variant 'uncond'"),
        ((*CARD, *HEADS, "--to", "leroboot"), "no layout 'leroboot'. Did you mean lerobot"),
        ((*CARD, *HEADS, "--benchmark", "librero"), "no benchmark 'librero'. Did you mean libero"),
        ((*CARD, *HEADS, "--statistics", "nowhere.json"), "nowhere.json"),
        ((*CARD, *HEADS, "--dtype", "fp16"), "no type 'fp16'"),
        ((*CARD,), "head_dim: got 128"),
    ],
)
def test_what_cannot_be_converted_exits_2_and_says_why(
    options, message, wamlab, checkpoint, tmp_path
):
    code, out, err = wamlab("weights", "convert", checkpoint, tmp_path / "model", *options)

    assert (code, out) == (2, "")
    assert message in err
    assert not (tmp_path / "model").exists()


def test_convert_without_a_place_to_write_to_says_so(wamlab, checkpoint):
    code, _, err = wamlab("weights", "convert", checkpoint)

    assert code == 2
    assert "OUT is missing; see wamlab weights --help" in err
