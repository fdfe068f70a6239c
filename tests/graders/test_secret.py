"""The secret that seeds follow from."""

from pathlib import Path

import pytest

from graders.secret import DEFAULT_SECRET, own_secret

pytestmark = pytest.mark.torch_free


def test_default_at_home() -> None:
    """Protects runs at home: without a package the same cases everywhere."""
    assert own_secret() == DEFAULT_SECRET == "headmaster"


def test_secret_of_a_package(tmp_path: Path) -> None:
    """Protects a course from cases that can be computed at home: a package's own secret is taken."""
    (tmp_path / "SECRET").write_text("0123456789abcdef\n")
    assert own_secret(tmp_path) == "0123456789abcdef"
