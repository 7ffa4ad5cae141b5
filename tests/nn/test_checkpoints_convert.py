import json
import shutil
from dataclasses import replace

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
from safetensors.torch import load_file
from tiny import tiny_text_folder, tiny_vae_folder

from wamlab.core.errors import ConfigError
from wamlab.nn.card import Variant, libero_card
from wamlab.nn.checkpoints import (
    Format,
    Target,
    check_digest,
    convert,
    open_checkpoint,
    read_manifest,
    resolve_card,
    save_folder,
)
from wamlab.nn.checkpoints.parts import text_part, vae_part
from wamlab.nn.checkpoints.sizes import expected_shapes
from wamlab.nn.checkpoints.umt5 import from_wan
from wamlab.nn.text import TextEncoder
from wamlab.nn.video_vae import VideoVae

CARD = libero_card(Variant.OPTIONAL_IDM, action_shift=1.0, sizes=SIZES)


@pytest.fixture
def checkpoint(tmp_path):
    path = upstream_file(tmp_path / "libero_optional_idm.pt", weights())
    statistics_file(tmp_path / "libero_optional_idm_dataset_stats.json")
    return open_checkpoint(path, head_dim=8)


def read(checkpoint):
    return {name: tensor.clone() for name, tensor in checkpoint.stream(checkpoint.names)}


def differing(found, expected):
    return {n for n in found.keys() | expected.keys() if not torch.equal(found[n], expected[n])}


def test_a_converted_folder_holds_the_same_numbers_card_and_statistics(checkpoint, tmp_path):
    convert(checkpoint, tmp_path / "model", CARD)

    folder = open_checkpoint(tmp_path / "model")
    assert folder.format is Format.WAMLAB
    assert resolve_card(folder) == CARD
    assert differing(read(folder), weights()) == set()
    assert folder.statistics_path.read_bytes() == checkpoint.statistics_path.read_bytes()


def test_a_converted_folder_says_where_it_came_from(checkpoint, tmp_path):
    convert(checkpoint, tmp_path / "model", CARD)

    check_digest(tmp_path / "model")
    origin = read_manifest(tmp_path / "model").origin
    assert (origin.file, origin.format) == ("libero_optional_idm.pt", "upstream")
    assert origin.identity == checkpoint.identity
    assert origin.num_bytes == checkpoint.path.stat().st_size
    assert origin.converted == ("137 tensors renamed; dropped step, torch_dtype; numbers as stored")


def test_other_libraries_read_what_is_written(checkpoint, tmp_path):
    convert(checkpoint, tmp_path / "model", CARD)

    assert differing(load_file(tmp_path / "model" / "model.safetensors"), weights()) == set()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_numbers_are_written_in_the_type_that_is_asked_for(dtype, checkpoint, tmp_path):
    convert(checkpoint, tmp_path / "model", CARD, dtype=dtype)

    expected = {n: t.to(dtype) for n, t in weights().items()}
    assert differing(read(open_checkpoint(tmp_path / "model")), expected) == set()


@pytest.mark.parametrize("target", [Target.UPSTREAM, Target.LEROBOT])
def test_the_way_back_loses_nothing(target, checkpoint, tmp_path):
    convert(checkpoint, tmp_path / "model", CARD)

    convert(open_checkpoint(tmp_path / "model"), tmp_path / "back", CARD, target=target)

    back = open_checkpoint(tmp_path / "back", head_dim=8)
    assert back.format == target
    assert differing(read(back), weights()) == set()
    assert back.statistics_path is not None


def test_an_upstream_file_is_what_upstream_reads(checkpoint, tmp_path):
    convert(checkpoint, tmp_path / "back.pt", CARD, target=Target.UPSTREAM)

    content = torch.load(tmp_path / "back.pt", weights_only=True)
    expected = torch.load(checkpoint.path, weights_only=True)
    assert differing(content["mot"], expected["mot"]) == set()
    assert differing(content["proprio_encoder"], expected["proprio_encoder"]) == set()
    assert content["torch_dtype"] == "torch.bfloat16"


def test_statistics_of_another_model_are_not_overwritten(checkpoint, tmp_path):
    statistics_file(tmp_path / "back_dataset_stats.json").write_text("{}")

    with pytest.raises(ConfigError, match="exists with other content"):
        convert(checkpoint, tmp_path / "back.pt", CARD, target=Target.UPSTREAM)

    assert (tmp_path / "back_dataset_stats.json").read_text() == "{}"
    assert not (tmp_path / "back.pt").exists()


def test_a_model_in_memory_is_saved_and_loads_again(tmp_path):
    statistics = statistics_file(tmp_path / "stats.json")

    save_folder(tmp_path / "model", weights(), CARD, statistics)

    folder = open_checkpoint(tmp_path / "model")
    assert differing(read(folder), weights()) == set()
    assert (folder.card, read_manifest(tmp_path / "model").origin) == (CARD, None)


def test_a_vae_and_a_text_encoder_come_along_ready_to_load(checkpoint, tmp_path):
    parts = [vae_part(tiny_vae_folder(tmp_path / "vae")), text_part(tiny_text_folder(tmp_path))]

    convert(checkpoint, tmp_path / "model", CARD, parts=parts)

    vae = VideoVae.load(tmp_path / "model" / "vae", torch.float32)
    text = TextEncoder.load(tmp_path / "model" / "text", torch.float32)
    stored = load_file(tmp_path / "vae" / "diffusion_pytorch_model.safetensors")
    assert differing(vae.model.state_dict(), stored) == set()
    table = load_file(tmp_path / "text_encoder" / "model.safetensors")["shared.weight"]
    assert torch.equal(text.model.shared.weight, table)


def test_wans_own_text_encoder_gets_the_configuration_that_its_shapes_show(tmp_path):
    source = tiny_text_folder(tmp_path / "source")
    named = load_file(source / "text_encoder" / "model.safetensors")
    to_wan = {from_wan(name): name for name in wan_text_names(num_layers=2)}
    (tmp_path / "wan" / "google").mkdir(parents=True)
    shutil.copytree(source / "tokenizer", tmp_path / "wan" / "google" / "umt5-xxl")
    file = tmp_path / "wan" / "models_t5.pth"
    torch.save({to_wan[name]: tensor for name, tensor in named.items()}, file)

    config = json.loads(text_part(file).config)

    stored = json.loads((source / "text_encoder" / "config.json").read_text())
    assert {n: v for n, v in config.items() if n != "is_encoder_decoder" and v != stored[n]} == {}


def wan_text_names(num_layers):
    inner = "norm1 norm2 attn.q attn.k attn.v attn.o pos_embedding.embedding"
    inner += " ffn.gate.0 ffn.fc1 ffn.fc2"
    blocks = [f"blocks.{i}.{name}.weight" for i in range(num_layers) for name in inner.split()]
    return ["token_embedding.weight", "norm.weight", *blocks]


def test_a_text_encoder_without_tokenizer_says_what_is_missing(tmp_path):
    source = tiny_text_folder(tmp_path / "source")
    shutil.rmtree(source / "tokenizer")

    with pytest.raises(ConfigError, match=r"no tokenizer\.json; looked in"):
        text_part(source)


def test_a_vae_of_other_sizes_than_wans_is_refused(tmp_path):
    name = "encoder.downsamples.0.downsamples.0.residual.0.gamma"
    torch.save({name: torch.ones(96, 1, 1, 1)}, tmp_path / "vae.pth")

    with pytest.raises(ConfigError, match="195 missing"):
        vae_part(tmp_path / "vae.pth")


def test_a_part_in_the_wrong_place_is_refused(tmp_path):
    video = wan_shards(tmp_path / "wan", weights())

    with pytest.raises(ConfigError, match=r"without action expert, expected Wan 2\.2's VAE"):
        vae_part(video)


def test_a_foreign_layout_has_no_place_for_a_vae(checkpoint, tmp_path):
    parts = [vae_part(tiny_vae_folder(tmp_path / "vae"))]

    with pytest.raises(ConfigError, match="only wamlab's own folder holds it, not lerobot"):
        convert(checkpoint, tmp_path / "out", CARD, parts=parts, target=Target.LEROBOT)


def test_a_foreign_layout_has_no_place_for_a_vla(tmp_path):
    card = replace(CARD, variant=Variant.ACTION_ONLY, is_vla=True)
    shapes = expected_shapes(card.sizes, is_vla=True)
    tensors = {name: torch.zeros(shape) for name, shape in shapes.items()}
    statistics_file(tmp_path / "stats.json")
    save_folder(tmp_path / "model", tensors, card, tmp_path / "stats.json")
    model = open_checkpoint(tmp_path / "model")

    with pytest.raises(ConfigError, match="upstream: has no place for a VLA"):
        convert(model, tmp_path / "a.pt", card, target=Target.UPSTREAM)
    assert not (tmp_path / "a.pt").exists()


def test_weights_that_do_not_fit_the_card_are_not_converted(tmp_path):
    tensors = weights()
    del tensors["video.head.modulation"]
    lerobot_file(tmp_path / "a.safetensors", tensors, layer_first=True)

    with pytest.raises(ConfigError, match=r"1 missing: video\.head\.modulation"):
        convert(open_checkpoint(tmp_path / "a.safetensors", head_dim=8), tmp_path / "out", CARD)
