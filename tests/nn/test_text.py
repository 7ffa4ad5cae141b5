import hashlib
import re

import pytest
import torch
from tiny import tiny_text_folder
from transformers import UMT5Config, UMT5EncoderModel

from wamlab.core.errors import ConfigError
from wamlab.nn.card import PROMPT
from wamlab.nn.text import PromptCache, TextEncoder, clean, prompt_of

NUM_TOKENS, DIM = 32, 40
# float32: rows of other lengths are multiplied in another order; rows are of order 1
ROUNDING = 1e-5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_text_folder(tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def encoder(folder):
    return TextEncoder.load(folder, torch.float32)


def cache_of(folder, load_encoder=None):
    return PromptCache(
        num_tokens=NUM_TOKENS, text_dim=DIM, folder=folder, load_encoder=load_encoder
    )


def test_the_instruction_stands_in_the_cards_words():
    assert prompt_of(PROMPT, "open the {drawer}") == (
        "A video recorded from a robot's point of view executing the following instruction: "
        "open the {drawer}"
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("  put \n the\tmug  down ", "put the mug down"),
        ("salt &amp;amp; pepper", "salt & pepper"),
        ("the caf\u00c3\u00a9 table", "the caf\u00e9 table"),
    ],
)
def test_prompts_are_cleaned(raw, expected):
    assert clean(raw) == expected


def test_rows_of_pads_are_zero_and_others_are_not(encoder):
    text, num_valid = encoder.encode("open the drawer", NUM_TOKENS)

    assert text.shape == (NUM_TOKENS, DIM)
    assert 1 < num_valid < NUM_TOKENS
    assert (text[num_valid:] == 0).all()
    assert (text[:num_valid].abs().amax(dim=1) > 0).all()


def test_pads_do_not_touch_the_rows_of_the_prompt(encoder):
    short = encoder.encode("open the drawer", NUM_TOKENS)
    long = encoder.encode("open the drawer", 2 * NUM_TOKENS)

    assert short.num_valid == long.num_valid
    torch.testing.assert_close(
        short.text_LD[: short.num_valid], long.text_LD[: long.num_valid], atol=ROUNDING, rtol=0
    )


def test_a_prompt_without_pads_equals_the_plain_model(encoder, folder):
    num_valid = encoder.encode("open the drawer", NUM_TOKENS).num_valid
    plain = UMT5EncoderModel.from_pretrained(folder / "text_encoder", local_files_only=True).eval()
    ids = encoder._tokenizer.encode("open the drawer").ids

    text = encoder.encode("open the drawer", num_valid).text_LD

    expected = plain(input_ids=torch.tensor([ids])).last_hidden_state[0]
    torch.testing.assert_close(text, expected, atol=ROUNDING, rtol=0)


def test_a_long_prompt_is_cut_and_still_ends_in_its_end_token(encoder):
    ids = []
    handle = encoder.model.register_forward_pre_hook(
        lambda _, __, named: ids.extend(named["input_ids"][0].tolist()), with_kwargs=True
    )

    num_valid = encoder.encode("open the drawer " * 50, NUM_TOKENS).num_valid

    handle.remove()
    assert num_valid == len(ids) == NUM_TOKENS
    assert ids[-1] == 1


def test_the_second_request_and_another_run_get_the_same_rows_without_an_encoder(tmp_path, encoder):
    first = cache_of(tmp_path / "cache", lambda: encoder).embedding("open the drawer")

    second = cache_of(tmp_path / "cache").embedding("open the drawer")

    assert torch.equal(first.text_LD, second.text_LD)
    assert first.num_valid == second.num_valid
    assert second.text_LD.dtype == torch.bfloat16


def test_the_encoder_is_loaded_once_and_only_when_needed(encoder):
    loads = []
    cache = cache_of(None, lambda: loads.append(1) or encoder)
    before = len(loads)

    cache.embedding("open the drawer")
    cache.embedding("close the drawer")
    cache.embedding("open the drawer")

    assert (before, len(loads)) == (0, 1)


def test_files_are_those_of_fast_wam(tmp_path, encoder):
    num_valid = cache_of(tmp_path, lambda: encoder).embedding("open the drawer").num_valid

    (file,) = tmp_path.iterdir()
    stored = torch.load(file, weights_only=True)
    digest = hashlib.sha256(b"open the drawer").hexdigest()
    assert file.name == f"{digest}.t5_len32.wan22ti2v5b.pt"
    assert sorted(stored) == ["context", "mask"]
    assert (stored["context"].shape, stored["context"].dtype) == ((32, 40), torch.bfloat16)
    assert (stored["mask"].dtype, int(stored["mask"].sum())) == (torch.bool, num_valid)


def test_pads_that_a_file_did_not_zero_are_zeroed(tmp_path):
    cache = cache_of(tmp_path)
    mask = torch.arange(NUM_TOKENS) < 5
    torch.save({"context": torch.ones(NUM_TOKENS, DIM), "mask": mask}, cache.path_of("lift it"))

    text, num_valid = cache.embedding("lift it")

    assert num_valid == 5
    assert text.sum() == 5 * DIM


def test_a_prompt_that_is_nowhere_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"prompt 'lift it': no file .* run once"):
        cache_of(tmp_path).embedding("lift it")


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"context": torch.zeros(8, 40), "mask": torch.ones(32)}, "got rows [8, 40]"),
        ({"context": torch.zeros(32, 40)}, "expected {context, mask}"),
        ({"context": torch.zeros(32, 40), "mask": torch.arange(32) > 3}, "no run of True"),
    ],
)
def test_a_file_of_something_else_is_named(tmp_path, stored, message):
    cache = cache_of(tmp_path)
    torch.save(stored, cache.path_of("lift it"))

    with pytest.raises(ConfigError, match=re.escape(message)):
        cache.embedding("lift it")


def test_a_cache_with_neither_folder_nor_encoder_is_refused():
    with pytest.raises(ConfigError, match="neither a folder"):
        cache_of(None)


def test_a_folder_that_does_not_exist_is_refused_without_an_encoder(tmp_path):
    with pytest.raises(ConfigError, match=r"no folder .* name a text encoder"):
        cache_of(tmp_path / "nowhere")


def test_a_missing_weight_is_named(tmp_path):
    config = tiny_text_folder(tmp_path) / "text_encoder" / "config.json"
    config.write_text(config.read_text().replace('"num_layers": 2', '"num_layers": 3'))

    with pytest.raises(ConfigError, match=r"encoder\.block\.2"):
        TextEncoder.load(tmp_path, torch.float32)


def test_a_tokenizer_that_adds_no_end_token_is_refused(tmp_path):
    file = tiny_text_folder(tmp_path) / "tokenizer" / "tokenizer.json"
    file.write_text(re.sub(r'"post_processor": \{.*?\n  \},', '"post_processor": null,',
                           file.read_text(), flags=re.DOTALL))  # fmt: skip

    with pytest.raises(ConfigError, match="an empty prompt gives"):
        TextEncoder.load(tmp_path, torch.float32)


def test_the_table_of_words_is_held_once(folder):
    encoder = TextEncoder.load(folder, torch.float32)

    moved = encoder.to("cpu").model.bfloat16()

    assert moved.shared.weight is moved.encoder.embed_tokens.weight


def test_half_precision_weights_give_half_precision_rows(folder, encoder):
    half = TextEncoder.load(folder, torch.bfloat16).encode("open the drawer", NUM_TOKENS)

    exact = encoder.encode("open the drawer", NUM_TOKENS)
    assert half.text_LD.dtype == torch.bfloat16
    # 8 bits of mantissa through two layers, rows of order 1
    torch.testing.assert_close(half.text_LD.float(), exact.text_LD, atol=0.1, rtol=0)


def test_the_released_encoder_has_5_680_910_336_weights():
    with torch.device("meta"):
        model = UMT5EncoderModel(
            UMT5Config(
                vocab_size=256384, d_model=4096, d_kv=64, d_ff=10240, num_layers=24,
                num_heads=64, feed_forward_proj="gated-gelu",
            )
        )  # fmt: skip

    assert sum(weight.numel() for weight in model.parameters()) == 5_680_910_336
