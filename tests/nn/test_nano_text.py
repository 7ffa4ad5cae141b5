import subprocess
import sys

import pytest
import torch

from wamlab.core.errors import ConfigError
from wamlab.nn.nano_text import NanoTextEncoder, NanoTextSizes, is_nano_text, words_of
from wamlab.nn.text import PromptCache

NUM_TOKENS = 24
BOWL = "pick up the black bowl next to the plate and place it on the plate"


def encoder() -> NanoTextEncoder:
    return NanoTextEncoder(NanoTextSizes())


def test_rows_behind_the_end_token_are_zero():
    text_LD, num_valid = encoder().encode("open the drawer", NUM_TOKENS)

    assert text_LD.shape == (NUM_TOKENS, 64)
    assert num_valid == 4
    assert text_LD[num_valid:].abs().max() == 0
    assert (text_LD[:num_valid].norm(dim=1) > 0.4).all()


def test_the_place_of_a_word_matters():
    first = encoder().encode("mug on plate", NUM_TOKENS)
    second = encoder().encode("plate on mug", NUM_TOKENS)

    assert not torch.equal(first.text_LD, second.text_LD)


def test_a_long_prompt_is_cut_and_still_ends():
    short, num_valid = encoder().encode(BOWL, 6)
    whole, _ = encoder().encode(BOWL, NUM_TOKENS)
    end, _ = encoder().encode("pick up the black bowl", 6)

    assert num_valid == 6
    assert torch.equal(short[:5], whole[:5])
    assert torch.equal(short[5], end[5])


def test_case_punctuation_and_entities_make_no_difference():
    assert words_of("Turn on the stove &amp; put_it, there.") == [
        "turn", "on", "the", "stove", "put", "it", "there"
    ]  # fmt: skip


def test_rows_are_exact_in_bfloat16():
    exact, _ = encoder().encode(BOWL, NUM_TOKENS)

    assert torch.equal(exact.bfloat16().float(), exact)


def test_rows_are_the_same_in_another_process():
    program = (
        "from wamlab.nn.nano_text import NanoTextEncoder, NanoTextSizes;"
        f"rows = NanoTextEncoder(NanoTextSizes()).encode({BOWL!r}, {NUM_TOKENS}).text_LD;"
        "import hashlib; print(hashlib.sha256(rows.numpy().tobytes()).hexdigest())"
    )

    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()

    # Written down once: rows of models that are on disk must never change.
    assert found == DIGEST


DIGEST = "42f2257fc13e83c75ab2efe1c4a00ce8b2b04cf6a12daa7d25d1611ee202f3b9"


def test_another_seed_gives_other_vectors():
    other, _ = NanoTextEncoder(NanoTextSizes(seed=1)).encode(BOWL, NUM_TOKENS)

    assert not torch.equal(other, encoder().encode(BOWL, NUM_TOKENS).text_LD)


def test_a_saved_encoder_gives_the_same_rows(tmp_path):
    NanoTextEncoder(NanoTextSizes(text_dim=32, seed=3)).save(tmp_path)

    loaded = NanoTextEncoder.load(tmp_path, torch.float32)

    expected = NanoTextEncoder(NanoTextSizes(text_dim=32, seed=3)).encode(BOWL, NUM_TOKENS)
    assert torch.equal(loaded.encode(BOWL, NUM_TOKENS).text_LD, expected.text_LD)
    assert is_nano_text(tmp_path)


def test_it_stands_behind_a_prompt_cache():
    cache = PromptCache(num_tokens=NUM_TOKENS, text_dim=64, load_encoder=encoder)

    text_LD, num_valid = cache.embedding(BOWL)

    assert num_valid == len(BOWL.split()) + 1
    assert torch.equal(text_LD.float(), encoder().encode(BOWL, NUM_TOKENS).text_LD)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"class": "umt5"}', "class is 'umt5', expected 'nano'"),
        ('{"class": "nano", "width": 3}', "expected text_dim and seed"),
        ('{"class": "nano", "text_dim": 12}', "text_dim: got 12, expected a multiple of 8"),
    ],
)
def test_a_foreign_config_is_refused(tmp_path, content, message):
    (tmp_path / "config.json").write_text(content)

    with pytest.raises(ConfigError, match=message):
        NanoTextEncoder.load(tmp_path, torch.float32)


@pytest.mark.sim
def test_every_libero_instruction_has_rows_of_its_own_and_fits():
    from wamlab.benchmarks.libero import Libero

    benchmark = Libero(
        Libero.Config(
            suites=("libero_spatial", "libero_object", "libero_goal", "libero_10", "libero_90"),
            num_inits=1,
        )
    )
    instructions = {benchmark.instruction(key) for key in benchmark.episodes()}

    longest = max(len(words_of(each)) for each in instructions)
    rows = {encoder().encode(each, NUM_TOKENS).text_LD.numpy().tobytes() for each in instructions}

    assert len(benchmark.episodes()) == 130
    assert len(rows) == len(instructions)
    assert longest < NUM_TOKENS
