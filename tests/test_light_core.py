"""The core stands alone: no torch, no simulator, no report library until something needs it."""

import subprocess
import sys

HEAVY = {"torch", "mujoco", "robosuite", "libero", "scipy", "statsmodels", "matplotlib", "av"}
PROGRAM = """
import sys
from wamlab import catalog
from wamlab.cli import main
for verb in ("--help", "eval --help", "list benchmarks", "list policies"):
    assert main(verb.split()) == 0
import wamlab.core.contracts, wamlab.engine.run, wamlab.records.store
print(*sorted(name for name in sys.modules if "." not in name), file=sys.stderr)
"""


def test_help_listing_and_engine_import_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )

    loaded = set(done.stderr.split())

    assert "numpy" in loaded
    assert loaded & HEAVY == set()
