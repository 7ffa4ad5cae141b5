from dataclasses import replace

import pytest
import torch
from checkpoint_files import (
    SIZES,
    lerobot_file,
    upstream_file,
    wan_shards,
    weights,
)
from safetensors.torch import save_file
from transformers import UMT5Config, UMT5EncoderModel

from wamlab.core.errors import ConfigError
from wamlab.nn.action_init import resized
from wamlab.nn.checkpoints import Format, open_checkpoint
from wamlab.nn.mixture import Mixture
from wamlab.nn.weights import load_weights, start_from_video


def on_meta(sizes=SIZES):
    with torch.device("meta"):
        return Mixture(sizes)


def differing(module, expected):
    """Names of tensors that are not exactly the expected ones."""
    state = module.state_dict()
    return {n for n in state.keys() | expected.keys() if not torch.equal(state[n], expected[n])}


def test_every_parameter_becomes_the_checkpoints(tmp_path):
    tensors, module = weights(), on_meta()

    report = load_weights(module, open_checkpoint(upstream_file(tmp_path / "a.pt", tensors)))

    assert differing(module, tensors) == set()
    assert set(report.loaded) == set(tensors)


def test_the_report_names_what_was_renamed_dropped_and_converted(tmp_path):
    path = upstream_file(tmp_path / "a.pt", weights())

    report = load_weights(on_meta(), open_checkpoint(path), torch.float32)

    old, new = "mot.mixtures.video.head.modulation", "video.head.modulation"
    assert report.renamed[old] == new
    assert report.dropped == ("step", "torch_dtype")
    assert (report.stored_dtypes, report.dtype) == (("bfloat16",), "float32")
    assert report.random == ()
    assert "137 renamed; dropped: step, torch_dtype; random: nothing" in str(report)


def test_numbers_are_converted_one_tensor_at_a_time_and_exactly(tmp_path):
    tensors, module = weights(), on_meta()
    path = lerobot_file(tmp_path / "a.safetensors", tensors, layer_first=False)

    load_weights(module, open_checkpoint(path), torch.float32)

    assert differing(module, {n: t.float() for n, t in tensors.items()}) == set()


def test_training_the_loaded_weights_leaves_the_file_as_it_is(tmp_path):
    path = lerobot_file(tmp_path / "a.safetensors", weights(), layer_first=True)
    before, module = path.read_bytes(), on_meta()
    load_weights(module, open_checkpoint(path))

    with torch.no_grad():
        module.action.head.weight.zero_()

    assert path.read_bytes() == before


def test_frozen_parameters_stay_frozen(tmp_path):
    module = on_meta().requires_grad_(False)

    load_weights(module, open_checkpoint(upstream_file(tmp_path / "a.pt", weights())))

    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_missing_and_unexpected_tensors_are_all_counted_and_eight_are_named(tmp_path):
    tensors = weights()
    kept = {n: t for n, t in tensors.items() if not n.startswith("action.blocks.1.")}
    kept["video.extra"] = torch.zeros(1)
    checkpoint = open_checkpoint(upstream_file(tmp_path / "a.pt", kept))

    with pytest.raises(ConfigError) as caught:
        load_weights(on_meta(), checkpoint)

    message = str(caught.value)
    assert "27 missing: action.blocks.1.cross_attn.k.bias," in message
    assert message.count("action.blocks.1.") == 8
    assert "1 unexpected: video.extra" in message
    assert "it looks like a checkpoint of Fast-WAM's own code" in message


def test_wrong_shapes_name_the_size_that_differs(tmp_path):
    robotwin = weights(replace(SIZES, action_dim=14, state_dim=14))
    checkpoint = open_checkpoint(upstream_file(tmp_path / "a.pt", robotwin))

    with pytest.raises(ConfigError) as caught:
        load_weights(on_meta(), checkpoint)

    message = str(caught.value)
    assert "action.head.weight (14, 8) (expected (7, 8))" in message
    assert "action_dim 14 where the model has 7, state_dim 14 where the model has 8" in message


def test_a_model_that_reads_no_state_refuses_weights_that_do(tmp_path):
    checkpoint = open_checkpoint(upstream_file(tmp_path / "a.pt", weights()))

    with pytest.raises(ConfigError, match=r"2 unexpected: proprio_encoder\.bias"):
        load_weights(on_meta(replace(SIZES, state_dim=0)), checkpoint)


def test_a_misfit_replaces_nothing(tmp_path):
    checkpoint = open_checkpoint(upstream_file(tmp_path / "a.pt", weights()))
    module = on_meta(replace(SIZES, action_dim=9))

    with pytest.raises(ConfigError):
        load_weights(module, checkpoint)

    assert all(parameter.is_meta for parameter in module.parameters())


def test_a_video_expert_alone_says_what_it_is_good_for(tmp_path):
    checkpoint = open_checkpoint(wan_shards(tmp_path / "wan", weights()))

    with pytest.raises(ConfigError, match=r"looks like Wan2\.2-TI2V-5B without action expert: it"):
        load_weights(on_meta(), checkpoint)


def test_tied_parameters_are_filled_from_either_name_and_stay_tied(tmp_path):
    with torch.device("meta"):
        config = UMT5Config(d_model=8, d_kv=4, d_ff=6, num_layers=2, num_heads=2, vocab_size=5)
        model = UMT5EncoderModel(config)
    state = {n: torch.ones(t.shape) for n, t in model.state_dict().items() if n != "shared.weight"}
    save_file(state, tmp_path / "model.safetensors")

    report = load_weights(model, open_checkpoint(tmp_path))

    assert report.format is Format.TRANSFORMERS_TEXT
    assert model.shared.weight is model.encoder.embed_tokens.weight
    assert not any(parameter.is_meta for parameter in model.parameters())


def test_a_table_that_was_built_on_meta_is_named(tmp_path):
    module = on_meta()
    module.register_buffer("table", torch.zeros(1, device="meta"), persistent=False)
    checkpoint = open_checkpoint(upstream_file(tmp_path / "a.pt", weights()))

    with pytest.raises(ValueError, match="table: is computed, not stored"):
        load_weights(module, checkpoint)


def test_training_starts_from_the_video_expert(tmp_path):
    tensors, module = weights(), on_meta()
    checkpoint = open_checkpoint(wan_shards(tmp_path / "wan", tensors))

    report = start_from_video(module, checkpoint, generator=torch.Generator().manual_seed(0))

    state = module.state_dict()
    name = "blocks.1.ffn.2.weight"
    expected = resized(tensors[f"video.{name}"], state[f"action.{name}"].shape)
    assert torch.equal(state[f"action.{name}"], expected.to(torch.bfloat16))
    assert torch.equal(state["video.head.head.bias"], tensors["video.head.head.bias"])
    assert set(report.loaded + report.interpolated + report.random) == set(state)
    assert sorted(report.random) == [
        "action.action_encoder.bias", "action.action_encoder.weight", "action.head.bias",
        "action.head.weight", "proprio_encoder.bias", "proprio_encoder.weight",
    ]  # fmt: skip


def test_training_starts_from_a_base_without_first_and_last_layer(tmp_path):
    ends = ("action.action_encoder.", "action.head.", "proprio_encoder.")
    base = {n: t for n, t in weights().items() if not n.startswith(ends)}
    path = lerobot_file(tmp_path / "a.safetensors", base, layer_first=False)
    module = on_meta()

    report = start_from_video(module, open_checkpoint(path), generator=torch.Generator())

    state = module.state_dict()
    assert {n for n in base if not torch.equal(state[n], base[n])} == set()
    assert (set(report.random), report.interpolated) == (set(state) - set(base), ())


def test_a_base_says_that_it_cannot_act(tmp_path):
    base = {n: t for n, t in weights().items() if not n.startswith("action.head.")}
    checkpoint = open_checkpoint(lerobot_file(tmp_path / "a.safetensors", base, layer_first=False))

    assert not checkpoint.can_act
    with pytest.raises(ConfigError, match=r"it can start a training \(start_from_video\), but"):
        load_weights(on_meta(), checkpoint)


def test_a_base_with_part_of_its_blocks_is_refused(tmp_path):
    base = {n: t for n, t in weights().items() if not n.startswith("action.blocks.1.")}
    path = lerobot_file(tmp_path / "a.safetensors", base, layer_first=True)

    with pytest.raises(ConfigError, match=r"27 missing: action\.blocks\.1\."):
        start_from_video(on_meta(), open_checkpoint(path), generator=torch.Generator())


def test_random_weights_come_from_the_generator_alone(tmp_path):
    checkpoint = open_checkpoint(wan_shards(tmp_path / "wan", weights()))
    modules = [on_meta(), on_meta()]

    for module in modules:
        start_from_video(module, checkpoint, generator=torch.Generator().manual_seed(3))

    assert differing(modules[0], modules[1].state_dict()) == set()


def test_experts_do_not_share_memory_after_the_start(tmp_path):
    module = on_meta()
    checkpoint = open_checkpoint(wan_shards(tmp_path / "wan", weights()))
    start_from_video(module, checkpoint, generator=torch.Generator())
    before = module.video.blocks[0].self_attn.norm_q.weight.clone()

    with torch.no_grad():
        module.action.blocks[0].self_attn.norm_q.weight.zero_()

    assert torch.equal(module.video.blocks[0].self_attn.norm_q.weight, before)


def test_a_whole_model_is_no_start(tmp_path):
    checkpoint = open_checkpoint(upstream_file(tmp_path / "a.pt", weights()))

    with pytest.raises(ConfigError, match=r"is a whole model, expected .* Wan2\.2-TI2V-5B without"):
        start_from_video(on_meta(), checkpoint, generator=torch.Generator())
