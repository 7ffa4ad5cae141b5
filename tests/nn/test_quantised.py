"""Eight bits: close to the plain model, and refused where they cannot be had."""

import sys
from importlib.util import find_spec

import pytest
import torch
from test_cached import inputs, schedules
from tiny_wam import SIZES, loud_mixture

from wamlab.core.errors import ConfigError
from wamlab.nn.cached import CachedSampler
from wamlab.nn.quantised import Quantisation, is_quantised, quantise
from wamlab.nn.samplers import Mode

CPU = torch.device("cpu")
needs_torchao = pytest.mark.skipif(
    find_spec("torchao") is None, reason="needs torchao: pip install 'wamlab[quantised]'"
)


def test_blocks_are_quantised_but_for_what_leaves_cross_attention():
    names = {
        name for name, layer in loud_mixture(SIZES).named_modules() if is_quantised(layer, name)
    }

    block = {
        f"{attention}.{part}" for attention in ("self_attn", "cross_attn") for part in "qkvo"
    } - {"cross_attn.o"} | {"ffn.0", "ffn.2"}
    assert names == {
        f"{expert}.blocks.{layer}.{name}"
        for expert in ("video", "action")
        for layer in range(SIZES.num_layers)
        for name in block
    }


@needs_torchao
@pytest.mark.filterwarnings("ignore")  # of torchao's import, on its own behalf
@pytest.mark.parametrize("how", [Quantisation.INT8_WEIGHTS, Quantisation.INT8])
def test_a_quantised_model_plans_nearly_the_same(how):
    model, (start, prompts, state) = loud_mixture(SIZES), inputs()
    exact = CachedSampler(model, Mode.JOINT, schedules()).sample(start, prompts, state).action_BHA

    quantise(model, how, CPU)
    found = CachedSampler(model, Mode.JOINT, schedules()).sample(start, prompts, state).action_BHA

    error = (found - exact).abs()
    assert 0 < error.mean() < 0.05
    assert error.max() < 0.5


def test_without_torchao_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchao", None)

    with pytest.raises(ConfigError, match=r"needs torchao: pip install 'wamlab\[quantised\]'"):
        quantise(loud_mixture(SIZES), Quantisation.INT8_WEIGHTS, CPU)


def test_float8_is_refused_where_nothing_multiplies_it():
    with pytest.raises(ConfigError, match=r"got float8 on cpu, expected a CUDA card"):
        quantise(loud_mixture(SIZES), Quantisation.FLOAT8, CPU)
