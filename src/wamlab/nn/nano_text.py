"""Turns a prompt into rows without any weights: each word has a fixed vector of its own.

For nano models, which learn from a few dozen instructions what each word asks for; nothing is
known of words that were not in training. The same on every machine, since the vectors come from
a hash, and exact in bfloat16.

Shapes: L num_tokens, D text_dim.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from wamlab.core.errors import ConfigError
from wamlab.nn.folders import read_json
from wamlab.nn.text import END, TextEmbedding, clean

CLASS = "nano"  # "class" in config.json
POSITION_SHARE = 0.5  # of a word's vector: enough to tell the first "bowl" from the second


@dataclass(frozen=True, slots=True, kw_only=True)
class NanoTextSizes:
    """What decides the vectors.

    Attributes:
        text_dim: D, a multiple of 8.
        seed: Another one gives every word another vector.
    """

    text_dim: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.text_dim < 8 or self.text_dim % 8:
            raise ConfigError(f"text_dim: got {self.text_dim}, expected a multiple of 8")


class NanoTextEncoder:
    """Fixed vectors of words and places, added up; used like `nn.text.TextEncoder`."""

    def __init__(
        self, sizes: NanoTextSizes, dtype: torch.dtype = torch.float32, device: str = "cpu"
    ) -> None:
        self.sizes = sizes
        self._dtype, self._device = dtype, torch.device(device)

    @classmethod
    def load(cls, folder: Path, dtype: torch.dtype) -> Self:
        """Reads config.json; there are no weights.

        Raises:
            ConfigError: The file is missing or another encoder's.
        """
        stored = read_json(folder / "config.json", "the text encoder's configuration")
        if (found := stored.pop("class", None)) != CLASS:
            raise ConfigError(f"{folder}/config.json: class is {found!r}, expected {CLASS!r}")
        try:
            sizes = NanoTextSizes(**stored)  # type: ignore[arg-type]  # JSON, checked by the value
        except TypeError as error:
            raise ConfigError(
                f"{folder}/config.json: {error}; expected text_dim and seed"
            ) from None
        return cls(sizes, dtype)

    def save(self, folder: Path) -> None:
        """Writes what `load` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        stored = {"class": CLASS, **asdict(self.sizes)}
        (folder / "config.json").write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")

    def to(self, device: torch.device | str) -> Self:
        """Where rows are made from now on."""
        self._device = torch.device(device)
        return self

    def encode(self, prompt: str, num_tokens: int) -> TextEmbedding:
        """Rows of a prompt; those behind its end token are zero.

        Args:
            prompt: Raw; it is cleaned here. Case and punctuation make no difference.
            num_tokens: L. A longer prompt is cut and still ends in its end token.
        """
        words = [*words_of(prompt)[: num_tokens - 1], END]
        rows = [
            self._vector(f"word {word}") + POSITION_SHARE * self._vector(f"place {place}")
            for place, word in enumerate(words)
        ]
        text_LD = torch.zeros(num_tokens, self.sizes.text_dim)
        text_LD[: len(words)] = torch.stack(rows)
        return TextEmbedding(text_LD.to(self._device, self._dtype), len(words))

    def _vector(self, name: str) -> Tensor:
        return _signs(f"{self.sizes.seed} {name}", self.sizes.text_dim)


def words_of(prompt: str) -> list[str]:
    """Runs of letters and digits, in lower case."""
    return re.findall(r"[^\W_]+", clean(prompt).lower())


def is_nano_text(folder: Path) -> bool:
    """Whether a model's text folder is for this encoder; a UMT5 folder has no config.json."""
    return (folder / "config.json").is_file()


@lru_cache(maxsize=4096)
def _signs(name: str, dim: int) -> Tensor:
    """A vector of length 1 (at dim 64: of +-1/8) whose signs are the bits of a hash."""
    digest = hashlib.shake_256(name.encode()).digest(dim // 8)
    bits = [byte >> place & 1 for byte in digest for place in range(8)]
    signs = 2.0 * torch.tensor(bits, dtype=torch.float32) - 1
    return signs / dim**0.5
