"""Which code of a submission a check runs: what an edit reaches is judged again, and what it does not reach is not."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path

import pytest

from audit.handing_in import hand_in
from audit.matrix import judge_specimen, solution_known
from audit.reach import Reach, WatchedStudent, code_reached
from audit.specimens import folder_of, specimens
from graders.catalogue import checks_of
from graders.homework import load
from graders.judge import Judge
from graders.student import Student
from graders.verdict import Outcome
from reference.notebooks import to_ipynb
from sandbox.launch import Zygote

CELLS = """\
# %%
import torch
WIDTH = 3

# %%
def scale(x):
    return x / WIDTH

# %%
class Head:
    def forward(self, x):
        return scale(x)

# %%
class Model:
    def forward(self, x):
        return Head().forward(x)

# %%
def sample(self):
    return 1

Model.sample = sample

# %%
loss = Model().forward(torch.ones(3))
print(loss)
"""
FILE = """\
import math

FACTOR = 2

def root(x):
    return math.sqrt(x)

def attend(x):
    return root(x)

def unused(x, start=FACTOR):
    return x + start

class Table:
    def __init__(self):
        self.rows = unused(1)

ROWS = [row for row in range(3)]
"""
HEAD = Reach(defined=frozenset({(frozenset({"Head"}), frozenset())}))
MODEL = Reach(defined=frozenset({(frozenset({"Model"}), frozenset())}))
ATTEND = Reach(resolved=frozenset({("attend", "attend")}))
numbers = itertools.count()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Write a submission: notebooks in percent format, and files."""

    def submission(files: Mapping[str, str]) -> Path:
        folder = tmp_path / f"submission_{next(numbers)}"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(to_ipynb(text) if name.endswith(".ipynb") else text, encoding="utf-8")
        return folder

    return submission


@pytest.mark.parametrize(
    ("old", "new", "head", "model"),
    [
        ("return Head().forward(x)", "return x", False, True),
        ("return scale(x)", "return scale(2 * x)", True, True),
        ("x / WIDTH", "x * WIDTH", True, True),
        ("WIDTH = 3", "WIDTH = 4", True, True),
        ("return 1", "return 2", False, True),
        ("Model.sample = sample", "Model.sample = None", False, True),
        ("torch.ones(3)", "torch.zeros(3)", False, False),
        ("return scale(x)", "return scale(x)  # scaled", False, False),
        ("import torch", "from __future__ import annotations\nimport torch", True, True),
    ],
    ids=[
        *("another definition", "the definition", "what it calls", "a constant of what it calls", "what is set on it"),
        *("setting it", "training", "a comment", "how it is compiled"),
    ],
)
def test_edits_of_a_notebook(
    write: Callable[[Mapping[str, str]], Path], old: str, new: str, head: bool, model: bool
) -> None:
    """Protects deafness and speed: what a definition needs, however far away, counts, and nothing else does."""
    assert CELLS.count(old) == 1
    before, after = write({"a.ipynb": CELLS}), write({"a.ipynb": CELLS.replace(old, new)})
    assert code_reached(before, "", HEAD) != ""
    assert (code_reached(before, "", HEAD) != code_reached(after, "", HEAD)) == head
    assert (code_reached(before, "", MODEL) != code_reached(after, "", MODEL)) == model


def test_a_constant_that_is_given_is_not_reached(write: Callable[[Mapping[str, str]], Path]) -> None:
    """Protects what the grader pins itself: the notebook's own value of it never runs."""
    given = Reach(defined=frozenset({(frozenset({"Head"}), frozenset({"WIDTH"}))}))
    before, after = write({"a.ipynb": CELLS}), write({"a.ipynb": CELLS.replace("WIDTH = 3", "WIDTH = 4")})
    assert code_reached(before, "", given) == code_reached(after, "", given) != ""


@pytest.mark.parametrize(
    ("old", "new", "reached"),
    [
        ("return root(x)", "return root(x) + 1", True),
        ("math.sqrt(x)", "x**0.5", True),
        ("return x + start", "return x - start", False),
        ("start=FACTOR", "start=absent", True),
        ("self.rows = unused(1)", "self.rows = None", False),
        ("class Table:", "class Table(absent):", True),
        ("class Table:", "@absent\nclass Table:", True),
        ("class Table:", "class Tables:", True),
        ("[row for row in range(3)]", "[unused(row) for row in range(3)]", True),
        ("FACTOR = 2", "FACTOR = 3", True),
    ],
    ids=[
        *("the function", "what it calls", "another function", "a default", "another class", "a base", "a decorator"),
        *("a name", "what runs on import", "a constant"),
    ],
)
def test_edits_of_a_file(write: Callable[[Mapping[str, str]], Path], old: str, new: str, reached: bool) -> None:
    """Protects homeworks of files: the import runs the whole file, all but the bodies of functions that nobody calls."""
    assert FILE.count(old) == 1
    before, after = write({"src/attend.py": FILE}), write({"src/attend.py": FILE.replace(old, new)})
    assert code_reached(before, "src", ATTEND) != ""
    assert (code_reached(before, "src", ATTEND) != code_reached(after, "src", ATTEND)) == reached


def test_what_the_import_calls_is_reached(write: Callable[[Mapping[str, str]], Path]) -> None:
    """Protects against an import that fails in what it calls: the wanted function is not there then."""
    calling = FILE + "ROOT = Table().rows\n"
    before, after = write({"attend.py": calling}), write({"attend.py": calling.replace("x + start", "x + absent")})
    assert code_reached(before, "", ATTEND) != code_reached(after, "", ATTEND)


@pytest.mark.parametrize(
    ("line", "reached"),
    [
        ("from parts import head", True),
        ("import parts.head", True),
        ("from .parts import head", True),
        ("from src import parts", True),
        ("from torch.parts import Dataset", False),
        ("import torch.parts", False),
    ],
)
def test_local_imports_are_followed(write: Callable[[Mapping[str, str]], Path], line: str, reached: bool) -> None:
    """Protects code in several files: what an import of the submission's own brings is reached, a library's namesake is not."""
    files = {"src/attend.py": f"def attend(x):\n    {line}\n    return x\n", "src/parts.py": "head = 1\n"}
    before, after = write(files), write(files | {"src/parts.py": "head = 2\n"})
    assert (code_reached(before, "src", ATTEND) != code_reached(after, "src", ATTEND)) == reached


def test_a_notebook_reaches_the_files_that_it_imports(write: Callable[[Mapping[str, str]], Path]) -> None:
    """Protects notebooks whose code lies beside them: the file counts where an import of it is needed, and only there."""
    files = {"a.ipynb": CELLS.replace("return 1", "import parts\n    return parts"), "src/parts.py": "head = 1\n"}
    before, after = write(files), write(files | {"src/parts.py": "head = 2\n"})
    assert code_reached(before, "", MODEL) != code_reached(after, "", MODEL)
    assert code_reached(before, "", HEAD) == code_reached(after, "", HEAD)


@pytest.mark.parametrize(
    ("files", "reach"),
    [
        ({"a.ipynb": CELLS}, Reach(HEAD.defined, everything=True)),
        ({"a.ipynb": CELLS, "b.ipynb": CELLS}, HEAD),
        ({"a.py": CELLS}, HEAD),
        ({"a.ipynb": CELLS + "\n# %%\ndef (:\n"}, HEAD),
        ({"attend.py": "def attend(:"}, ATTEND),
        ({"attend/__init__.py": FILE}, ATTEND),
        ({"other.py": FILE}, ATTEND),
    ],
    ids=["reads files", "two notebooks", "an export", "broken cell", "broken file", "package", "absent"],
)
def test_what_cannot_be_told_is_judged(
    write: Callable[[Mapping[str, str]], Path], files: dict[str, str], reach: Reach
) -> None:
    """Protects the audit wherever the rule does not hold: no digest, so nothing is taken for granted."""
    assert code_reached(write(files), "", reach) == ""


def test_a_notebook_that_cannot_be_read_is_judged(tmp_path: Path) -> None:
    """Protects the audit from its material: no traceback, and no digest."""
    (tmp_path / "a.ipynb").write_text("{", encoding="utf-8")
    assert code_reached(tmp_path, "", HEAD) == ""


def test_requests_are_noted(own: Path, zygote: Zygote) -> None:
    """Protects the source of it all: what a check asks for is seen once; reading files, or nothing, is noted too."""
    with Judge(load(str(own)), own.parent / "solution", zygote, seed=1) as judge:
        student = WatchedStudent(**{field.name: getattr(judge.student, field.name) for field in fields(Student)})
        assert student.reach().everything
        check = next(check for check in judge.checks if check.id == "layer_norm.shapes")
        assert check.run(student, 1).outcome is Outcome.PASSED
        assert student.reach() == Reach(resolved=frozenset({("layer_norm", "layer_norm")}))
        with student.open(1) as worker:
            worker.read_only("scan", paths=["mask.py"], wanted=["causal_mask"])
            worker.resolve("mask", "causal_mask")
        assert student.reach() == Reach(resolved=frozenset({("mask", "causal_mask")}), everything=True)
        assert student.reach().everything


@pytest.mark.slow
def test_what_is_skipped_would_have_passed(zygote: Zygote) -> None:
    """Protects the audit of the real homeworks: with and without the short cut, two bugs get the same row, and it is used."""
    name, homework = "jhu_tinygpt", load("jhu_tinygpt")
    known = solution_known(name, 1, zygote)
    assert known
    bugs = [each for each in specimens(homework, folder_of(name)) if each.edit is not None and not each.right]
    first = [next(each for each in bugs if each.loses == frozenset({item})) for item in ("1.iii", "1.iv")]
    for bug in first:
        thorough, short = judge_specimen(name, bug, 1, zygote), judge_specimen(name, bug, 1, zygote, known)
        assert replace(short, seconds=0.0) == replace(thorough, seconds=0.0)
        assert thorough.lost == bug.loses


def test_the_short_cut_is_taken(own: Path, zygote: Zygote, tmp_path: Path) -> None:
    """Protects its use: a mistake in one file leaves the checks of the other as they were in the solution, and only these."""
    known = solution_known(str(own), 1, zygote)
    homework = load(str(own))
    folder = hand_in(str(own), tmp_path / "s", lambda text: text.replace("] >= p", "] > p"), "mask.py")
    same = {check for check, (reach, code) in known.items() if code_reached(folder, "", reach) == code}
    assert same == {check.id for check in checks_of(homework) if check.task == "layer_norm"}
