import resource
from contextlib import contextmanager

import pytest
import torch
from plane import make_home, training

from wamlab.training.trainer import train


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Sums in an order that does not depend on the machine's other work."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def straight(home, tmp_path_factory):
    """A training that nothing interrupted."""
    out = tmp_path_factory.mktemp("straight")
    train(training(home), out)
    return out


@pytest.fixture
def small_files():
    """Stands for a full disk: for a while no file can grow beyond some bytes."""

    @contextmanager
    def limited(num_bytes):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
