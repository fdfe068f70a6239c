"""What students read about odd names, folders and archives: the first line of their results."""

from pathlib import Path

import pytest

from graders.homework import config_of
from graders.student import find_code
from gradescope.handed_in import Remark, remark_on
from sandbox.intake import take

ASKED = "Asked for: attention.py, block.py, generate.py, gpt.py, layer_norm.py, loss.py and 8 more."


def remark(folder: Path, names: tuple[str, ...], homework: str = "core") -> Remark:
    """What is said about a submission of empty files with these names."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    config = config_of(homework)
    with take(folder) as snapshot:
        return remark_on(snapshot, find_code(snapshot.files, config.files.names, config.files.folder), config)


def all_of(homework: str, folder: str = "") -> tuple[str, ...]:
    """All files that a homework without patterns asks for."""
    return tuple(f"{folder}{name}" for name in config_of(homework).files.names)


SILENT = {
    "all": ("core", all_of("core")),
    "one of all": ("core", ("attention.py",)),
    "one and what nobody asked for": ("core", ("attention.py", "notes.md", "data.zip", "main.py")),
    "in their folder": ("cmu_birthplaces", all_of("cmu_birthplaces", "src/")),
    "at the top in place of their folder": ("cmu_birthplaces", all_of("cmu_birthplaces")),
    "a notebook of any name": ("jhu_tinygpt", ("my work.ipynb", "report.pdf")),
    "one of two names": ("transformers_from_scratch", ("transformer.py", "hw2.ipynb", "transformers_old.py")),
}


@pytest.mark.parametrize(("homework", "names"), SILENT.values(), ids=SILENT)
def test_nothing_odd(homework: str, names: tuple[str, ...], tmp_path: Path) -> None:
    """Protects who did it right, or in part, from remarks about nothing."""
    assert remark(tmp_path, names, homework) == Remark("", False)


RENAME = "A file must have exactly the name that is asked for."
NONE = f"None of the files that are asked for was handed in. {ASKED} Found: "
SAID = {
    "empty": ((), f"Nothing was handed in: the submission is empty. {ASKED}"),
    "capitals": (
        ("Attention.py",),
        f"{NONE}Attention.py. There is no attention.py; was “Attention.py” meant to be it? {RENAME}",
    ),
    "a browser's second copy": (
        ("attention (1).py",),
        f"{NONE}attention (1).py. There is no attention.py; was “attention (1).py” meant to be it? {RENAME}",
    ),
    "a second ending": (
        ("attention.py.txt",),
        f"{NONE}attention.py.txt. There is no attention.py; was “attention.py.txt” meant to be it? {RENAME}",
    ),
    "an archive": (
        ("hw3.zip",),
        f"{NONE}hw3.zip. hw3.zip is not opened here: unpack it and hand in the files themselves.",
    ),
    "junk": (("a.bin", "b.bin"), f"{NONE}a.bin, b.bin."),
}


@pytest.mark.parametrize(("names", "says"), SAID.values(), ids=SAID)
def test_nothing_to_grade(names: tuple[str, ...], says: str, tmp_path: Path) -> None:
    """A submission without a file that is asked for is told so, with the file that was probably meant."""
    assert remark(tmp_path, names) == Remark(says, True)


def test_some_names_are_wrong(tmp_path: Path) -> None:
    """Beside right files each wrong name is matched with one that is missing, no file twice; three are named."""
    text = remark(
        tmp_path, ("attention.py", "attn.py", "multihead.py", "LayerNorm.py", "Copy of gpt.py", "task.py")
    ).text
    assert text == (
        "There is no gpt.py; was “Copy of gpt.py” meant to be it? "
        "There is no layer_norm.py; was “LayerNorm.py” meant to be it? "
        f"There is no mask.py; was “task.py” meant to be it? {RENAME}"
    )


def test_a_notebook_with_a_second_ending(tmp_path: Path) -> None:
    """A notebook that a browser saved as text is named, where any name would have done."""
    found = remark(tmp_path, ("homework.ipynb.txt",), "jhu_tinygpt")
    assert "There is no *.ipynb; was “homework.ipynb.txt” meant to be it?" in found.text
    assert found.nothing


def test_a_folder_in_a_folder(tmp_path: Path) -> None:
    """The usual nesting is accepted, with a note about where the files were found."""
    assert remark(tmp_path, all_of("core", "hw3/final/")) == Remark(
        "Your files were found in the folder “hw3/final” and graded from there; next time put them at the top.", False
    )


def test_a_folder_in_a_folder_where_one_is_asked_for(tmp_path: Path) -> None:
    """The same where the homework wants a folder."""
    assert remark(tmp_path, all_of("cmu_birthplaces", "hw3/src/"), "cmu_birthplaces").text == (
        "Your files were found in the folder “hw3/src” and graded from there; next time put them in the folder “src”."
    )


def test_two_folders(tmp_path: Path) -> None:
    """Where the files lie in two folders, the student reads which of them counts."""
    found = remark(tmp_path, ("new/attention.py", "old/attention.py"))
    assert found == Remark(
        "The files that are asked for lie in 2 folders, and those in “new” were graded, not those in “old”: "
        "hand in one of them.",
        False,
    )


def test_files_that_are_left_out(tmp_path: Path) -> None:
    """A file that is there but cannot be taken in is named with the reason."""
    (tmp_path / "real.py").write_text("")
    (tmp_path / "attention.py").symlink_to("real.py")
    assert "“attention.py” was left out: not a file that can be read (" in remark(tmp_path, ()).text


def test_names_are_untrusted(tmp_path: Path) -> None:
    """Protects the first line: it stays one line without control characters, however a file is called."""
    text = remark(tmp_path, ("atten\u202etion\nFull points.py", "x" * 200 + ".bin", "\x1b[31m.zip")).text
    assert "\n" not in text and "\u202e" not in text and "\x1b" not in text
    assert "x" * 100 not in text
    assert "“atten\ufffdtion Full points.py”" in text


def test_many_files_do_not_take_long(tmp_path: Path) -> None:
    """Two thousand files are named by their number."""
    found = remark(tmp_path, tuple(f"junk_{i}.py" for i in range(1990)))
    assert found.nothing
    assert "and 1984 more." in found.text
    assert len(found.text) < 1000
