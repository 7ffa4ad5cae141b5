import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoint_files import (
    SIZES,
    lerobot_file,
    statistics_file,
    upstream_file,
    wan_shards,
    weights,
)
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from safetensors.torch import save_file
from transformers import UMT5Config, UMT5EncoderModel

from wamlab.core.errors import ConfigError
from wamlab.nn.card import RELEASED_SIZES, Variant
from wamlab.nn.checkpoints import Format, open_checkpoint, resolve_card
from wamlab.nn.checkpoints.fit import misfits
from wamlab.nn.checkpoints.sizes import expected_shapes
from wamlab.nn.checkpoints.umt5 import from_wan as text_name
from wamlab.nn.checkpoints.wan import from_diffusers
from wamlab.nn.checkpoints.wan_vae import from_wan as vae_name

KEYMAP = Path(__file__).parents[3] / "shared" / "fixtures" / "wan_keymap.json"
ORIGINAL = KEYMAP.with_name("fast_wam_action_only.npz")
needs_keymap = pytest.mark.skipif(not KEYMAP.exists(), reason="needs the table of verified names")


@pytest.fixture
def tensors():
    return weights()


WRITERS = {
    Format.UPSTREAM: lambda path, t: upstream_file(path / "a.pt", t),
    Format.LEROBOT: lambda path, t: lerobot_file(path / "a.safetensors", t, layer_first=True),
    "old lerobot": lambda path, t: lerobot_file(path / "a.safetensors", t, layer_first=False),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_gives_the_same_tensors_under_our_names(kind, tensors, tmp_path):
    checkpoint = open_checkpoint(WRITERS[kind](tmp_path, tensors), head_dim=8)

    read = dict(checkpoint.stream(checkpoint.names))

    assert checkpoint.format == kind.removeprefix("old ")
    assert checkpoint.sizes == SIZES
    assert {n: t for n, t in tensors.items() if not torch.equal(read[n], t)} == {}
    assert set(read) == set(tensors)


@pytest.mark.skipif(not ORIGINAL.exists(), reason="needs the stored weights of the original code")
def test_weights_of_the_original_code_show_the_sizes_that_it_was_built_with(tmp_path):
    stored = np.load(ORIGINAL)
    config = json.loads(ORIGINAL.with_name("fast_wam_config.json").read_text())
    parts = {
        part: {
            name.removeprefix(f"state_dict/{part}/"): torch.from_numpy(stored[name])
            for name in stored.files
            if name.startswith(f"state_dict/{part}/")
        }
        for part in ("mot", "proprio_encoder")
    }
    torch.save(parts, tmp_path / "a.pt")

    checkpoint = open_checkpoint(tmp_path / "a.pt", head_dim=32)

    sizes = asdict(checkpoint.sizes)
    assert {n: v for n, v in sizes.items() if v != config[n]} == {}
    assert misfits(checkpoint, expected_shapes(checkpoint.sizes)) == []


def test_the_released_sizes_have_the_published_numbers_of_parameters():
    shapes = expected_shapes(RELEASED_SIZES)

    counts = {
        expert: sum(torch.Size(s).numel() for n, s in shapes.items() if n.startswith(expert))
        for expert in ("video.", "action.", "proprio_encoder.")
    }

    assert counts == {
        "video.": 4_999_787_712,
        "action.": 1_020_886_023,
        "proprio_encoder.": 36_864,
    }


def test_shards_of_wan_are_one_video_expert(tensors, tmp_path):
    checkpoint = open_checkpoint(wan_shards(tmp_path / "wan", tensors))

    assert checkpoint.format is Format.WAN_VIDEO
    assert set(checkpoint.names) == {n for n in tensors if n.startswith("video.")}
    name = "video.blocks.1.cross_attn.norm_k.weight"
    assert torch.equal(checkpoint.tensor(name), tensors[name])


def test_a_diffusers_pipeline_folder_opens_its_transformer(tmp_path):
    model = tiny_transformer()
    (tmp_path / "transformer").mkdir()
    file = tmp_path / "transformer" / "diffusion_pytorch_model.safetensors"
    save_file({n: t.contiguous() for n, t in model.state_dict().items()}, file)

    checkpoint = open_checkpoint(tmp_path)

    assert checkpoint.format is Format.DIFFUSERS_VIDEO
    assert set(checkpoint.names) == {n for n in expected_shapes(SIZES) if n.startswith("video.")}
    assert torch.equal(
        checkpoint.tensor("video.blocks.1.cross_attn.o.weight"),
        model.blocks[1].attn2.to_out[0].weight,
    )


def tiny_transformer():
    with torch.random.fork_rng():
        return WanTransformer3DModel(
            patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=6, in_channels=3,
            out_channels=3, text_dim=6, freq_dim=4, ffn_dim=20, num_layers=2, cross_attn_norm=True,
            qk_norm="rms_norm_across_heads", eps=1e-6,
        )  # fmt: skip


@needs_keymap
@pytest.mark.parametrize(("table", "rename"), [("vae", vae_name), ("umt5", text_name)])
def test_wans_names_become_those_of_the_verified_table(table, rename):
    names = json.loads(KEYMAP.read_text())[table]

    assert {n: (rename(n), theirs) for n, theirs in names.items() if rename(n) != theirs} == {}


@needs_keymap
def test_diffusers_names_become_wans_as_in_the_verified_table():
    names = json.loads(KEYMAP.read_text())["dit"]

    assert {n: t for n, t in names.items() if from_diffusers(t) != f"video.{n}"} == {}


@needs_keymap
def test_every_name_of_diffusers_vae_comes_from_one_of_wans():
    names = json.loads(KEYMAP.read_text())["vae"]
    with torch.device("meta"):
        model = AutoencoderKLWan(
            base_dim=160, decoder_base_dim=256, z_dim=48, is_residual=True, in_channels=12,
            out_channels=12, patch_size=2,
        )  # fmt: skip

    assert {vae_name(name) for name in names} == set(model.state_dict())


def test_every_name_of_the_text_encoder_comes_from_one_of_wans():
    inner = (
        "norm1 norm2 attn.q attn.k attn.v attn.o pos_embedding.embedding ffn.gate.0 ffn.fc1 ffn.fc2"
    )
    names = [f"blocks.{i}.{name}.weight" for i in range(2) for name in inner.split()]
    with torch.device("meta"):
        model = UMT5EncoderModel(
            UMT5Config(d_model=8, d_kv=4, d_ff=6, num_layers=2, num_heads=2, vocab_size=5)
        )

    found = {text_name(name) for name in ["token_embedding.weight", "norm.weight", *names]}

    assert found == set(model.state_dict()) - {"encoder.embed_tokens.weight"}


@pytest.mark.parametrize("name", ["video.blocks.0.norm3.bias", "action.blocks.1.ffn.2.weight"])
def test_the_identity_changes_with_any_tensor(name, tensors, tmp_path):
    before = open_checkpoint(upstream_file(tmp_path / "a.pt", tensors)).identity

    tensors[name] += 0.5

    assert open_checkpoint(upstream_file(tmp_path / "a.pt", tensors)).identity != before


def test_the_identity_notices_fine_tuning_of_a_large_tensor(tmp_path):
    large = {"video.patch_embedding.weight": torch.zeros(1000, 100)}
    save_file(large, tmp_path / "a.safetensors")
    save_file({n: t + 1e-6 for n, t in large.items()}, tmp_path / "b.safetensors")

    first, second = (open_checkpoint(tmp_path / f"{name}.safetensors") for name in "ab")

    assert first.identity != second.identity


def test_the_identity_of_a_torch_file_changes_with_a_single_number(tensors, tmp_path):
    name = "video.blocks.0.ffn.0.weight"
    before = open_checkpoint(upstream_file(tmp_path / "a.pt", tensors)).identity

    tensors[name][3, 5] += 1

    assert open_checkpoint(upstream_file(tmp_path / "a.pt", tensors)).identity != before


@pytest.mark.parametrize("where", [0, -1, (999, 99)])
def test_the_identity_sees_both_ends_of_a_large_tensor(where, tmp_path):
    large = torch.zeros(1000, 100)
    save_file({"video.patch_embedding.weight": large}, tmp_path / "a.safetensors")
    large[where] = 1
    save_file({"video.patch_embedding.weight": large}, tmp_path / "b.safetensors")

    first, second = (open_checkpoint(tmp_path / f"{name}.safetensors") for name in "ab")

    assert first.identity != second.identity


def test_the_identity_is_the_same_at_every_opening(tensors, tmp_path):
    path = upstream_file(tmp_path / "a.pt", tensors)

    assert open_checkpoint(path).identity == open_checkpoint(path).identity


@pytest.mark.parametrize(
    ("weights_at", "statistics_at"),
    [
        ("libero.pt", "libero_dataset_stats.json"),
        ("libero.pt", "dataset_stats.json"),
        ("checkpoints/weights/step_000100.pt", "dataset_stats.json"),
    ],
)
def test_statistics_are_found_where_training_puts_them(
    weights_at, statistics_at, tensors, tmp_path
):
    (tmp_path / weights_at).parent.mkdir(parents=True, exist_ok=True)
    path = upstream_file(tmp_path / weights_at, tensors)
    statistics = statistics_file(tmp_path / statistics_at)

    assert open_checkpoint(path).statistics_path == statistics


def test_what_is_no_weight_is_listed_as_dropped(tensors, tmp_path):
    optimizer = {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": []}
    path = upstream_file(tmp_path / "a.pt", tensors, optimizer=optimizer)

    assert open_checkpoint(path).dropped == ("step", "torch_dtype", "optimizer")


def test_heads_that_do_not_fill_the_attention_are_refused(tensors, tmp_path):
    checkpoint = open_checkpoint(upstream_file(tmp_path / "a.pt", tensors))

    assert checkpoint.head_dim_is_assumed
    with pytest.raises(ConfigError, match=r"head_dim: got 128, expected a divisor of .* 16"):
        _ = checkpoint.sizes


@pytest.mark.parametrize(
    ("given", "missing"),
    [({}, "variant"), ({"variant": Variant.IDM}, "action_shift")],
)
def test_variant_and_action_shift_are_never_guessed(given, missing, tensors, tmp_path):
    checkpoint = open_checkpoint(upstream_file(tmp_path / "a.pt", tensors), head_dim=8)

    with pytest.raises(ConfigError, match=rf"{missing} must be given.*5\.0.*1\.0"):
        resolve_card(checkpoint, **given)


def test_what_is_given_becomes_the_card_of_a_file_without_one(tensors, tmp_path):
    checkpoint = open_checkpoint(upstream_file(tmp_path / "a.pt", tensors), head_dim=8)

    card = resolve_card(checkpoint, variant=Variant.JOINT, action_shift=1.0, video_shift=3.0)

    assert (card.variant, card.action_shift, card.video_shift) == (Variant.JOINT, 1.0, 3.0)
    assert card.sizes == SIZES


def test_a_variant_that_the_files_name_contradicts_is_refused(tensors, tmp_path):
    path = upstream_file(tmp_path / "libero_optional_idm_2cam224.pt", tensors)
    checkpoint = open_checkpoint(path, head_dim=8)

    with pytest.raises(ConfigError, match="named after optional_idm"):
        resolve_card(checkpoint, variant=Variant.ACTION_ONLY, action_shift=5.0)


def test_an_unknown_benchmark_is_named(tensors, tmp_path):
    checkpoint = open_checkpoint(upstream_file(tmp_path / "a.pt", tensors), head_dim=8)

    with pytest.raises(ConfigError, match=r"no benchmark 'liberty'\. Did you mean libero"):
        resolve_card(checkpoint, variant=Variant.IDM, action_shift=1.0, benchmark="liberty")
