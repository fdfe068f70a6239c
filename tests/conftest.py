"""Hygiene for all tests: whoever changes torch's global state, or leaves a worker behind, fails."""

import os
from collections.abc import Iterator

import pytest

# before anything loads torch: the suite runs on as many processes as there are cores, and what it computes is small
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--errors`: see tests/reference/conftest.py."""
    parser.addoption(
        "--errors", action="store_true", help="print the answer key's measured differences from its oracles"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is allowed the most time begins first, so that at the end no core waits for one that runs alone."""
    items.sort(key=lambda item: marker.args[0] if (marker := item.get_closest_marker("timeout")) else 0, reverse=True)


@pytest.fixture(autouse=True)
def _torch_state_is_left_alone() -> Iterator[None]:
    """A test that changes torch's random state, default dtype, grad mode or threads would change other tests."""
    import sys

    if "torch" not in sys.modules:
        yield
        return
    import torch

    before = (torch.get_default_dtype(), torch.is_grad_enabled())
    random_state = torch.get_rng_state()
    yield
    assert (torch.get_default_dtype(), torch.is_grad_enabled()) == before, "the test changed torch's global settings"
    assert torch.equal(torch.get_rng_state(), random_state), "the test drew from torch's global random state"
