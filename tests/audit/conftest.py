"""One zygote for all tests of the audit, and a small homework of an instructor's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sandbox.launch import Zygote

REFERENCE = Path(__file__).parent.parent.parent / "reference"
OWN = """\
title = "Masks and norms"

[files]
names = ["mask.py", "layer_norm.py"]

[[item]]
number = "1"
title = "masks"
points = 2
kind = "auto"
tasks = ["mask"]
advice = ["mask.any_pad_id"]

[[item]]
number = "2"
title = "norms"
points = 2
kind = "auto"
tasks = ["layer_norm"]
"""


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Where the workers of all tests come from; no test may harm it."""
    from sandbox.launch import Zygote

    with Zygote() as zygote:
        yield zygote


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The TOML of a homework with two files and two items, its binding and its solution beside it."""
    folder = tmp_path / "own"
    (folder / "solution").mkdir(parents=True)
    (folder / "own.toml").write_text(OWN, encoding="utf-8")
    (folder / "own.py").write_text("from graders.homeworks.core import BINDING\n", encoding="utf-8")
    for name in ("mask.py", "layer_norm.py"):
        (folder / "solution" / name).write_bytes((REFERENCE / name).read_bytes())
    return folder / "own.toml"


@pytest.fixture
def lay_out(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Write a folder of submissions, given as {relative path: text}."""

    def write(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "submissions"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    return write
