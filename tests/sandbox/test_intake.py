"""What is taken in of a submission: regular files within caps, and nothing else."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.errors import IntakeError
from sandbox.intake import Caps, Snapshot, take

pytestmark = pytest.mark.torch_free


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An empty folder that is handed in."""
    folder = tmp_path / "handed in"
    folder.mkdir()
    return folder


def write(source: Path, *names: str, text: str = "x") -> None:
    for name in names:
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def listed(snapshot: Snapshot) -> list[str]:
    """The files that lie in a snapshot's folder."""
    return sorted(path.relative_to(snapshot.root).as_posix() for path in snapshot.root.rglob("*") if path.is_file())


def test_files_are_copied(source: Path) -> None:
    """Protects the copy: paths, contents, order, and that it goes when it is no longer needed."""
    write(source, "b.py", "a.py", "src/data/ä b.txt", text="σ = 1\r\n")
    with take(source) as snapshot:
        assert snapshot.files == ("a.py", "b.py", "src/data/ä b.txt")
        assert list(snapshot.files) == listed(snapshot)
        assert "σ = 1\r\n".encode() == (snapshot.root / "src/data/ä b.txt").read_bytes()
        assert snapshot.left_out == ()
        (source / "a.py").write_text("changed later")
        assert "σ = 1\r\n".encode() == (snapshot.root / "a.py").read_bytes()
    assert not snapshot.root.parent.exists()


def test_modes(source: Path) -> None:
    """Protects workers with another user id, who must read the copy, and everyone from files that run."""
    write(source, "a.py", "private/b.py")
    (source / "a.py").chmod(0o4777)
    (source / "private").chmod(0o700)
    (source / "private/b.py").chmod(0o600)
    with take(source) as snapshot:
        paths = [snapshot.root.parent, snapshot.root, *sorted(snapshot.root.rglob("*"))]
        assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o755, 0o755, 0o644, 0o755, 0o644]


def test_symbolic_links_are_left_out(source: Path, tmp_path: Path) -> None:
    """Protects hidden files from links to them, absolute or relative, to files, folders, or nothing."""
    secret = tmp_path / "secret"
    write(secret, "key.py")
    write(source, "a.py")
    (source / "absolute.py").symlink_to(secret / "key.py")
    (source / "relative.py").symlink_to("../secret/key.py")
    (source / "inside.py").symlink_to("a.py")
    (source / "dangling.py").symlink_to("nothing")
    (source / "folder").symlink_to(secret, target_is_directory=True)
    (source / "loop").symlink_to(".", target_is_directory=True)
    with take(source) as snapshot:
        assert snapshot.files == ("a.py",)
        assert listed(snapshot) == ["a.py"]
        names = ["absolute.py", "dangling.py", "folder", "inside.py", "loop", "relative.py"]
        assert names == [name for name, _ in snapshot.left_out]
        assert all("symbolic link" in problem for _, problem in snapshot.left_out)


def test_what_is_no_file_is_left_out(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the judge from blocking on a pipe, and from reading sockets or devices."""
    write(source, "a.py")
    os.mkfifo(source / "pipe.py")
    monkeypatch.chdir(source)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.py")
        with take(source) as snapshot:
            assert snapshot.files == ("a.py",)
            assert [name for name, _ in snapshot.left_out] == ["pipe.py", "socket.py"]
            assert snapshot.left_out[0] == ("pipe.py", "not a regular file")


def refuse(monkeypatch: pytest.MonkeyPatch, module: object, function: str, name: str) -> None:
    """Have the system refuse to open what has a name (root may read everything, so modes do not do it)."""
    original: Callable[..., object] = getattr(module, function)

    def refusing(path: object, *args: object, **kwargs: object) -> object:
        if os.fspath(path).endswith(name):  # type: ignore[arg-type]
            raise PermissionError(13, "Permission denied", os.fspath(path))  # type: ignore[arg-type]
        return original(path, *args, **kwargs)

    monkeypatch.setattr(module, function, refusing)


def test_unreadable_files_and_folders_are_named(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects students from a silent loss: what could not be read is listed with the reason."""
    write(source, "a.py", "locked.py", "sub/closed/b.py")
    with monkeypatch.context() as patch:
        refuse(patch, os, "open", "locked.py")
        refuse(patch, os, "scandir", "closed")
        snapshot = take(source)
    with snapshot:
        assert snapshot.files == ("a.py",)
        unreadable = "not a file that can be read (a symbolic link, or no permission)"
        assert (("locked.py", unreadable), ("sub/closed", "a folder that cannot be read")) == snapshot.left_out


def test_what_no_homework_wants_is_left_out(source: Path) -> None:
    """Protects against caches, compiled code and virtual environments; only compiled code is worth a word."""
    folders = ["__pycache__", ".git", ".venv", "venv", "node_modules", "__MACOSX", ".ipynb_checkpoints"]
    write(source, "a.py", *(f"{folder}/b.py" for folder in folders), "src/__pycache__/c.py", ".DS_Store", "._a.py")
    write(source, "d.pyc", "e.so", "f.cpython-311-x86_64-linux-gnu.so", "g.pyd", "src/i.pyo")
    with take(source) as snapshot:
        assert snapshot.files == ("a.py",)
        left_out = ["d.pyc", "e.so", "f.cpython-311-x86_64-linux-gnu.so", "g.pyd", "src/i.pyo"]
        assert left_out == [name for name, _ in snapshot.left_out]


def test_foreign_settings_are_plain_files(source: Path) -> None:
    """Protects the judge: a submitted conftest.py or pytest.ini is copied like any other file, and read by nobody."""
    names = ["conftest.py", "pyproject.toml", "pytest.ini", "setup.cfg", "sitecustomize.py", "tox.ini"]
    write(source, *names, text="raise SystemExit('executed')")
    with take(source) as snapshot:
        assert tuple(names) == snapshot.files


def test_names_that_differ_only_in_case(source: Path) -> None:
    """Protects against two files that are one on other systems: the first is taken, the other is named."""
    write(source, "A/b.py", "a/B.py", "é.py", "e\u0301.py")
    with take(source) as snapshot:
        assert snapshot.files == ("A/b.py", "e\u0301.py")
        reason = "another file has the same name but for case"
        assert (("a/B.py", reason), ("é.py", reason)) == snapshot.left_out


def test_names_that_are_no_text(source: Path) -> None:
    """Protects reports and the digest from names that are not UTF-8, or carry control characters."""
    Path(os.fsdecode(os.fsencode(source) + b"/\xff\xfe.py")).write_text("x")
    write(source, "evil\x1b[31m\n\u202e.py", "too large\x07", text="xx")
    with take(source, Caps(file_bytes=1)) as snapshot:
        assert [os.fsdecode(b"\xff\xfe.py")] == list(snapshot.files)
        assert [name for name, _ in snapshot.left_out] == ["evil�[31m\n�.py", "too large�"]
        assert os.listdir(os.fsencode(snapshot.root))[0] == b"\xff\xfe.py"


def test_too_large_a_file_is_left_out(source: Path) -> None:
    """Protects memory and disk: a file beyond the cap is not read further, one of exactly the cap is."""
    write(source, "a.bin", text="x" * (1 << 20))
    write(source, "b.bin", text="x" * ((1 << 20) + 1))
    with take(source, Caps(file_bytes=1 << 20)) as snapshot:
        assert snapshot.files == ("a.bin",)
        assert snapshot.left_out == (("b.bin", "larger than 1 MiB"),)


@pytest.mark.parametrize(
    ("caps", "message"),
    [
        (Caps(files=2), "more than 2 files: hand in only"),
        (Caps(total_bytes=2 << 20), "more than 2 MiB: leave out data sets"),
    ],
)
def test_too_much_is_refused(
    caps: Caps, message: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects memory and disk from many files; the message says what to do, and nothing is left behind."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    write(source, "a", "b", "c", text="x" * (1 << 20))
    with pytest.raises(IntakeError, match=message):
        take(source, caps)
    assert [source.name] == os.listdir(tmp_path)


def test_as_much_as_the_caps_allow(source: Path) -> None:
    """Protects honest submissions at the very limit."""
    write(source, "a", "b", text="xx")
    with take(source, Caps(file_bytes=2, total_bytes=4, files=2)) as snapshot:
        assert snapshot.files == ("a", "b")


def test_depth(source: Path) -> None:
    """Protects against endless folders: those within the cap are taken, the first one beyond it is named."""
    write(source, "1/2/a.py", "1/2/3/b.py", "1/2/3/4/5/c.py")
    with take(source, Caps(depth=2)) as snapshot:
        assert snapshot.files == ("1/2/a.py",)
        assert snapshot.left_out == (("1/2/3", "nested deeper than 2 folders"),)


def digest(source: Path) -> str:
    with take(source) as snapshot:
        return snapshot.digest


def test_the_digest_names_paths_and_contents(source: Path) -> None:
    """Protects seeds: the same files give the same digest, and each change of a name or a byte another one."""
    write(source, "a.py", "b.py")
    first = digest(source)
    os.utime(source / "a.py", (0, 0))
    (source / "a.py").chmod(0o600)
    write(source, "__pycache__/a.cpython-311.pyc")
    assert first == digest(source)
    found = {first}
    write(source, "a.py", text="y")
    found.add(digest(source))
    (source / "a.py").rename(source / "c.py")
    found.add(digest(source))
    write(source, "sub/b.py")
    found.add(digest(source))
    write(source, "a", text="")
    found.add(digest(source))
    assert len(found) == 5


def test_the_digest_separates_names_from_contents(source: Path, tmp_path: Path) -> None:
    """Protects seeds from two submissions that were cut differently: ("ab", "c") is not ("a", "bc")."""
    other = tmp_path / "other"
    other.mkdir()
    write(source, "ab", text="c")
    write(other, "a", text="bc")
    assert digest(source) != digest(other)


def test_what_is_left_out_by_name(source: Path) -> None:
    """Protects the students' kit, whose own files lie beside theirs: names at the top are left out, the same below are not."""
    write(source, "a.py", "graders/x.py", "README.md", "src/graders/y.py", "src/README.md")
    with take(source, leave_out=frozenset({"graders", "README.md"})) as snapshot:
        assert list(snapshot.files) == ["a.py", "src/README.md", "src/graders/y.py"]
        assert listed(snapshot) == list(snapshot.files)
    with take(source) as snapshot:
        assert len(snapshot.files) == 5


def test_an_empty_submission(source: Path) -> None:
    """Protects the run from a submission without files: it is taken in, and graded as what it is."""
    with take(source) as snapshot:
        assert (snapshot.files, snapshot.left_out) == ((), ())


def test_a_missing_folder(source: Path) -> None:
    """Protects whoever mistypes a path: the message says what to pass."""
    with pytest.raises(IntakeError, match="there is no submission at .*: pass the folder that was handed in"):
        take(source / "nowhere")


def test_a_file_in_place_of_a_folder(source: Path) -> None:
    """Protects whoever passes one of the files: the message says what is taken, and holds no commands to terminals."""
    write(source, "hw\x1b[2J.py")
    with pytest.raises(IntakeError, match=r"hw�\[2J\.py is a file: pass the folder .*\(or a \.zip of it\)"):
        take(source / "hw\x1b[2J.py")
