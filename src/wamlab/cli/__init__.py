"""The command line. One module is one verb; it parses, calls one function and prints.

A verb's module has HELP, the text of `wamlab VERB --help`, and `run(arguments) -> exit code`.
To add one, write cli/<verb>.py and give it a line in _main.py.
"""

from wamlab.cli._main import main

__all__ = ["main"]
