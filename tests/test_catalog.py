import pytest

from wamlab import catalog
from wamlab.core.errors import ConfigError


def test_lists_modules_by_the_first_line_of_their_docstring():
    assert catalog.available("benchmark")["pointmass"].startswith("A point that must reach")


def test_lists_packages_as_well():
    assert catalog.available("benchmark")["libero"].startswith("LIBERO on MuJoCo")


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(ConfigError, match=r"Did you mean pointmass\?.*benchmarks/pointmas\.py"):
        catalog.load("benchmark", "pointmas")


def test_classes_are_those_of_the_module_alone():
    assert set(catalog.classes("policy", "baselines")) == {
        "RandomPolicy",
        "HoldPolicy",
        "ReplayPolicy",
    }
