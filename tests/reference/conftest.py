"""Prints, on demand, how far the answer key is from the independent implementations: `pytest tests/reference --errors`."""

from collections.abc import Iterator
from typing import Any

import pytest

LARGEST = pytest.StashKey[dict[str, float]]()


@pytest.fixture(autouse=True)
def _measured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Note the largest difference that `torch.testing.assert_close` meets in each test, if it is asked for."""
    if not request.config.getoption("--errors"):
        yield
        return
    import torch

    original = torch.testing.assert_close
    found = request.config.stash.setdefault(LARGEST, {})

    def measuring(actual: Any, expected: Any, *args: Any, **kwargs: Any) -> None:
        original(actual, expected, *args, **kwargs)
        pairs = zip(actual, expected, strict=True) if isinstance(actual, (list, tuple)) else [(actual, expected)]
        for got, wanted in pairs:
            off = (torch.as_tensor(got).detach().double() - torch.as_tensor(wanted).detach().double()).abs()
            off = off[off.isfinite()]
            if off.numel():
                name = request.node.nodeid.removeprefix("tests/reference/")
                found[name] = max(found.get(name, 0.0), float(off.max()))

    monkeypatch.setattr(torch.testing, "assert_close", measuring)
    yield


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table."""
    found = config.stash.get(LARGEST, {})
    if found:
        terminalreporter.section("largest difference from an independent implementation")
        for name, error in sorted(found.items()):
            terminalreporter.write_line(f"{error:9.1e}  {name}")
