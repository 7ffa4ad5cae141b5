"""Holds a model family against numbers of the original implementation.

python -m tests.parity fast_wam --config C.json --fixture F.npz --variant action_only|joint|idm

Prints the largest absolute difference of each stored tensor, the worst last; exits 1 above the
tolerance, 2 if the files cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.parity.fast_wam import Fixture, differences

from wamlab.nn.card import Variant


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    families = parser.add_subparsers(dest="family", required=True)
    fast_wam = families.add_parser("fast_wam")
    fast_wam.add_argument("--config", type=Path, required=True)
    fast_wam.add_argument("--fixture", type=Path, required=True)
    fast_wam.add_argument(
        "--variant", type=Variant, required=True, choices=[*Variant], metavar="VARIANT"
    )
    fast_wam.add_argument("--tolerance", type=float, default=1e-5)
    arguments = parser.parse_args()
    for path in (arguments.config, arguments.fixture):
        if not path.is_file():
            parser.error(f"{path}: no such file")
    found = sorted(
        differences(Fixture(arguments.config, arguments.fixture, arguments.variant)),
        key=lambda difference: difference.largest,
    )
    for name, largest, reason in found:
        print(f"{largest:.2e}  {name}  {reason}".rstrip())
    failed = [d for d in found if not d.largest <= arguments.tolerance]
    print(f"{len(found)} tensors, {len(failed)} above {arguments.tolerance:g}", file=sys.stderr)
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
