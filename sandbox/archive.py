"""Unpack a student's `.zip` into a folder, trusting nothing that it says of itself.

Names come from a list of what may pass; every byte is counted while it is unpacked, not believed from a header. Links, devices
and names that lead out are left out with a reason; a bomb, a password or damage refuses the archive. Archives inside it stay
packed. Tar is not taken: Python releases that are in use lack its safe mode (`tarfile.data_filter`).
"""

import io
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import IntakeError
from .text import clean

ZIP = ".zip"
OTHER_ARCHIVES = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_CHUNK = 1 << 18
_NO_BOMB = 16 << 20  # so much may come out of any archive, however small it is
_MAX_PATH, _MAX_NAME = 1000, 255  # bytes; the second is what file systems take
_ENCRYPTED, _UTF8 = 0x1, 0x800  # bits of a member's flags
# what zipfile and zlib raise on bytes that are no archive; some of it in some versions only
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError),
    *(ValueError, IndexError, OverflowError, NotImplementedError, RuntimeError),
)


@dataclass(frozen=True)
class ArchiveCaps:
    """The most that is unpacked.

    Attributes:
        file_bytes: of one file; a larger one is left out.
        total_bytes: of all files together.
        members: entries of the archive, folders included.
        directory_bytes: of the archive's list of its entries, which is read at once.
        ratio: bytes that come out for each byte of the archive.
        depth: folders around a file; what lies deeper is left out.
    """

    file_bytes: int = 100 << 20
    total_bytes: int = 500 << 20
    members: int = 10_000
    directory_bytes: int = 2 << 20
    ratio: int = 100
    depth: int = 12


def unpack(
    archive: Path, folder: Path, caps: ArchiveCaps = ArchiveCaps(), ignored: Collection[str] = ()
) -> list[tuple[str, str]]:
    """Unpack an archive.

    Args:
        archive: a `.zip`; it may be anything.
        folder: an empty folder that nobody else can write to.
        caps: the most that is unpacked.
        ignored: names of folders that are passed over in silence, such as `__MACOSX`.

    Returns:
        (name, reason) of what was left out; the names are untrusted text, cleaned.

    Raises:
        IntakeError: not a zip, damaged, protected by a password, or more than the caps allow.
    """
    return _Unpacking(archive, folder, caps).run(frozenset(ignored))


class _Unpacking:
    """One archive on its way into a folder."""

    def __init__(self, archive: Path, folder: Path, caps: ArchiveCaps) -> None:
        self.archive, self.folder, self.caps = archive, folder, caps
        self.name = clean(archive.name, 200)
        self.left_out: list[tuple[str, str]] = []
        self.total = 0
        self.files: set[str] = set()  # paths, NFC and without case, as some file systems see them
        self.folders: set[str] = set()

    def run(self, ignored: frozenset[str]) -> list[tuple[str, str]]:
        """Unpack everything."""
        with self._open() as raw:
            self.most = max(_NO_BOMB, self.caps.ratio * os.fstat(raw.fileno()).st_size)
            try:
                packed = zipfile.ZipFile(raw)
            except _BROKEN:
                raise IntakeError(
                    f"{self.name} is no zip archive that can be read: it is cut off, damaged, or of another kind. "
                    "Pack the folder again as .zip and hand that in"
                ) from None
            with packed:
                members = packed.infolist()
                if len(members) > self.caps.members:
                    raise self._too_many()
                for member in members:
                    self._take(packed, member, ignored)
        return self.left_out

    def _open(self) -> "_Bounded":
        try:
            descriptor = os.open(self.archive, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise IntakeError(f"{self.name} cannot be opened: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise IntakeError(f"{self.name} is no regular file: pass a folder or a .zip")
        return _Bounded(descriptor, self.caps.directory_bytes, self._too_many())

    def _too_many(self) -> IntakeError:
        return IntakeError(
            f"{self.name} holds more than {self.caps.members} entries, or very long names: hand in only what is asked for"
        )

    def _take(self, packed: zipfile.ZipFile, member: zipfile.ZipInfo, ignored: frozenset[str]) -> None:
        name = _name_of(member)
        shown = clean(name, 200)
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.endswith("/") or not ignored.isdisjoint(parts[:-1]):
            return  # folders are made for the files in them
        if member.flag_bits & _ENCRYPTED:
            raise IntakeError(f"{self.name} is protected by a password ({shown}): pack it without one")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise IntakeError(
                f"{self.name} is packed by method {member.compress_type} ({shown}), expected the usual one of .zip "
                "(deflate): pack it again with the system's own command"
            )
        problem = self._problem(name, parts, member)
        if problem:
            self.left_out.append((shown, problem))
        else:
            self._write(packed, member, parts, shown)

    def _problem(self, name: str, parts: list[str], member: zipfile.ZipInfo) -> str:
        """Why a member is left out; "" if it is taken."""
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind == stat.S_IFLNK:
            return "a symbolic link"
        if kind not in (0, stat.S_IFREG):
            return "not a regular file"
        if not parts or name.startswith("/") or re.match("[A-Za-z]:", name):
            return "a name that does not begin in the submission's folder"
        if ".." in parts:
            return "a name that leads out of the submission's folder"
        if any(character in "\n\t" for character in name) or clean(name, len(name)) != name:
            return "a name with control characters"
        encoded = [part.encode() for part in parts]
        if max(map(len, encoded)) > _MAX_NAME or sum(map(len, encoded)) > _MAX_PATH:
            return "a name that is too long"
        if len(parts) - 1 > self.caps.depth:
            return f"nested deeper than {self.caps.depth} folders"
        if member.file_size > self.caps.file_bytes:
            return f"larger than {self.caps.file_bytes >> 20} MiB"
        return self._clash(parts)

    def _clash(self, parts: list[str]) -> str:
        folded = [unicodedata.normalize("NFC", part).casefold() for part in parts]
        around = {"/".join(folded[:n]) for n in range(1, len(folded))}
        own = "/".join(folded)
        if own in self.files:
            return "another file has the same name, or the same but for case"
        if own in self.folders or around & self.files:
            return "a file and a folder have the same name"
        self.files.add(own)
        self.folders |= around
        return ""

    def _write(self, packed: zipfile.ZipFile, member: zipfile.ZipInfo, parts: list[str], shown: str) -> None:
        target = self.folder.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "xb") as file:
            for chunk in self._chunks(packed, member, shown):
                self.total += len(chunk)
                if self.total > self.caps.total_bytes:
                    raise IntakeError(
                        f"{self.name} unpacks to more than {self.caps.total_bytes >> 20} MiB: leave out data sets and "
                        "extra checkpoints"
                    )
                if self.total > self.most:
                    raise IntakeError(
                        f"{self.name} unpacks to more than {self.caps.ratio} times its size: leave out files that hold "
                        "the same value over and over"
                    )
                file.write(chunk)

    def _chunks(self, packed: zipfile.ZipFile, member: zipfile.ZipInfo, shown: str) -> Iterator[bytes]:
        """A member's bytes: as many as it announces, which `_problem` has compared with the cap, or an error."""
        try:
            with packed.open(member) as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except _BROKEN:
            raise IntakeError(
                f"{self.name} is damaged at {shown}: pack the folder again as .zip and hand that in"
            ) from None


class _Bounded(io.FileIO):
    """A file of which no more than so many bytes are read at once: zipfile reads the list of entries in one piece."""

    def __init__(self, descriptor: int, most: int, too_many: IntakeError) -> None:
        super().__init__(descriptor)
        self.most, self.too_many = max(most, _CHUNK), too_many

    def read(self, size: int | None = -1, /) -> bytes:
        """Read so many bytes; all that is left without a size.

        Raises:
            IntakeError: they are more than is allowed.
        """
        wanted = size if size is not None and size >= 0 else os.fstat(self.fileno()).st_size - self.tell()
        if wanted > self.most:
            raise self.too_many
        return super().read(wanted) or b""


def _name_of(member: zipfile.ZipInfo) -> str:
    """A member's name with `/` between its parts, and with what follows a NUL, which zipfile cuts off.

    Many programs write UTF-8 without saying so (macOS's Finder does), and some on Windows write backslashes.
    """
    name = member.orig_filename
    if not member.flag_bits & _UTF8:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass  # it is what it says it is
    return name.replace("\\", "/")
