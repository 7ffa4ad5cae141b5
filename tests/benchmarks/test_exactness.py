"""Every saving of the LIBERO environment against the plain loop: equal bit by bit.

One task of each suite here; `python bench/exactness.py` runs all of them.
"""

import pytest

pytest.importorskip("libero", reason="LIBERO is not installed (pip install 'wamlab[libero]')")

pytestmark = pytest.mark.sim


@pytest.mark.parametrize(
    ("suite", "task"),
    [
        ("libero_spatial", 4),  # bowl in a drawer, stove as a mirror
        ("libero_object", 0),
        ("libero_goal", 5),
        ("libero_10", 3),  # LIBERO's leaking joint samplers
    ],
)
def test_state_and_images_equal_the_plain_environment(suite, task):
    from tests.benchmarks.plain_libero import differences

    assert differences(suite, task, num_inits=2, num_steps=12, every=6) == []
