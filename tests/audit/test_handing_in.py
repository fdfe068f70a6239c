"""Writing a homework's solution as it is handed in, with a text of it changed."""

import json
from pathlib import Path

import pytest

from audit.handing_in import hand_in, text_of
from graders.homework import available
from graders.judge import reference_of

NOTEBOOK = "jhu_tinygpt"


def files(folder: Path) -> dict[str, bytes]:
    """Every file under a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_one_file_is_changed_and_no_other(own: Path, tmp_path: Path) -> None:
    """Protects the cause of a rejection: a wrong submission differs from the solution by its edit alone."""
    changed = files(hand_in(str(own), tmp_path / "s", lambda text: text.replace(">=", ">"), "mask.py"))
    solution = files(own.parent / "solution")
    assert changed.keys() == solution.keys()
    assert changed["layer_norm.py"] == solution["layer_norm.py"]
    assert changed["mask.py"] == solution["mask.py"].replace(b">=", b">") != solution["mask.py"]


def test_the_solution_itself_stays_as_it_is(own: Path, tmp_path: Path) -> None:
    """Protects the answer key: edits are made in the copy, and compiled leftovers stay behind."""
    before = files(own.parent / "solution")
    (own.parent / "solution" / "__pycache__").mkdir()
    folder = hand_in(str(own), tmp_path / "s", lambda text: "", "mask.py")
    assert files(own.parent / "solution") == before
    assert sorted(path.name for path in folder.iterdir()) == ["layer_norm.py", "mask.py"]


def test_a_notebook_is_changed_in_percent_format(tmp_path: Path) -> None:
    """Protects the edits of notebook homeworks: what they replace is in the notebook that is handed in."""
    folder = hand_in(NOTEBOOK, tmp_path / "s", lambda text: text.replace("k.mT / math.sqrt(d_k)", "k.mT"))
    [notebook] = folder.glob("*.ipynb")
    source = "".join("".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"])
    assert "scores = q @ k.mT  #" in source
    assert "# <solution>" not in source


@pytest.mark.parametrize("name", [name for name in available() if name not in ("core", "cmu_birthplaces")])
def test_what_ships_is_handed_in_as_students_do(name: str, tmp_path: Path) -> None:
    """Protects the tables of every notebook homework: the unchanged submission equals the solution that is graded."""
    solution = reference_of(name)
    assert solution is not None
    written = files(hand_in(name, tmp_path / "s"))
    assert {path: written.get(path) for path in files(solution)} == files(solution)


@pytest.mark.parametrize(("name", "file"), [("core", "attention.py"), ("cmu_birthplaces", "src/attention.py")])
def test_the_text_is_what_an_edit_gets(name: str, file: str, tmp_path: Path) -> None:
    """Protects the check of an edit before anything is judged: it sees the very text that will be changed."""
    seen = []
    hand_in(name, tmp_path / "s", lambda text: seen.append(text) or text, file)
    assert seen == [text_of(name, file)]


def test_the_text_of_a_notebook_is_what_an_edit_gets(tmp_path: Path) -> None:
    """Protects the same for notebooks."""
    seen = []
    hand_in(NOTEBOOK, tmp_path / "s", lambda text: seen.append(text) or text)
    assert seen == [text_of(NOTEBOOK)]


@pytest.mark.parametrize(
    ("file", "message"),
    [("masks.py", r"has no file masks\.py"), ("", r"2 Python files: an edit must name its `file`")],
    ids=["unknown", "not named"],
)
def test_the_file_must_be_known(own: Path, tmp_path: Path, file: str, message: str) -> None:
    """Protects whoever writes a table: the mistake in it is told, and nothing is handed in unchanged."""
    with pytest.raises(ValueError, match=message):
        hand_in(str(own), tmp_path / "s", str.upper, file)
    with pytest.raises(ValueError, match=message):
        text_of(str(own), file)


def test_without_a_solution_nothing_is_handed_in(own: Path, tmp_path: Path) -> None:
    """Protects instructors who keep their solution elsewhere: they are told what is missing."""
    for path in (own.parent / "solution").iterdir():
        path.unlink()
    (own.parent / "solution").rmdir()
    with pytest.raises(ValueError, match="there is no folder with the solution"):
        hand_in(str(own), tmp_path / "s", str.upper, "mask.py")
