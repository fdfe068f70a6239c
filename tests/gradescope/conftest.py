"""A homework with two questions in a TOML of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

HOMEWORK = """
title = "A homework"

[gradescope]
{gradescope}

[files]
names = ["mask.py"]

[[item]]
number = "1"
title = "Masks"
points = 10
kind = "auto"
tasks = ["mask"]

[[item]]
number = "2(a)"
title = "RoPE"
points = 4
kind = "auto"
tasks = ["rope"]
{rope}

[[item]]
number = "3"
title = "Why"
points = 5
kind = "manual"
"""


@pytest.fixture
def homework(tmp_path: Path) -> Callable[..., str]:
    """Write the homework `mine`; returns its path. Lines may be put into [gradescope] and into question 2(a)."""

    def write(gradescope: str = "", rope: str = "") -> str:
        path = tmp_path / "mine.toml"
        path.write_text(HOMEWORK.format(gradescope=gradescope, rope=rope), encoding="utf-8")
        return str(path)

    return write
