"""Pages may move; numbers may not."""

import sys

import pytest
import torch

from idiolect.models import memory


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    monkeypatch.setattr(memory, "_LARGE_MODEL_BYTES", 0)
    monkeypatch.setattr(memory, "_RESERVE_BYTES", 4 << 20)
    return torch.nn.Linear(2048, 1024)


def test_weights_are_the_same_on_huge_pages(module: torch.nn.Module) -> None:
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    memory.settle(module)
    memory.settle(module)
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's list of mappings")
def test_the_mapping_of_every_weight_is_found() -> None:
    weight = torch.ones(8 << 20)
    mappings = list(memory._anonymous_mappings())
    assert any(start <= weight.data_ptr() < stop for start, stop in mappings)


def test_a_refusal_of_huge_pages_is_no_error() -> None:
    memory._use_huge_pages(0, 8 << 20)


def test_what_lies_on_another_device_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> bool:
        raise AssertionError("the C library was touched")

    monkeypatch.setattr(memory, "keep_pages", fail)
    memory.settle(torch.nn.Linear(2, 2, device="meta"))
