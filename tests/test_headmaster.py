"""The command line: each command reaches its room, and misuse is said."""

import subprocess
import sys
from pathlib import Path

import pytest

from headmaster import main

ROOT = Path(__file__).resolve().parent.parent


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder by relative path."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize("homework", ["core", "cmu_birthplaces"])
def test_template(homework: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`headmaster template H --out DIR` writes what is committed, byte for byte, and says where."""
    out = tmp_path / "new" / "folder"
    assert main(["template", homework, "--out", str(out)]) == 0
    assert contents(ROOT / "student_template" / homework) == contents(out)
    assert capsys.readouterr().out == f"wrote {out}\n"


def test_template_of_an_unknown_homework(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown homework is status 2, names those that there are, and writes nothing."""
    assert main(["template", "nowhere", "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("headmaster template: homework must be one of core, ")
    assert "got 'nowhere'" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["template", "solution"])
def test_a_file_in_the_place_of_a_folder(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that cannot be made is status 2 and one line."""
    (tmp_path / "out.ipynb").touch()
    assert main([command, "tugraz_charlm", "--out", str(tmp_path / "out.ipynb")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"headmaster {command}: --out {tmp_path / 'out.ipynb'} cannot be written: ")
    assert said.count("\n") == 1


def test_a_solution_that_lies_ready(capsys: pytest.CaptureFixture[str]) -> None:
    """A homework without a notebook has its solution in the checkout."""
    assert main(["solution", "core"]) == 2
    assert "its solution lies ready in reference/" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "the following arguments are required: command"),
        (["grad"], "invalid choice: 'grad'"),
        (["template"], "the following arguments are required: homework"),
        (["template", "core", "--output", "x"], "not understood: --output x"),
        (["template", "core", "more"], "not understood: more"),
        (["demo", "--submission=x"], "not understood: --submission=x"),
        (["demo", "core"], "not understood: core; the homework is named by --homework"),
    ],
)
def test_misuse(given: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown commands and options are status 2, named on standard error, and nothing runs."""
    with pytest.raises(SystemExit) as caught:
        main(given)
    assert caught.value.code == 2
    assert says in capsys.readouterr().err


def test_grade_hands_its_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """`headmaster grade` is run_autograder: the same options in the same order, the same status."""
    seen = []

    def grade(arguments: list[str]) -> int:
        seen.append(arguments)
        return 7

    monkeypatch.setattr("gradescope.autograder.main", grade)
    for given in (
        ["--homework", "core", "--submission", "a b", "--results=r.json"],
        ["--submission=x", "--seed", "3", "--quiet", "--homework=core"],
        ["--help"],
        [],
    ):
        assert main(["grade", *given]) == 7
        assert given == seen.pop()


@pytest.mark.parametrize("command", ["replay", "regrade"])
def test_repetitions_get_their_options(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`headmaster replay` and `headmaster regrade` get all that follows, and their status is the command's."""
    seen = []

    def run(arguments: list[str]) -> int:
        seen.append(arguments)
        return 1

    monkeypatch.setattr(f"gradescope.{command}.main", run)
    assert main([command, "a", "b", "--check=x", "--help"]) == 1
    assert seen == [["a", "b", "--check=x", "--help"]]


@pytest.mark.parametrize("command", ["package", "simulate"])
def test_commands_for_gradescope_hand_their_options_on(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`headmaster package` and `headmaster simulate` have options of their own, which arrive as they are."""
    seen = []

    def stands_in(arguments: list[str]) -> int:
        seen.append(arguments)
        return 7

    monkeypatch.setattr(f"gradescope.{command}.main", stands_in)
    assert main([command, "core", "-o", "a b.zip", "--help"]) == 7
    assert seen == [["core", "-o", "a b.zip", "--help"]]


def test_demo_takes_a_homework_and_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """`headmaster demo --homework H --out DIR` runs the demo of H there, that of cmu_birthplaces in out/ without them."""
    seen = []

    def run(homework: str, out: Path) -> int:
        seen.append((homework, out))
        return 0

    monkeypatch.setattr("gradescope.demo.run", run)
    assert main(["demo", "--homework", "core", "--out", "x"]) == 0
    assert main(["demo"]) == 0
    assert seen == [("core", Path("x")), ("cmu_birthplaces", Path("out"))]


def test_installed_command_needs_no_torch_for_help() -> None:
    """`headmaster --help` answers at once and lists the commands."""
    code = "import sys, headmaster\ntry:\n    headmaster.main(['--help'])\nfinally:\n    print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    for command in ("grade", "template", "demo", "package", "simulate"):
        assert command in done.stdout
