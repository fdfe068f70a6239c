"""Unpacking zips as the platform does, within its limits: regular files below one folder, with the modes that the zip has."""

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

MAX_BYTES = 100_000_000  # Gradescope takes uploads up to 100 MB
MAX_FILES = 10_000


class UnpackError(Exception):
    """The zip cannot be unpacked; the message says why."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip.

    Args:
        archive: the zip.
        folder: made if it is not there.

    Raises:
        UnpackError: it is no zip, is damaged or too large, or has a path that leads out of the folder.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            _unpack(opened, archive, folder)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise UnpackError(f"{archive} cannot be unpacked: {error}") from error


def _unpack(opened: zipfile.ZipFile, archive: Path, folder: Path) -> None:
    entries = [entry for entry in opened.infolist() if not entry.is_dir()]
    if len(entries) > MAX_FILES:
        raise UnpackError(f"{archive} has {len(entries)} files; at most {MAX_FILES} are unpacked")
    left = MAX_BYTES
    folder.mkdir(parents=True, exist_ok=True)
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise UnpackError(f"{archive} has the path {entry.filename!r}, which leads out of its folder")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(entry) as source, open(target, "xb") as file:
            while piece := source.read(1 << 20):  # what it says of its size is not believed
                left -= len(piece)
                if left < 0:
                    raise UnpackError(f"{archive} holds more than {MAX_BYTES // 1_000_000} MB")
                file.write(piece)
        mode = entry.external_attr >> 16
        if stat.S_IMODE(mode):
            target.chmod(stat.S_IMODE(mode) & 0o755 | 0o600)


def stage(submission: Path, folder: Path) -> None:
    """Lay out what a student uploads: a zip is unpacked, a folder is copied, a single file is put in.

    Args:
        submission: the zip, the folder or the file.
        folder: made here.

    Raises:
        UnpackError: there is nothing, or it cannot be unpacked or copied.
    """
    try:
        if submission.is_dir():
            shutil.copytree(submission, folder, ignore=shutil.ignore_patterns("__pycache__"))
        elif not submission.is_file():
            raise UnpackError(f"there is no submission {submission}: pass a zip, a folder or a file")
        elif submission.suffix.lower() == ".zip":
            unpack(submission, folder)
        else:
            folder.mkdir()
            shutil.copy(submission, folder)
    except (OSError, shutil.Error) as error:
        raise UnpackError(f"{submission} cannot be copied: {error}") from error
