"""The students' kit: what is in it and what is not, and that it says what the staff's run says."""

import ast
import functools
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from audit.handing_in import hand_in
from audit.specimens import Specimen, folder_of, specimens
from graders.homework import available, load
from graders.judge import Judge
from gradescope.kit import SEED, Kit, KitError, gather, main, make
from reference.templates import cut, solved, sources
from sandbox.launch import Zygote
from tests.submissions.tables import SLUGS

ROOT = Path(__file__).resolve().parents[2]
JUDGE = ROOT / "tests" / "kit_judge.py"
SMALL = """
title = "Two tasks, and one that is not shown"
handout_points = 30

[files]
names = ["attention.py", "mask.py", "loss.py"]

[[item]] # the staff's own remark
number = "1"
title = "Attention"
points = 10
kind = "auto"
tasks = ["attention"]
weights = { "attention.agrees_with_reference" = 2.5 }

[[item]]
number = "2"
title = "Masks that nobody expects"
points = 10
kind = "auto"
tasks = ["mask"]
visibility = "hidden"

[[item]]
number = "3"
title = "Loss"
points = 10
kind = "auto"
tasks = ["loss"]

[[item]]
number = "4"
title = "An essay"
points = 0
kind = "manual"
"""
ASKS_MORE = """
from graders.homeworks.core import BINDING as CORE
from graders.oracles import causal_mask
from graders.student import Offer
from sandbox.errors import StudentError


def open_loss(worker):
    try:
        worker.resolve("loss", "MORE")
        causal_mask(17)
    except StudentError:
        pass
    return CORE["loss"].open(worker)


BINDING = {**CORE, "loss": Offer(open_loss, CORE["loss"].capabilities)}
"""
NAMES = ("attention", "mask", "loss")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TOML of an instructor's own homework, with solution, template and binding beside it."""
    folder = tmp_path_factory.mktemp("homework")
    (folder / "small.toml").write_text(SMALL, encoding="utf-8")
    (folder / "small.py").write_text("from graders.homeworks.core import BINDING\n", encoding="utf-8")
    for place, change in (("solution", solved), ("template", cut)):
        (folder / place).mkdir()
        for name in NAMES:
            text = change((ROOT / "reference" / f"{name}.py").read_text(encoding="utf-8"))
            (folder / place / f"{name}.py").write_text(text, encoding="utf-8")
    return folder / "small.toml"


@pytest.fixture(scope="session")
def made(small: Path) -> Kit:
    """Its kit."""
    return make(str(small))


def unpacked(kit: Kit, place: Path) -> Path:
    """Write a kit and unpack it as a student does."""
    kit.write(place / "kit.zip")
    with zipfile.ZipFile(place / "kit.zip") as archive:
        archive.extractall(place)
    return place / kit.slug


@pytest.fixture(scope="session")
def folder(made: Kit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kit as it lies on a student's disk."""
    return unpacked(made, tmp_path_factory.mktemp("kit"))


@functools.cache
def gathered(slug: str) -> Kit:
    """The kit of a homework that ships, without its record."""
    return gather(slug)


def judged(kit: Path, jobs: list[tuple[Path, str]]) -> list[dict[str, str]]:
    """What a kit says of submissions, where neither the checkout nor the answer key is at hand; see `tests/kit_judge.py`."""
    run = subprocess.run(
        [sys.executable, "-I", str(JUDGE), str(kit), str(ROOT)],
        input=json.dumps([(str(submission), task) for submission, task in jobs]),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    found: list[dict[str, str]] = json.loads(run.stdout)
    return found


# ---------------------------------------------------------------------------------------------------- contents


@dataclass(frozen=True)
class Key:
    """The answer key of a homework, as far as it must not be in its kit."""

    lines: frozenset[str]

    @classmethod
    def of(cls, slug: str) -> "Key":
        """The longer lines of code of the solutions that their templates do not have; those of `core` among them."""
        texts = [path.read_text(encoding="utf-8") for each in {slug, "core"} for path in sources(each)]
        given = {code(line) for text in texts for line in cut(text).split("\n")}
        return cls(frozenset(line for text in texts for line in map(code, solved(text).split("\n"))
                             if len(line) >= 30 and line not in given))  # fmt: skip


def code(line: str) -> str:
    """A line without its indentation and remark."""
    return line.partition("  #")[0].strip()


@pytest.mark.parametrize("slug", available())
def test_nothing_of_the_staffs_is_in_it(slug: str) -> None:
    """Protects the answer key: nothing of the solution, no bank of misconceptions, no wrong submission."""
    kit, key = gathered(slug), Key.of(slug)
    assert len(key.lines) > 50
    texts = {path: data.decode() for path, data in kit.files.items()}
    leaks = [(path, line) for path, text in texts.items() for line in text.split("\n") if code(line) in key.lines]
    assert leaks == []
    tops = {path.partition("/")[0] for path in texts} - {path.partition("/")[0] for path in kit.template}
    pages = {"README.md", "LICENSE", "HOMEWORK", "pyproject.toml", "constraints.txt"}
    assert tops - {"student_template"} == {"graders", "sandbox", *pages}
    assert not [path for path in texts if path.startswith("graders/misconceptions") or "handed_in" in path]
    assert not [path for path, text in texts.items() if path.endswith(".py") and "from reference" in text]
    notebooks = {path for path in texts if path.endswith(".ipynb")}
    template = ROOT / "student_template" / slug
    handed_out = {path.read_bytes() for path in template.rglob("*.ipynb")}
    assert {kit.files[path] for path in notebooks} == handed_out
    assert {path: kit.files[path] for path in kit.template} == {
        path: (template / path).read_bytes() for path in kit.template
    }


@pytest.mark.parametrize("slug", available())
def test_every_file_is_needed(slug: str) -> None:
    """Protects the kit from growing: each file of the graders is imported by another, or is a task of this homework."""
    kit = gathered(slug)
    tasks = {check.partition(".")[0] for check in kit.checks}
    tests = {path for path in kit.files if path.startswith("graders/test_")}
    assert {f"graders/test_{task}.py" for task in tasks} == tests
    homeworks = {path.split("/")[2].removesuffix(".py") for path in kit.files if path.startswith("graders/homeworks/")}
    assert homeworks == {"__init__", slug, f"{slug}.toml"}
    for path in tests:
        defined = [node.name for node in ast.walk(ast.parse(kit.files[path])) if isinstance(node, ast.FunctionDef)]
        found = {f"{path[13:-3]}.{name[5:]}" for name in defined if name.startswith("test_")}
        assert found == {check for check in kit.checks if check.partition(".")[0] == path[13:-3]}


def test_hidden_items_leave_no_trace(made: Kit) -> None:
    """Protects hidden checks: neither item nor checks are in the kit, not by name; the README says there are more."""
    assert {check.partition(".")[0] for check in made.checks} == {"attention", "loss"}
    assert made.hidden == 1
    pages = {path: data for path, data in made.files.items() if not path.endswith(".npz")}
    for path, data in pages.items():
        assert b"nobody expects" not in data, path
        assert not any(name in data for name in (b"broadcast_trap", b"any_pad_id", b"prefix_consistency")), path
    assert "graders/test_mask.py" not in made.files
    assert b'"mask.' not in made.files["graders/record/record.json"]
    assert "There are more checks in the staff's run" in made.files["README.md"].decode()
    assert b"staff's own remark" not in made.files["graders/homeworks/small.toml"]


def test_the_readme_is_a_page(made: Kit) -> None:
    """Protects students' patience: what is graded here, how to run it, in at most 70 lines."""
    text = made.files["README.md"].decode()
    assert len(text.splitlines()) <= 70
    assert ".venv/bin/pytest graders --submission ." in text
    assert "- 1. Attention (attention): 20 checks" in text
    assert "An essay" not in text


def test_same_kit_same_bytes(small: Path, made: Kit, tmp_path: Path) -> None:
    """Protects whoever compares archives: made again, it is the same to the byte; entries are sorted, their times fixed."""
    for name, kit in (("first.zip", made), ("second.zip", make(str(small)))):
        kit.write(tmp_path / name)
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "first.zip") as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {name.partition("/")[0] for name in names} == {"small"}


# ---------------------------------------------------------------------------------------------------- verdicts


def chosen(task: str, wheats: int, chaffs: int) -> list[Specimen]:
    """A few right and wrong submissions of a task of `core`, always the same."""
    found = specimens(load("core"), folder_of("core"), task)
    right, wrong = ([each for each in found if each.right is kind] for kind in (True, False))
    return right[:: max(1, len(right) // wheats)][:wheats] + wrong[:: max(1, len(wrong) // chaffs)][:chaffs]


def handed_in(some: list[Specimen], slug: str, place: Path) -> list[tuple[Path, str]]:
    """Write them, each with what judges it: a chaff's own check, a wheat's task."""
    return [
        (each.write(load(slug), slug, place / f"s{i}"), each.rejected_by or each.task) for i, each in enumerate(some)
    ]


def assert_as_expected(some: list[Specimen], found: list[dict[str, str]]) -> None:
    """Wheats pass every check, chaffs fail the check that their header names, and everything is judged."""
    for each, verdicts in zip(some, found, strict=True):
        assert "not judged" not in verdicts.values(), (each.name, verdicts)
        if each.right:
            assert set(verdicts.values()) == {"passed"}, (each.name, verdicts)
        elif each.rejected_by:
            assert verdicts[each.rejected_by] == "failed", each.name


def test_wheats_pass_and_chaffs_fail(folder: Path, tmp_path: Path) -> None:
    """Protects the kit's verdicts: right submissions pass, wrong ones fail by the check that their header names."""
    some = [*chosen("attention", 1, 3), *chosen("loss", 1, 3)]
    assert_as_expected(some, judged(folder, handed_in(some, "core", tmp_path)))


_PYTEST = """
import os, sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
sys.path.insert(0, os.getcwd())
import pytest
from graders.plugin import OUR_SETTINGS
sys.exit(pytest.main([*OUR_SETTINGS, *sys.argv[1:]]))
"""


def test_as_students_run_it(folder: Path, small: Path, tmp_path: Path) -> None:
    """Protects the command of the README: a solved task passes, an empty one does not, the kit's own files do not count."""
    kit = Path(shutil.copytree(folder, tmp_path / "kit"))
    shutil.copy(small.parent / "solution" / "attention.py", kit)
    (kit / "headmaster_kit.egg-info").mkdir()
    (kit / "headmaster_kit.egg-info" / "PKG-INFO").write_text("left by pip")
    run = subprocess.run(
        [sys.executable, "-I", "-c", _PYTEST, "graders", "--submission", "."],
        cwd=kit, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1, run.stdout + run.stderr
    assert "homework: small (Two tasks, and one that is not shown)" in run.stdout
    assert "submission: 3 files" in run.stdout
    lines = [
        line.split() for line in run.stdout.splitlines() if line.strip().startswith(("passed", "failed", "not judged"))
    ]
    assert {line[0] for line in lines if "1" in line[:3]} == {"passed"}
    assert {line[0] for line in lines if "3" in line[:3]} == {"failed", "not"}
    assert "Not written yet" in run.stdout


@pytest.mark.slow
def test_a_failure_is_shown_at_its_smallest_case(folder: Path, tmp_path: Path) -> None:
    """Protects the feedback: of the recorded cases that fail, the smallest is shown, with what was expected."""
    kit = Path(shutil.copytree(folder, tmp_path / "kit"))
    shutil.copy(ROOT / "tests" / "chaffs" / "attention" / "no_scaling.py", kit / "attention.py")
    arguments = ["graders/test_attention.py", "--submission", ".", "-k", "agrees_with_reference"]
    run = subprocess.run(
        [sys.executable, "-I", "-c", _PYTEST, *arguments], cwd=kit, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "expected" in run.stdout
    assert "This repeats it without the grader" in run.stdout
    assert "known mistake" not in run.stdout


@pytest.fixture(scope="module")
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A homework that ships, and its kit."""
    return request.param, unpacked(make(request.param), tmp_path_factory.mktemp("kit"))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("whole", ["core"], indirect=True, ids=lambda slug: slug)
def test_all_of_core(whole: tuple[str, Path], tmp_path: Path) -> None:
    """Protects the kit of `core`: every wheat passes, chaffs fail by the check that their header names; it is small.

    Of the chaffs, which all are put to the checks by the audit, every third.
    """
    _, kit = whole
    assert (kit.parent / "kit.zip").stat().st_size < 10e6
    found = specimens(load("core"), folder_of("core"))
    some = [each for each in found if each.right] + [each for each in found if not each.right][::3]
    assert_as_expected(some, judged(kit, handed_in(some, "core", tmp_path)))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("whole", SLUGS, indirect=True, ids=lambda slug: slug)
def test_a_real_homework(whole: tuple[str, Path], tmp_path: Path) -> None:
    """Protects the kits of real homeworks: solution, template and wrong submissions get the staff's verdicts, or none."""
    slug, kit = whole
    assert (kit.parent / "kit.zip").stat().st_size < 10e6
    homework = load(slug)
    bugs = [each for each in specimens(homework, folder_of(slug)) if not each.right]
    template = Path(shutil.copytree(ROOT / "student_template" / slug, tmp_path / "template"))
    submissions = [hand_in(slug, tmp_path / "solution"), template]
    submissions += [path for path, _ in handed_in(bugs[:: len(bugs) // 3][:3], slug, tmp_path)]
    found = judged(kit, [(path, "") for path in submissions])
    for path, kits, staffs in zip(submissions, found, by_the_staff(slug, submissions), strict=True):
        assert kits.keys() == staffs.keys()
        other = {name: (staffs[name], kits[name]) for name in staffs if kits[name] != staffs[name]}
        if path.name in ("solution", "template"):
            assert other == {}
        else:  # without the bank, what a mistake is inherited from may be unknown: then nothing is said, and nothing wrong
            assert {kit for _, kit in other.values()} <= {"not judged"}, other
            assert "failed" in kits.values()


def by_the_staff(slug: str, submissions: list[Path]) -> Iterator[dict[str, str]]:
    """The outcomes of the staff's run, with the answer key at hand."""
    with Zygote() as zygote:
        for path in submissions:
            with Judge(load(slug).without_timing(), path, zygote, seed=SEED, shrink_calls=0) as judge:
                yield {name: verdict.outcome.value for name, verdict in judge.judge_all().items()}


# ---------------------------------------------------------------------------------------------------- what cannot be made


def test_an_unknown_homework(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects who mistypes: status 2, the homeworks that there are, and nothing written."""
    assert main(["nowhere", "-o", str(tmp_path / "kit.zip")]) == 2
    assert capsys.readouterr().err.startswith("headmaster kit: there is no homework 'nowhere'; there are: ")
    assert list(tmp_path.iterdir()) == []


def change(small: Path, place: Path, edit: Any) -> str:
    """A copy of the small homework, changed; returns the path of its TOML."""
    shutil.copytree(small.parent, place)
    edit(place)
    return str(place / "small.toml")


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda at: shutil.rmtree(at / "solution"), "small has no solution: put it into a folder solution beside small.toml"),
        (lambda at: shutil.rmtree(at / "template"), "small has no template: expected files in "),
        (lambda at: shutil.copytree(at / "template", at / "template" / "graders"), "the template holds graders, "),
        (lambda at: (at / "small.toml").write_text(SMALL.replace('kind = "auto"', 'kind = "auto"\nvisibility = "hidden"')
                                                   .replace('visibility = "hidden"\n\n', "\n")),
         "small has no check that its students may see"),
        (lambda at: shutil.copy(at / "template" / "attention.py", at / "solution"),
         "the solution does not pass attention.interface (failed)"),
    ],
    ids=["no solution", "no template", "a name of the kit's", "all hidden", "a wrong solution"],
)  # fmt: skip
def test_what_is_missing_is_said(small: Path, tmp_path: Path, edit: Any, says: str) -> None:
    """Protects instructors: each reason why there is no kit, before students get a wrong one."""
    with pytest.raises(KitError) as caught:
        make(change(small, tmp_path / "homework", edit))
    assert says in str(caught.value)


@pytest.mark.slow
def test_others_answers_are_recorded(small: Path, made: Kit, tmp_path: Path) -> None:
    """Protects `--also`: what another right submission asks is kept beside the solution's questions, a wrong one is refused."""
    at = Path(change(small, tmp_path / "homework", lambda at: None)).parent
    (at / "small.py").write_text(ASKS_MORE, encoding="utf-8")
    (at / "small.toml").write_text(
        SMALL.replace('tasks = ["attention"]', 'tasks = ["attention"]\nvisibility = "hidden"')
    )
    other = Path(shutil.copytree(at / "solution", tmp_path / "other"))
    (other / "loss.py").write_text((other / "loss.py").read_text() + "\nMORE = 1\n")
    alone, both = (
        json.loads(make(str(at / "small.toml"), also).files["graders/record/record.json"]) for also in ((), [other])
    )
    counts = [{check: len(cases) for check, cases in record["cases"].items()} for record in (alone, both)]
    assert counts[0] == counts[1]
    assert alone["answers"].keys() < both["answers"].keys()
    with pytest.raises(KitError, match=r"template does not pass loss\.interface \(failed\)"):
        make(str(at / "small.toml"), [at / "template"])


def test_a_folder_that_is_not_there(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Protects the message for a path that cannot be written."""
    monkeypatch.setattr("gradescope.kit.make", lambda name, also: gather(name))
    assert main([str(small), "-o", str(tmp_path / "no" / "kit.zip")]) == 2
    assert f"kit.zip cannot be written: there is no folder {tmp_path / 'no'}" in capsys.readouterr().err
    (tmp_path / "kit.zip").mkdir()
    assert main([str(small), "-o", str(tmp_path / "kit.zip")]) == 2
    assert "kit.zip cannot be written: Is a directory" in capsys.readouterr().err


def test_what_is_printed(small: Path, made: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Protects the overview: how large, which files, how many checks, what was left out."""
    monkeypatch.setattr("gradescope.kit.make", lambda name, also: made)
    assert main([str(small), "-o", str(tmp_path / "kit.zip")]) == 0
    said = capsys.readouterr().out
    assert "MB, " in said
    assert "template   attention.py, loss.py, mask.py" in said
    assert "checks     36 of visible items; 1 hidden items left out" in said
