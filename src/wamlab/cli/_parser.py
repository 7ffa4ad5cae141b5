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
