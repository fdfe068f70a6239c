"""Intake: copy what was handed in, a folder or a `.zip` (`archive.py`), to a snapshot that workers may read.

Only regular files, within caps; symbolic links, devices and pipes are left out, and so is what no homework wants
(caches, compiled code, version control, virtual environments). The snapshot's digest names its contents.
"""

import hashlib
import os
import shutil
import stat
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import archive
from .errors import IntakeError
from .text import clean

_IGNORED_FOLDERS = frozenset(
    [
        "__pycache__",
        ".git",
        ".hg",
        ".svn",
        ".venv",
        "venv",
        "node_modules",
        "__MACOSX",
        ".ipynb_checkpoints",
        ".pytest_cache",
        ".hypothesis",
    ]
)
_IGNORED_SUFFIXES = (".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib")
_IGNORED_FILES = frozenset([".DS_Store", "Thumbs.db"])


@dataclass(frozen=True)
class Caps:
    """The most that is taken in."""

    file_bytes: int = 100 << 20
    total_bytes: int = 500 << 20
    files: int = 2000
    depth: int = 12


@dataclass(frozen=True)
class Snapshot:
    """A private copy of a submission; a context manager that removes it.

    Attributes:
        root: the folder of the copy, readable by every user.
        files: relative paths, sorted, with `/`.
        digest: SHA-256 over paths and contents, hexadecimal.
        left_out: (relative path, reason) of what was not copied; untrusted names, cleaned.
    """

    root: Path
    files: tuple[str, ...]
    digest: str
    left_out: tuple[tuple[str, str], ...] = field(default=())

    def __enter__(self) -> "Snapshot":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Delete the copy."""
        shutil.rmtree(self.root.parent, ignore_errors=True)


def take(source: Path, caps: Caps = Caps(), *, leave_out: frozenset[str] = frozenset()) -> Snapshot:
    """Copy a submission.

    Args:
        source: the folder that was handed in, or a `.zip` of it.
        caps: the most that is taken in.
        leave_out: names at its top that are not part of it.

    Raises:
        IntakeError: no such folder, an archive that cannot be unpacked, or more than the caps allow; the message says
            what to do.
    """
    shown = clean(str(source), 500)
    if not source.exists():
        raise IntakeError(f"there is no submission at {shown}: pass the folder that was handed in")
    is_zip = source.suffix.lower() == archive.ZIP and not source.is_dir()
    if not is_zip and not source.is_dir():
        how = "pack an archive as .zip" if source.suffix.lower() in archive.OTHER_ARCHIVES else "or a .zip of it"
        raise IntakeError(f"{shown} is a file: pass the folder that holds the submission ({how})")
    home = Path(tempfile.mkdtemp(prefix="headmaster-"))
    root = home / "submission"
    root.mkdir()
    try:
        if is_zip:
            files, digest, left_out = _copy_unpacked(source, root, caps)
        else:
            files, digest, left_out = _copy(source, root, caps, leave_out)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    home.chmod(0o755)
    return Snapshot(root, tuple(files), digest, tuple(left_out))


def _copy_unpacked(source: Path, root: Path, caps: Caps) -> tuple[list[str], str, list[tuple[str, str]]]:
    """Unpack an archive where nobody else can read, and copy what has come out."""
    most = archive.ArchiveCaps(file_bytes=caps.file_bytes, total_bytes=caps.total_bytes, depth=caps.depth)
    with tempfile.TemporaryDirectory(prefix="headmaster-") as unpacked:
        packed = archive.unpack(source, Path(unpacked), most, _IGNORED_FOLDERS)
        files, digest, left_out = _copy(Path(unpacked), root, caps)
    return files, digest, [*packed, *left_out]


def _copy(
    source: Path, root: Path, caps: Caps, leave_out: frozenset[str] = frozenset()
) -> tuple[list[str], str, list[tuple[str, str]]]:
    files: list[str] = []
    left_out: list[tuple[str, str]] = []
    digest = hashlib.sha256()
    seen: set[str] = set()
    total = 0
    for relative, problem in sorted(_walk(source, caps.depth, leave_out)):
        name = clean(relative, 200)
        if problem:
            left_out.append((name, problem))
            continue
        folded = unicodedata.normalize("NFC", relative).casefold()
        if folded in seen:
            left_out.append((name, "another file has the same name but for case"))
            continue
        data, problem = _read_regular(source / relative, caps.file_bytes)
        if data is None:
            left_out.append((name, problem))
            continue
        seen.add(folded)
        total += len(data)
        if len(files) >= caps.files:
            raise IntakeError(f"the submission holds more than {caps.files} files: hand in only what is asked for")
        if total > caps.total_bytes:
            raise IntakeError(
                f"the submission holds more than {caps.total_bytes >> 20} MiB: "
                "leave out data sets and extra checkpoints"
            )
        target = root / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(0o644)
        files.append(relative)
        encoded = relative.encode("utf-8", "surrogateescape")
        for part in (encoded, data):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    for folder, _, _ in os.walk(root):
        os.chmod(folder, 0o755)
    return files, digest.hexdigest(), left_out


def _walk(source: Path, depth: int, leave_out: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield (relative path, problem or "") of every entry that is not a plain folder."""
    unreadable: list[OSError] = []
    for folder, folders, names in os.walk(source, onerror=unreadable.append, followlinks=False):
        below = Path(folder).relative_to(source)
        kept = []
        for name in sorted(folders):
            relative = (below / name).as_posix()
            if name in _IGNORED_FOLDERS or (below == Path() and name in leave_out):
                continue
            if (Path(folder) / name).is_symlink():
                yield relative, "a symbolic link"
            elif len(below.parts) >= depth:
                yield relative, f"nested deeper than {depth} folders"
            else:
                kept.append(name)
        folders[:] = kept
        for name in names:
            if name in _IGNORED_FILES or name.startswith("._") or (below == Path() and name in leave_out):
                continue
            relative = (below / name).as_posix()
            yield relative, "compiled code" if name.endswith(_IGNORED_SUFFIXES) else ""
    for error in unreadable:
        yield os.path.relpath(error.filename, source), "a folder that cannot be read"


def _read_regular(path: Path, max_bytes: int) -> tuple[bytes | None, str]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None, "not a file that can be read (a symbolic link, or no permission)"
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None, "not a regular file"
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        return None, f"larger than {max_bytes >> 20} MiB"
    return data, ""
