"""Unpacking: the platform's modes and limits, and nothing outside of the folder."""

import stat
import zipfile
from pathlib import Path

import pytest

from gradescope import unpack as module
from gradescope.unpack import UnpackError, stage, unpack

pytestmark = pytest.mark.torch_free


def made(path: Path, *entries: tuple[str, bytes, int]) -> Path:
    """A zip of entries with their modes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return path


def test_modes_are_kept(tmp_path: Path) -> None:
    """Protects run_autograder: what is executable in the zip is so on the disk; nobody else may write."""
    archive = made(tmp_path / "a.zip", ("run", b"x", 0o100777), ("src/a.py", b"y", 0o100600), ("b", b"z", 0))
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/src/a.py").read_bytes() == b"y"
    modes = [stat.S_IMODE((tmp_path / "out" / name).stat().st_mode) for name in ("run", "src/a.py")]
    assert modes == [0o755, 0o600]
    assert (tmp_path / "out/b").is_file()


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x"])
def test_path_that_leads_out(tmp_path: Path, name: str) -> None:
    """Protects this machine from a student's zip: nothing is written outside of the folder."""
    with pytest.raises(UnpackError, match="leads out of its folder"):
        unpack(made(tmp_path / "a.zip", (name, b"x", 0)), tmp_path / "deep" / "out")
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "deep" / "x").exists()


def test_link_is_a_file_with_its_target(tmp_path: Path) -> None:
    """Protects this machine's files: a link in a zip becomes a file with the path as its text."""
    unpack(made(tmp_path / "a.zip", ("link", b"/etc/passwd", stat.S_IFLNK | 0o777)), tmp_path / "out")
    assert not (tmp_path / "out/link").is_symlink()
    assert (tmp_path / "out/link").read_bytes() == b"/etc/passwd"


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the disk: what grows beyond an upload's size, or has too many files, is refused while it is unpacked."""
    monkeypatch.setattr(module, "MAX_BYTES", 2_000_000)
    with pytest.raises(UnpackError, match="holds more than 2 MB"):
        unpack(made(tmp_path / "a.zip", ("zeros", bytes(2_000_001), 0)), tmp_path / "one")
    monkeypatch.setattr(module, "MAX_FILES", 1)
    with pytest.raises(UnpackError, match="has 2 files; at most 1 are unpacked"):
        unpack(made(tmp_path / "b.zip", ("a", b"", 0), ("b", b"", 0)), tmp_path / "two")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 and no more", b"no zip"])
def test_no_zip(tmp_path: Path, data: bytes) -> None:
    """Protects from a traceback: what is no zip is said to be none."""
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UnpackError, match=r"a\.zip cannot be unpacked: "):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_what_a_student_uploads(tmp_path: Path) -> None:
    """Protects each way to hand in: a zip, a folder and a single file lie there alike; nothing at all is said."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.py").write_bytes(b"x")
    made(tmp_path / "a.ZIP", ("a.py", b"x", 0))
    for number, upload in enumerate(("folder", "folder/a.py", "a.ZIP")):
        stage(tmp_path / upload, tmp_path / f"out{number}")
        assert [path.name for path in (tmp_path / f"out{number}").iterdir()] == ["a.py"]
        assert (tmp_path / f"out{number}" / "a.py").read_bytes() == b"x"
    with pytest.raises(UnpackError, match="pass a zip, a folder or a file"):
        stage(tmp_path / "nothing", tmp_path / "out")
