"""The doctor's simulator checks on this machine, with the real simulator."""

import pytest

pytest.importorskip("libero", reason="LIBERO is not installed (pip install 'wamlab[libero]')")

from wamlab.benchmarks.libero import Libero, golden
from wamlab.benchmarks.libero.health import checks, contents_check
from wamlab.core.health import Depth, Level

pytestmark = pytest.mark.sim


def test_this_machine_settles_and_draws_as_the_reference():
    results = {c.name: c for c in checks(Libero.Config(), Depth.QUICK, lambda line: None)}

    assert [c for c in results.values() if c.level is Level.RED] == []
    assert results["settling " + "/".join(golden.IMAGE_TASK)].level is Level.GREEN
    assert {"renderer", "first images"} <= set(results)


def test_the_installed_files_are_the_official_ones():
    assert contents_check(Libero.Config().suites).level is Level.GREEN
