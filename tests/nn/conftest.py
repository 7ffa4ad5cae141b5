"""Every test draws the same numbers in every run, on one thread."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Two threads on two busy cores wait for each other: minutes in place of seconds."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
