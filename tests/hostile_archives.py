"""Archives that nobody should unpack blindly: each function writes one, with the standard library alone."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

RIGHT = ("attention.py", b"def attention(): ...\n")  # lies in each archive whose other members are to be left out


def packed(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these members, in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data, compress_type=method)
    return buffer.getvalue()


def slip() -> bytes:
    """Names that climb out, by both kinds of slashes."""
    return packed(RIGHT, ("../../slipped.py", b"x"), ("a/../../slipped.py", b"x"), ("..\\slipped.py", b"x"))


def absolute() -> bytes:
    """Names that begin at the root, or at a drive's."""
    return packed(RIGHT, ("/tmp/absolute.py", b"x"), ("C:/absolute.py", b"x"), ("c:absolute.py", b"x"), ("//a/b", b"x"))


def special(mode: int, name: str = "odd.py", text: bytes = b"/etc/passwd") -> bytes:
    """A member whose attributes say that it is no regular file."""
    odd = zipfile.ZipInfo(name)
    odd.create_system = 3
    odd.external_attr = (mode | 0o777) << 16
    return packed(RIGHT, (odd, text))


def link() -> bytes:
    """A symbolic link to a file of the system."""
    return special(stat.S_IFLNK)


def device() -> bytes:
    """A device."""
    return special(stat.S_IFBLK)


def pipe() -> bytes:
    """A pipe."""
    return special(stat.S_IFIFO)


def bomb() -> bytes:
    """20 MiB of zeros in 20 kB."""
    return packed(RIGHT, ("zeros.bin", bytes(20 << 20)))


def overlapping_bomb(copies: int = 64) -> bytes:
    """One compressed record that the directory lists many times."""
    name = "zeros.bin"
    archive = packed((name, bytes(1 << 20)))
    end = len(archive) - 22
    (start,) = struct.unpack_from("<I", archive, end + 16)
    entry = archive[start:end]
    entries = b"".join(entry.replace(name.encode(), f"z{n:03}s.bin".encode()) for n in range(copies))
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, copies, copies, len(entries), start, 0)
    return archive[:start] + entries + tail


def lying_size(says: int = 10) -> bytes:
    """A member of 1 MiB that announces few bytes, in both of its headers."""
    archive = packed(("liar.bin", bytes(1 << 20)))
    real, told = struct.pack("<I", 1 << 20), struct.pack("<I", says)
    return archive.replace(real, told)


def nested() -> bytes:
    """An archive in an archive."""
    return packed(RIGHT, ("inner.zip", packed(("zeros.bin", bytes(1 << 20)))))


def duplicate() -> bytes:
    """The same name twice, with different texts."""
    return _renamed(packed(RIGHT, ("aTTention.py", b"second")), b"aTTention.py", b"attention.py")


def same_but_for_case() -> bytes:
    """Names that are one on other systems: by case, and by the way an accent is written."""
    return packed(RIGHT, ("Attention.py", b"x"), ("é.py", b"x"), ("e\u0301.py", b"x"))


def file_and_folder() -> bytes:
    """A file with the name of a folder, before and after it."""
    return packed(RIGHT, ("attention.py/inside.py", b"x"), ("a/b.py", b"x"), ("A", b"x"))


def encrypted() -> bytes:
    """A member whose flags say that it needs a password."""
    archive = bytearray(packed(RIGHT))
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(signature) + place] |= 1
    return bytes(archive)


def truncated() -> bytes:
    """The first half of an archive."""
    archive = packed(RIGHT, ("weights.bin", bytes(range(256)) * 100))
    return archive[: len(archive) // 2]


def flipped() -> bytes:
    """A byte of the contents changed."""
    archive = bytearray(packed(RIGHT, method=zipfile.ZIP_STORED))
    archive[archive.index(RIGHT[1])] ^= 1
    return bytes(archive)


def no_archive() -> bytes:
    """A text."""
    return b"PK, said the student, and renamed the file.\n"


def empty() -> bytes:
    """Nothing."""
    return b""


def many_members(count: int = 100_000) -> bytes:
    """A directory of this many entries; the record that they all point to is one."""
    archive = packed(("a", b""), method=zipfile.ZIP_STORED)
    (start,) = struct.unpack_from("<I", archive, len(archive) - 6)
    entries = archive[start:-22] * count
    few = min(count, 0xFFFF)
    return archive[:start] + entries + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, few, few, len(entries), start, 0)


def odd_names() -> bytes:
    """Names that read backwards, command terminals, end early or never."""
    return _renamed(
        packed(
            *(
                RIGHT,
                ("\u202eyp.noitnetta", b"x"),
                ("red\x1b[31m.py", b"x"),
                ("two\nlines.py", b"x"),
                ("cut@.py", b"x"),
            ),
            *(("n" * 300 + ".py", b"x"), ("/".join("abcdefghijklmnop") + ".py", b"x")),
        ),
        *(b"cut@.py", b"cut\0.py"),
    )


def other_method() -> bytes:
    """Compressed by a method whose bombs are a thousand times worse."""
    return packed(RIGHT, method=zipfile.ZIP_LZMA)


def _renamed(archive: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new) and archive.count(old) == 2
    return archive.replace(old, new)


def write(folder: Path, build: Callable[[], bytes], name: str = "hw.zip") -> Path:
    """Write one of them into a folder."""
    path = folder / name
    path.write_bytes(build())
    return path
