"""The comparison with other graders: what is measured, that it is the same question, and the table."""

import ast
import json
import subprocess
import sys
import types
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import rivals
from benchmarks.rivals import EXAMPLES, FULL, GRADERS, PYTEST, SOLUTION, WRONG, Grader, run, without_scale
from benchmarks.rivals_graders import attention_cases
from benchmarks.rivals_graders.otter_notebook import notebook
from graders.catalogue import checks_of
from graders.homework import load

OURS = {"reference", "sandbox", "graders", "gradescope", "audit", "headmaster", "benchmarks", "tests"}


def attention_of(source: str) -> Callable[..., Any]:
    """The function of a submission."""
    space: dict[str, Any] = {}
    exec(source, space)
    return space["attention"]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], dict[str, int]]:
    """The cases that are noted from now on, by property."""
    monkeypatch.setenv("CASES_FILE", str(tmp_path / "cases.txt"))
    monkeypatch.setitem(sys.modules, "attention_cases", attention_cases)

    def cases() -> dict[str, int]:
        names = (tmp_path / "cases.txt").read_text(encoding="utf-8").split()
        return {name: names.count(name) for name in EXAMPLES}

    return cases


@pytest.mark.parametrize(("source", "points"), [(SOLUTION, 4), (without_scale(), 2)], ids=[FULL, WRONG])
def test_plain_pytest(source: str, points: int, tmp_path: Path) -> None:
    """Protects the comparison: the grader with pytest gives full points to the solution alone, and asks all that is said."""
    found = run(PYTEST, PYTEST.prepare(tmp_path, source, Path(sys.executable)), tmp_path)
    assert (found.earned, found.possible) == (points, 4)
    assert found.cases == EXAMPLES or source != SOLUTION


@pytest.mark.parametrize(("source", "points"), [(SOLUTION, 4), (without_scale(), 2)], ids=[FULL, WRONG])
def test_tests_for_otter(
    source: str, points: int, counted: Callable[[], dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the comparison: Otter's tests, with a stand-in for its decorator, tell right from wrong, and ask as much."""
    tests: list[Callable[..., None]] = []
    worth = []

    def test_case(name: str, points: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
        worth.append(points)
        return lambda function: tests.append(function) or function

    stand_in = types.ModuleType("otter.test_files")
    stand_in.test_case = test_case  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "otter", types.ModuleType("otter"))
    monkeypatch.setitem(sys.modules, "otter.test_files", stand_in)
    space: dict[str, Any] = {}
    exec((GRADERS / "otter_tests" / "attention.py").read_text(encoding="utf-8"), space)
    passed = 0
    for test in tests:
        try:
            test(attention=attention_of(source))
            passed += 1
        except Exception:
            assert source != SOLUTION
    assert (passed, sum(worth), space["points"]) == (points, 4, 4)
    assert counted() == EXAMPLES or source != SOLUTION


@pytest.mark.parametrize(("source", "points"), [(SOLUTION, 4), (without_scale(), 2)], ids=[FULL, WRONG])
def test_tests_for_gradescope_utils(
    source: str, points: int, counted: Callable[[], dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the comparison: the unittest methods, with stand-ins for the decorators, tell right from wrong."""
    worth = []
    decorators = types.ModuleType("gradescope_utils.autograder_utils.decorators")
    decorators.weight = lambda points: worth.append(points) or (lambda function: function)  # type: ignore[attr-defined]
    decorators.number = lambda label: lambda function: function  # type: ignore[attr-defined]
    for name in ("gradescope_utils", "gradescope_utils.autograder_utils"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, decorators.__name__, decorators)
    submission = types.ModuleType("attention")
    submission.attention = attention_of(source)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "attention", submission)
    space: dict[str, Any] = {"__name__": "check_attention"}
    exec((GRADERS / "gradescope_utils_grader" / "tests" / "check_attention.py").read_text(encoding="utf-8"), space)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(space["TestAttention"])(result)
    assert (result.testsRun - len(result.failures) - len(result.errors), sum(worth)) == (points, 4)
    assert counted() == EXAMPLES or source != SOLUTION


def test_headmaster_asks_the_same_and_as_much(tmp_path: Path) -> None:
    """Protects the comparison: the homework has these four checks and no other, and each looks at as many cases."""
    rivals.prepare_headmaster(tmp_path, SOLUTION, Path(sys.executable))
    homework = load(str(tmp_path / "homework" / "four_properties.toml"))
    assert [check.id for check in checks_of(homework)] == [f"attention.{name}" for name in EXAMPLES]
    assert rivals.cases_of_headmaster(tmp_path) == EXAMPLES


def test_the_others_import_nothing_of_ours() -> None:
    """Protects honesty: what is measured is what a course without Headmaster would write."""
    for path in sorted(GRADERS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} & OURS == set(), path


def test_the_notebook_holds_the_answer_and_one_check() -> None:
    """Protects the run of Otter: the submission is in a cell as it is, and is checked once."""
    cells = [cell["source"] for cell in json.loads(notebook(SOLUTION))["cells"]]
    assert cells[1] == SOLUTION
    assert sum(cell.count("grader.check(") for cell in cells) == 1


def test_results_are_read(tmp_path: Path) -> None:
    """Protects the points: items without points do not count, and a test that failed or raised is not passed."""
    tests = [{"name": "summary"}, {"score": 1.5, "max_score": 2}, {"score": 0, "max_score": 2}]
    (tmp_path / "results.json").write_text(json.dumps({"tests": tests}), encoding="utf-8")
    assert rivals.points_of_gradescope(tmp_path) == (1.5, 4)
    (tmp_path / "results.xml").write_text(
        "<testsuites><testsuite><testcase/><testcase><failure/></testcase><testcase><error/></testcase></testsuite></testsuites>",
        encoding="utf-8",
    )
    assert rivals.points_of_junit(tmp_path) == (1, 3)


def made_up(name: str, cases: int, *, strict: bool = True) -> Grader:
    """A grader that is a program of a few lines: it notes so many cases, and gives points to the solution, or to all."""

    def prepare(folder: Path, source: str, python: Path) -> list[str]:
        earned = 1 if source == SOLUTION or not strict else 0
        results = json.dumps({"tests": [{"score": earned, "max_score": 1}]})
        code = (
            "import os\n"
            f"open(os.environ['CASES_FILE'], 'w').write('shapes ' * {cases})\n"
            f"open('results.json', 'w').write({results!r})\n"
        )
        return [sys.executable, "-I", "-S", "-c", code]

    return Grader(name, "pytest", prepare, rivals.points_of_gradescope)


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other environment is made or asked."""
    monkeypatch.setattr(rivals, "environment", lambda: Path(sys.executable))
    monkeypatch.setattr(rivals, "versions", lambda python: {"pytest": "9"})


@pytest.mark.usefixtures("no_environment")
def test_it_measures_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the figures: seconds are divided by the cases that were counted, and by Headmaster's of the same round."""
    found = rivals.measure(2, [made_up("Headmaster", 10), made_up("other", 5)])
    ours, other = found["rows"]
    assert (ours["cases"], other["cases"]) == (10, 5)
    assert ours["points"] == other["points"] == {FULL: "1/1", WRONG: "0/1"}
    assert ours["ratio"] == {"median": 1, "min": 1, "max": 1}
    ratios = sorted(2 * theirs / mine for theirs, mine in zip(other["rounds"], ours["rounds"], strict=True))
    assert [other["ratio"]["min"], other["ratio"]["max"]] == pytest.approx(ratios)
    assert [len(row["rounds"]) for row in found["rows"]] == [2, 2]
    json.dumps(found)
    monkeypatch.setattr(rivals, "measure", lambda rounds: found)
    assert rivals.main(["--rounds", "2"]) == 0


@pytest.mark.usefixtures("no_environment")
def test_a_grader_that_does_not_work_is_not_measured() -> None:
    """Protects the comparison from graders that give points to everything, or leave no results."""
    with pytest.raises(RuntimeError, match="other gives 1/1 to without scale"):
        rivals.measure(1, [made_up("Headmaster", 1), made_up("other", 1, strict=False)])
    broken = Grader("other", "", lambda folder, source, python: [sys.executable, "-c", "print(7)"], PYTEST.earned)
    with pytest.raises(RuntimeError, match="other has left no results .status 0.:\n7"):
        rivals.measure(1, [broken])


def test_the_table() -> None:
    """Protects docs/timing.md: one row for each grader, median with least and greatest, the ratio of each round."""
    seconds = {"Headmaster": [2.0, 4.0, 3.0], "pytest": [4.0, 4.0, 3.0]}
    figures = rivals.rows(seconds, {"Headmaster": {"shapes": 10, "sums": 10}, "pytest": {"shapes": 10}})
    points = {FULL: "4/4", WRONG: "2/4"}
    rows = [row | {"package": package, "points": points} for row, package in zip(figures, ("", "pytest"), strict=True)]
    assert rivals.table({"rows": rows, "versions": {"pytest": "9.2.0"}}).splitlines() == [
        "| grader | wall time, s | cases | ms per case | ÷ Headmaster's | points, solution | points, without scale |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| Headmaster | 3.00 (2.00 to 4.00) | 20 | 150 (100 to 200) | 1 | 4/4 | 2/4 |",
        "| pytest 9.2.0 | 4.00 (3.00 to 4.00) | 10 | 400 (300 to 400) | 2.00 (2.00 to 4.00) | 4/4 | 2/4 |",
    ]


def test_torch_is_shared_and_our_plugins_are_not(tmp_path: Path) -> None:
    """Protects the others' speed: they see pytest and what it needs, and not the plugins that our environment has."""
    rivals.share(tmp_path, ["pytest"])
    shared = {path.name for path in (tmp_path / "shared").iterdir()}
    assert {"pytest", "_pytest", "pluggy"} <= shared
    assert not {"pytest_timeout.py", "xdist", "graders", ".."} & shared
    assert all(path.exists() for path in (tmp_path / "shared").iterdir())


def test_an_environment_that_is_there_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects users offline: nothing is downloaded where the pins and the shared versions are as they were."""
    made = []
    monkeypatch.setattr(rivals, "ENVIRONMENT", tmp_path)
    monkeypatch.setattr(rivals, "share", lambda place, names: None)
    monkeypatch.setattr(subprocess, "run", lambda command, check: made.append(command[2]))
    (tmp_path / "lib" / "python3" / "site-packages").mkdir(parents=True)
    assert rivals.environment() == rivals.environment() == tmp_path / "bin" / "python"
    assert made == ["venv", "pip"]
    (tmp_path / "made-from.txt").write_text("torch==0\n", encoding="utf-8")
    rivals.environment()
    assert made == ["venv", "pip"] * 2
