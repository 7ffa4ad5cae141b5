"""Arguments of a verb; a wrong one is a ConfigError that points to the verb's help."""

from __future__ import annotations

import argparse
from typing import NoReturn

from wamlab.core.errors import ConfigError


class Parser(argparse.ArgumentParser):
    """argparse without its own help and without exiting."""

    def __init__(self, verb: str) -> None:
        super().__init__(prog=f"wamlab {verb}", add_help=False, allow_abbrev=False)
        self._verb = verb

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; see wamlab {self._verb} --help")


def percentage(text: str) -> float:
    """A number of percent or percentage points, as a fraction of 1."""
    try:
        number = float(text.removesuffix("%").removesuffix("pp").strip())
    except ValueError:
        number = -1.0
    if not 0 <= number <= 100:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a number from 0 to 100")
    return number / 100


def fraction(text: str) -> tuple[int, int]:
    """K/N as two whole numbers."""
    parts = text.split("/")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected K/N, e.g. 2/4")
    return int(parts[0]), int(parts[1])
