import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """These models are so small that two threads mostly wait for each other."""
    torch.set_num_threads(1)
