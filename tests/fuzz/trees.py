"""Intake: a folder that is handed in, built from bytes: odd names, links, pipes, sparse files, folders in folders."""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from sandbox.errors import IntakeError
from sandbox.intake import Caps, Snapshot, take
from sandbox.text import clean
from tests.fuzz.bounds import bounded

CAPS = Caps(file_bytes=64, total_bytes=256, files=8, depth=3)
NAMES = (
    *(b"a.py", b"A.py", b"a", b"A", "ä".encode(), "a\u0308".encode(), b"\xff\xfe", b"\n\x1b[31m", b"x" * 255, b"-rf"),
    *(b".git", b"__pycache__", b"b.pyc", b".DS_Store", b"._a", "\u202eyp.a".encode(), "ﬁ.py".encode(), b"fi.py"),
)
LINKS = (b".", b"..", b"/", b"/etc/hostname", b"a.py", b"nothing", b"loop")
STEP = 4  # bytes of an operation: what, in which folder, under which name, how large or where to


def target(data: bytes) -> None:
    """Build the folder that the bytes tell of, and take it in twice.

    Raises:
        AssertionError: the copy is not what its `files` say, breaks a cap, or leaves something behind.
        Exceeded: more than 10 seconds, or more than 8 MiB.
    """
    scratch = Path(tempfile.mkdtemp(prefix="fuzz-trees-"))
    copies, source = scratch / "copies", scratch / "handed in"
    copies.mkdir()
    source.mkdir()
    try:
        _build(source, data)
        with patch.object(tempfile, "tempdir", str(copies)), bounded(seconds=10, n_bytes=8 << 20):
            digests = [_taken(source), _taken(source)]
        assert digests[0] == digests[1], "the same folder has two digests"
        assert list(copies.iterdir()) == [], "something of a copy stayed behind"
    finally:
        shutil.rmtree(scratch)


def _build(source: Path, data: bytes) -> None:
    folders = [os.fsencode(source)]
    for at in range(0, min(len(data), 64 * STEP) - STEP + 1, STEP):
        what, where, name, size = data[at : at + STEP]
        parent = folders[where % len(folders)]
        # some names come from the bytes themselves
        raw = NAMES[name % len(NAMES)] if name < 192 else data[at : at + 1 + name - 192]
        path = os.path.join(parent, raw.replace(b"/", b"_").replace(b"\0", b"_"))
        if os.path.basename(path) in (b"", b".", b".."):
            continue
        try:
            _make(what % 8, path, size)
        except OSError:  # it is there already, or its name is too long
            continue
        if what % 8 in (1, 2) and not os.path.islink(path):
            folders.append(path)


def _make(what: int, path: bytes, size: int) -> None:
    makers: dict[int, Callable[[], None]] = {
        1: lambda: os.mkdir(path),
        2: lambda: os.mkdir(path),
        3: lambda: os.symlink(LINKS[size % len(LINKS)], path),
        4: lambda: os.mkfifo(path),
        5: lambda: _write(path, size << 32),  # sparse
        6: lambda: os.mknod(path, stat.S_IFSOCK | 0o600),
    }
    makers.get(what, lambda: _write(path, size % 80))()


def _write(path: bytes, size: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o4777)
    try:
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)


def _taken(source: Path) -> str:
    """Take the folder in, look at the copy, remove it; its digest, or why it was refused."""
    try:
        snapshot = take(source, CAPS)
    except IntakeError as error:
        return str(error)
    with snapshot:
        _check(snapshot)
    return snapshot.digest


def _check(snapshot: Snapshot) -> None:
    there = [path for path in snapshot.root.rglob("*") if path.is_symlink() or not path.is_dir()]
    assert sorted(path.relative_to(snapshot.root).as_posix() for path in there) == sorted(snapshot.files)
    facts = [path.lstat() for path in there]
    assert all(stat.S_IFMT(fact.st_mode) == stat.S_IFREG for fact in facts), "the copy holds more than regular files"
    assert all(stat.S_IMODE(fact.st_mode) == 0o644 and fact.st_nlink == 1 for fact in facts)
    assert len(facts) <= CAPS.files
    assert sum(fact.st_size for fact in facts) <= CAPS.total_bytes
    assert all(fact.st_size <= CAPS.file_bytes for fact in facts)
    assert all(name.count("/") <= CAPS.depth for name in snapshot.files)
    assert all(clean(text, 200) == text and reason for text, reason in snapshot.left_out), "a name is not cleaned"


def seeds() -> list[bytes]:
    """Folders to begin with: one of each kind of entry, a deep one, one with too many files, one that is too large."""
    return [
        bytes(byte for what in range(8) for byte in (what, 0, what, 40)),
        bytes(byte for level in range(6) for byte in (1, level, 2, 0)) + bytes([0, 6, 0, 1]),
        bytes(byte for number in range(12) for byte in (0, 0, number, 3)),
        bytes(byte for number in range(8) for byte in (0, 0, number, 60)),
        bytes(byte for number in range(6) for byte in (3, 0, number, number)),
        b"\x00\x00\xc4\x05" * 3,
    ]
