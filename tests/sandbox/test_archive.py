"""A student's archive is unpacked into a folder and nowhere else, within caps, or refused in words."""

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.archive import ArchiveCaps, unpack
from sandbox.errors import IntakeError
from sandbox.intake import Caps, take
from tests import hostile_archives as hostile
from tests.hostile_archives import RIGHT, packed, write

pytestmark = pytest.mark.torch_free
NAME, TEXT = RIGHT
OUTSIDE = "a name that does not begin in the submission's folder"
CLIMBS = "a name that leads out of the submission's folder"
CONTROLS = "a name with control characters"
SAME = "another file has the same name, or the same but for case"
CLASH = "a file and a folder have the same name"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """An empty folder, inside of one in which nothing else may appear."""
    folder = tmp_path / "around" / "target"
    folder.mkdir(parents=True)
    return folder


def listed(folder: Path) -> list[str]:
    """All that is no folder, below one."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def test_files_are_unpacked(target: Path, tmp_path: Path) -> None:
    """Protects honest archives: packed or stored, in folders, with names in any script, `./` and folders' own entries."""
    stored = zipfile.ZipInfo("./weights/a.bin")
    members = (RIGHT, ("src/", b""), ("src/ä b.ipynb", b"{}"), (stored, bytes(range(256)) * 2000), ("empty.py", b""))
    path = write(tmp_path, lambda: packed(*members))
    assert unpack(path, target) == []
    assert listed(target.parent) == [f"target/{name}" for name in (NAME, "empty.py", "src/ä b.ipynb", "weights/a.bin")]
    assert (target / NAME).read_bytes() == TEXT
    assert (target / "weights/a.bin").read_bytes() == bytes(range(256)) * 2000


def test_names_as_other_systems_write_them(target: Path, tmp_path: Path) -> None:
    """Protects students with macOS, which writes UTF-8 without saying so, and Windows, which has other slashes."""
    unmarked = packed(("Ubung.py", b"x")).replace(b"Ubung", "Übng".encode())
    assert unpack(write(tmp_path, lambda: unmarked), target) == []
    windows = packed(("src\\", b""), ("src\\attention.py", b"x"), ("caf\xe9.py", b"x"))
    assert unpack(write(tmp_path, lambda: windows), target) == []
    assert listed(target) == ["café.py", "src/attention.py", "Übng.py"]


@pytest.mark.parametrize(
    ("build", "left_out"),
    [
        (hostile.slip, [("../../slipped.py", CLIMBS), ("a/../../slipped.py", CLIMBS), ("../slipped.py", CLIMBS)]),
        (
            hostile.absolute,
            [(name, OUTSIDE) for name in ("/tmp/absolute.py", "C:/absolute.py", "c:absolute.py", "//a/b")],
        ),
        (hostile.link, [("odd.py", "a symbolic link")]),
        (hostile.device, [("odd.py", "not a regular file")]),
        (hostile.pipe, [("odd.py", "not a regular file")]),
        (hostile.duplicate, [(NAME, SAME)]),
        (hostile.same_but_for_case, [("Attention.py", SAME), ("e\u0301.py", SAME)]),
        (hostile.file_and_folder, [("attention.py/inside.py", CLASH), ("A", CLASH)]),
        (
            hostile.odd_names,
            [
                ("�yp.noitnetta", CONTROLS),
                ("red�[31m.py", CONTROLS),
                ("two\nlines.py", CONTROLS),
                ("cut�.py", CONTROLS),
                ("n" * 97 + "\n[…]\n" + "n" * 94 + ".py", "a name that is too long"),
                ("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p.py", "nested deeper than 12 folders"),
            ],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_left_out(
    build: Callable[[], bytes], left_out: list[tuple[str, str]], target: Path, tmp_path: Path
) -> None:
    """Protects every file but those of the submission: what is odd stays packed, with a reason; the rest is taken."""
    kept = {"same_but_for_case": ["é.py"], "file_and_folder": ["a/b.py"]}.get(build.__name__, [])
    assert unpack(write(tmp_path, build), target) == left_out
    assert listed(target.parent) == sorted(f"target/{name}" for name in [NAME, *kept])
    assert not list(tmp_path.rglob("*slipped*"))
    assert all(stat.S_ISREG(path.lstat().st_mode) or path.is_dir() for path in target.rglob("*"))


def test_the_first_of_two_is_taken(target: Path, tmp_path: Path) -> None:
    """Protects determinism: of two members of one name it is always the first."""
    unpack(write(tmp_path, hostile.duplicate), target)
    assert (target / NAME).read_bytes() == TEXT


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (hostile.bomb, "unpacks to more than 100 times its size: leave out files that hold the same value"),
        (hostile.overlapping_bomb, "(unpacks to more than 100 times its size|is damaged at z0)"),
        (hostile.lying_size, r"is damaged at liar\.bin: pack the folder again"),
        (hostile.encrypted, r"is protected by a password \(attention\.py\): pack it without one"),
        (hostile.truncated, "is no zip archive that can be read: it is cut off, damaged, or of another kind"),
        (hostile.flipped, r"is damaged at attention\.py"),
        (hostile.no_archive, "is no zip archive that can be read"),
        (hostile.empty, "is no zip archive that can be read"),
        (hostile.many_members, "holds more than 10000 entries, or very long names: hand in only"),
        (lambda: hostile.many_members(10_001), "holds more than 10000 entries"),
        (hostile.other_method, r"is packed by method 14 \(attention\.py\), expected the usual one"),
    ],
)
def test_what_is_refused(build: Callable[[], bytes], message: str, target: Path, tmp_path: Path) -> None:
    """Protects memory, disk and time; the message names the archive, what is wrong and what to do."""
    path = write(tmp_path, build)
    with pytest.raises(IntakeError, match=rf"^hw\.zip {message}"):
        unpack(path, target)
    assert sum(file.stat().st_size for file in target.rglob("*")) <= 16 << 20


def test_a_long_directory_is_not_even_read(target: Path, tmp_path: Path) -> None:
    """Protects memory: zipfile reads the list of entries in one piece, so its size counts before their number."""
    path = write(tmp_path, lambda: hostile.many_members(6000))
    caps = ArchiveCaps(members=6000, directory_bytes=1 << 18)
    with pytest.raises(IntakeError, match="holds more than 6000 entries, or very long names"):
        unpack(path, target, caps)
    assert [reason for _, reason in unpack(path, target, ArchiveCaps(members=6000))] == [SAME] * 5999


def test_nested_archives_stay_packed(target: Path, tmp_path: Path) -> None:
    """Protects against bombs in bombs: an archive inside is a file like any other."""
    assert unpack(write(tmp_path, hostile.nested), target) == []
    assert listed(target) == [NAME, "inner.zip"]


def test_as_much_as_the_caps_allow(target: Path, tmp_path: Path) -> None:
    """Protects honest archives at the very limit of size, number, total and depth."""
    path = write(tmp_path, lambda: packed(("a/b/c.bin", bytes(1 << 20)), ("d.bin", bytes(1 << 20))))
    assert unpack(path, target, ArchiveCaps(1 << 20, 2 << 20, 2, depth=2)) == []


def test_one_file_too_large(target: Path, tmp_path: Path) -> None:
    """Protects disk and student: what is too large alone stays packed, by its announced size, and the rest is taken."""
    path = write(tmp_path, lambda: packed(RIGHT, ("data.csv", bytes((1 << 20) + 1))))
    assert unpack(path, target, ArchiveCaps(file_bytes=1 << 20)) == [("data.csv", "larger than 1 MiB")]
    assert listed(target) == [NAME]


def test_too_much_in_all(target: Path, tmp_path: Path) -> None:
    """Protects the disk from many files, counted as they are unpacked."""
    path = write(tmp_path, lambda: packed(*((f"{n}.bin", bytes(1 << 20)) for n in range(3))))
    with pytest.raises(IntakeError, match="unpacks to more than 2 MiB: leave out data sets"):
        unpack(path, target, ArchiveCaps(total_bytes=2 << 20))


def test_ignored_folders_cost_nothing(tmp_path: Path) -> None:
    """Protects students who pack a virtual environment, or whose Mac adds folders: neither is unpacked nor named."""
    noise = [("__MACOSX/._attention.py", b"x"), (".venv/lib/a.py", b"x"), ("hw/__pycache__/b.pyc", b"x")]
    path = write(tmp_path, lambda: packed(("hw/attention.py", TEXT), *noise))
    with take(path) as snapshot:
        assert (snapshot.files, snapshot.left_out) == (("hw/attention.py",), ())


def test_a_zip_is_the_folder_that_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects seeds and disk: an archive gives the digest of its folder, and nothing but the snapshot remains."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    folder = tmp_path / "folder"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / NAME).write_bytes(TEXT)
    path = write(tmp_path, lambda: packed((f"src/{NAME}", TEXT), ("../up.py", b"x"), ("a.pyc", b"x")), "HW.ZIP")
    with take(folder) as plain, take(path) as unpacked:
        assert (plain.files, plain.digest) == (unpacked.files, unpacked.digest)
        assert unpacked.left_out == (("../up.py", CLIMBS), ("a.pyc", "compiled code"))
        assert stat.S_IMODE((unpacked.root / "src" / NAME).stat().st_mode) == 0o644
        assert len(os.listdir(scratch)) == 2
    with pytest.raises(IntakeError):
        take(write(tmp_path, hostile.bomb))
    assert os.listdir(scratch) == []


def test_the_caps_of_intake_hold_for_archives(tmp_path: Path) -> None:
    """Protects the limits that are set for folders: an archive is no way around them."""
    path = write(tmp_path, lambda: packed(*((f"{n}.py", b"x") for n in range(3))))
    with pytest.raises(IntakeError, match="holds more than 2 files"):
        take(path, Caps(files=2))
    with take(path, Caps(file_bytes=0)) as snapshot:
        assert [problem for _, problem in snapshot.left_out] == ["larger than 0 MiB"] * 3


def test_what_is_no_archive_at_all(tmp_path: Path) -> None:
    """Protects the run from a pipe, a folder or nothing in the place of an archive: it neither waits nor breaks."""
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(IntakeError, match=r"^pipe\.zip is no regular file: pass a folder or a \.zip$"):
        unpack(tmp_path / "pipe.zip", tmp_path)
    with pytest.raises(IntakeError, match=r"^none\.zip cannot be opened: No such file"):
        unpack(tmp_path / "none.zip", tmp_path)
    (tmp_path / "folder.zip").mkdir()
    (tmp_path / "folder.zip" / NAME).write_bytes(TEXT)
    with take(tmp_path / "folder.zip") as snapshot:
        assert snapshot.files == (NAME,)


@pytest.mark.parametrize("name", ["hw.tar.gz", "hw.TGZ", "hw.7z", "hw.rar"])
def test_other_archives_are_refused(name: str, tmp_path: Path) -> None:
    """Protects whoever passes another archive: the message names the kind that is taken."""
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(IntakeError, match=r"is a file: pass the folder .*\(pack an archive as \.zip\)"):
        take(tmp_path / name)


SEEDS = [packed(RIGHT, ("src/b.py", b"x" * 40)), hostile.encrypted(), hostile.lying_size(), hostile.duplicate()]


@settings(derandomize=True, deadline=None, database=None, max_examples=150)
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    cut=st.floats(0.2, 1),
)
def test_damage_is_an_intake_error(
    seed: bytes, changes: list[tuple[float, int]], cut: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Protects the run from every exception that zipfile may have for damaged bytes, and from writing elsewhere."""
    data = bytearray(seed)
    for place, value in changes:
        data[-1 - int(place * len(data))] = value
    around = tmp_path_factory.mktemp("damaged")
    (around / "target").mkdir()
    problem = "hw.zip "
    try:
        unpack(write(around, lambda: bytes(data[: int(cut * len(data))])), around / "target")
    except IntakeError as error:
        problem = str(error)
    assert problem.startswith("hw.zip ")
    assert sorted(os.listdir(around)) == ["hw.zip", "target"]
