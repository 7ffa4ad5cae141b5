"""A policy that plans for days takes no more memory than one that has just begun."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from tiny import tiny_statistics
from tiny_nano import tiny_nano_text_folder, tiny_nano_vae_folder
from tiny_wam import loud_mixture, plane_card

from wamlab.benchmarks.pointmass import PointMass
from wamlab.core.contracts import first_requests
from wamlab.nn import cached_text, text
from wamlab.nn.card import Variant
from wamlab.nn.checkpoints import save_folder
from wamlab.policies.fast_wam import FastWam

NUM_PLANS = 1000
NUM_INSTRUCTIONS = 16  # twice as many as are remembered here
MAX_GROWTH = 100_000  # bytes; one kept tensor or chunk a plan would be several times that
MAX_RSS_GROWTH = 16e6  # bytes; a tensor of a plan (30 kB and more) kept each time would exceed it


def resident_bytes():
    with open("/proc/self/statm") as file:  # noqa: PTH123 - not a file of ours
        return int(file.read().split()[1]) * 4096


@pytest.fixture
def wam(tmp_path):
    """A joint model of one layer and one step behind nano front ends: what is fastest."""
    card = plane_card(Variant.JOINT)
    card = replace(card, sizes=replace(card.sizes, num_layers=1))
    folder = tmp_path / "model"
    statistics = tiny_statistics(tmp_path / "stats.json", state_dim=2, action_dim=2, horizon=8)
    save_folder(folder, loud_mixture(card.sizes).state_dict(), card, statistics)
    tiny_nano_vae_folder(folder / "vae")
    tiny_nano_text_folder(folder / "text", card.sizes.text_dim)
    return FastWam(FastWam.Config(checkpoint=folder, num_denoise_steps=1))


def test_a_thousand_plans_of_many_episodes_and_instructions_keep_nothing(wam, monkeypatch):
    monkeypatch.setattr(cached_text, "MAX_PROMPTS", 8)
    monkeypatch.setattr(text, "MAX_PROMPTS", 8)
    (request,) = first_requests(wam, PointMass(PointMass.Config()), num_episodes=1)

    def plan(index):
        key = replace(request.key, seed=index)
        seen = replace(request.observations[0], instruction=f"go to {index % NUM_INSTRUCTIONS}")
        wam.begin(key)
        (chunk,) = wam.plan([replace(request, key=key, observations=(seen,))])
        wam.end(key)
        return chunk

    for index in range(NUM_PLANS // 2):
        plan(index)
    rss_before = resident_bytes()
    tracemalloc.start()
    plan(NUM_PLANS // 2)
    before, _ = tracemalloc.get_traced_memory()
    for index in range(NUM_PLANS // 2 + 1, NUM_PLANS):
        chunk = plan(index)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert np.isfinite(chunk.actions).all()
    assert after - before < MAX_GROWTH
    assert resident_bytes() - rss_before < MAX_RSS_GROWTH


def test_the_latest_prompts_are_remembered_and_the_oldest_forgotten(monkeypatch, tmp_path):
    monkeypatch.setattr(text, "MAX_PROMPTS", 2)
    calls = []

    class Encoder:
        def encode(self, prompt, num_tokens):
            import torch

            calls.append(prompt)
            return text.TextEmbedding(torch.ones(num_tokens, 3), num_tokens)

    prompts = text.PromptCache(num_tokens=4, text_dim=3, load_encoder=Encoder)

    for prompt in ("a", "b", "a", "c", "a", "b"):
        prompts.embedding(prompt)

    assert calls == ["a", "b", "c", "b"]
