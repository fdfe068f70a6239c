"""manifest.json: it notices what is missing or has been changed."""

from pathlib import Path

import pytest

from gradescope.manifest import Manifest, ManifestError, check, digests

pytestmark = pytest.mark.torch_free


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a file and its manifest."""
    (tmp_path / "a.py").write_bytes(b"a")
    made = Manifest(
        headmaster="1",
        homework="x",
        title="X",
        autograder_points=1,
        torch_index=None,
        requirements={},
        files=digests({"a.py": b"a"}),
    )
    (tmp_path / "manifest.json").write_text(made.model_dump_json())
    return tmp_path


def test_as_it_was_packed(package: Path) -> None:
    """Protects a good package from a false alarm; what Python leaves there does not count."""
    (package / "__pycache__").mkdir()
    assert check(package).homework == "x"


def test_file_that_was_changed(package: Path) -> None:
    """Protects from an upload that was edited or damaged: the file is named, and what to do."""
    (package / "a.py").write_bytes(b"a\r\n")
    with pytest.raises(ManifestError, match=r"a\.py has been changed\. Make it anew"):
        check(package)


def test_file_that_is_missing(package: Path) -> None:
    """Protects from a zip of a part of the files."""
    (package / "a.py").unlink()
    with pytest.raises(ManifestError, match=r"a\.py is missing"):
        check(package)


@pytest.mark.parametrize("text", ["", "{}", "PK"])
def test_manifest_that_cannot_be_read(package: Path, text: str) -> None:
    """Protects from a traceback: what is no manifest is said to be none."""
    (package / "manifest.json").write_text(text)
    with pytest.raises(ManifestError, match=r"manifest\.json cannot be read: "):
        check(package)
