import pytest
from run_folders import episodes, loaded

from wamlab.report.study import make_study

RATES = {
    "expert": {
        "libero_spatial": 0.98,
        "libero_object": 0.99,
        "libero_goal": 0.96,
        "libero_10": 0.9,
    },
    "faulty": {"libero_spatial": 0.8, "libero_object": 0.9, "libero_goal": 0.7, "libero_10": 0.5},
    "random": {"libero_spatial": 0.0, "libero_object": 0.0, "libero_goal": 0.02, "libero_10": 0.0},
}


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Three policies on four suites: run folder by name."""
    root = tmp_path_factory.mktemp("runs")
    return {
        name: loaded(root / name, episodes(rates, name=name, num_inits=10), name=name).folder
        for name, rates in RATES.items()
    }


@pytest.fixture
def runs(folders):
    from wamlab.records.store import load_run

    return [load_run(folder) for folder in folders.values()]


@pytest.fixture
def study(runs):
    return make_study(runs)
