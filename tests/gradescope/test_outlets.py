"""The same verdicts for GitHub Classroom and PrairieLearn: schemas, sums, exit codes, what is not shown yet."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from graders.homework import config_of
from gradescope import outlets
from gradescope.autograder import main
from gradescope.blank import blank
from gradescope.outlets import NOT_SHOWN, Outlet, own_path, through, write
from gradescope.results import Results, TestEntry
from gradescope.results import write as write_own

from .conftest import RIGHT

SCHEMAS = Path(__file__).parent / "schemas"
OTHERS: tuple[Outlet, ...] = ("classroom", "prairielearn")
FINISHED = {"finished": True, "checks": {"a.b": {"outcome": "failed"}}}


def entry(**facts: Any) -> TestEntry:
    """An entry with some of its fields replaced."""
    usual = {"name": "Masks", "number": "2", "score": 1.5, "max_score": 4, "status": "failed", "output": "✗ No.\n<b>"}
    return TestEntry.model_validate(usual | facts)


def results(*entries: TestEntry, **facts: Any) -> Results:
    """A finished run."""
    usual = {"tests": list(entries) or [entry()], "output": "Fix first, in 2: No.", "extra_data": FINISHED}
    return Results.model_validate(usual | facts)


def written(made: Results, outlet: Outlet, folder: Path) -> dict[str, Any]:
    """What is written, after it was compared with the schema."""
    path = folder / "out.json"
    write(made, path, outlet)
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    schema = json.loads((SCHEMAS / f"{outlet}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(table, schema, cls=jsonschema.Draft202012Validator)
    return table


FULL = entry(number="1", name="Attention", score=6, max_score=6, status="passed", output="✓ Yes.")


def test_classroom(tmp_path: Path) -> None:
    """One test per item, whose scores add up to those of the run."""
    table = written(results(FULL, entry()), "classroom", tmp_path)
    assert (table["status"], table["max_score"]) == ("fail", 10)
    assert [(test["name"], test["test_code"], test["status"], test["score"]) for test in table["tests"]] == [
        ("Attention", "1", "pass", 6),
        ("Masks", "2", "fail", 1.5),
    ]
    assert table["tests"][1]["message"] == "✗ No.\n<b>"
    assert written(results(FULL), "classroom", tmp_path)["status"] == "pass"


def test_prairielearn(tmp_path: Path) -> None:
    """The score is a share from 0 to 1; each item has its points and its output as plain text."""
    table = written(results(FULL, entry()), "prairielearn", tmp_path)
    assert (table["gradable"], table["score"], table["message"]) == (True, 0.75, "Fix first, in 2: No.")
    assert [(test["name"], test["points"], test["max_points"], test["output"]) for test in table["tests"]] == [
        ("1 Attention", 6, 6, "✓ Yes."),
        ("2 Masks", 1.5, 4, "✗ No.\n<b>"),
    ]
    assert "format_errors" not in table


@pytest.mark.parametrize(
    "facts",
    [
        {"finished": False},
        {"finished": False, "checks": {"a.b": {"outcome": "not run"}}},
        FINISHED | {"nothing_to_grade": True},
        FINISHED | {"invalid": True},
    ],
    ids=["refused", "nothing judged", "nothing to grade", "not confined"],
)
def test_what_cannot_be_graded_costs_no_attempt(facts: dict[str, Any], tmp_path: Path) -> None:
    """Protects PrairieLearn's students: a submission that is not graded is said to be none, with the reason."""
    table = written(results(output="Nothing was handed in.", extra_data=facts), "prairielearn", tmp_path)
    assert (table["gradable"], table["score"]) == (False, 0)
    assert table["format_errors"][0] == "Nothing was handed in."


def test_a_run_that_was_cut_short(tmp_path: Path) -> None:
    """What was judged before keeps its points; the rest is an error, not a failure."""
    made = results(FULL, entry(), extra_data={"finished": False, "checks": {"a.b": {"outcome": "passed"}}})
    table = written(made, "classroom", tmp_path)
    assert (table["status"], [test["status"] for test in table["tests"]]) == ("error", ["pass", "error"])
    assert written(made, "prairielearn", tmp_path)["gradable"] is True


@pytest.mark.parametrize("outlet", OTHERS)
@pytest.mark.parametrize("visibility", ["hidden", "after_due_date", "after_published"])
def test_what_is_hidden_stays_hidden(outlet: Outlet, visibility: str, tmp_path: Path) -> None:
    """Protects hidden checks: their points count, without a name, a number or a word; the sums are right."""
    secret = {"visibility": visibility, "output": "SECRET", "name": "SECRET", "number": "SECRET"}
    table = written(results(FULL, entry(**secret), entry(**secret, score=4, status="passed")), outlet, tmp_path)
    assert "SECRET" not in json.dumps(table)
    last = table["tests"][-1]
    points = {"classroom": "score", "prairielearn": "points"}[outlet]
    assert (last["name"], last[points], len(table["tests"])) == (NOT_SHOWN, 5.5, 2)
    if outlet == "prairielearn":
        assert table["score"] == pytest.approx(11.5 / 14)


@pytest.mark.parametrize("outlet", OTHERS)
@pytest.mark.parametrize("slug", ["core", "jhu_tinygpt"])
def test_the_blank_file_is_valid(outlet: Outlet, slug: str, tmp_path: Path) -> None:
    """The file that stands there before the first verdict follows the schema, too, and gives 0."""
    table = written(blank(slug, "The grading has begun."), outlet, tmp_path)
    assert len(table["tests"]) == len(config_of(slug).auto_items)


def test_gradescopes_own_format(tmp_path: Path) -> None:
    """The third format is results.json itself."""
    write(results(), tmp_path / "a.json", "gradescope")
    write_own(results(), tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


# ---------------------------------------------------------------------------------------------------- around a run


@pytest.mark.parametrize(("made", "status"), [(results(FULL), 0), (results(FULL, entry()), 1)], ids=["all", "some"])
def test_exit_code_of_classroom(made: Results, status: int, tmp_path: Path) -> None:
    """GitHub Classroom's exit code says whether all points were reached; the file counts 0 until then."""
    path = tmp_path / "results.json"

    def grade(own: Path) -> int:
        before = json.loads(path.read_text(encoding="utf-8"))
        assert (before["status"], sum(test["score"] for test in before["tests"])) == ("error", 0)
        write_own(made, own)
        return 0

    assert through("classroom", "core", path, grade) == status
    assert len(json.loads(path.read_text(encoding="utf-8"))["tests"]) == len(made.tests)
    assert Results.model_validate_json(own_path(path).read_bytes()) == made


def test_a_run_that_dies_leaves_a_valid_file(tmp_path: Path) -> None:
    """Protects from a crash between two formats: what was judged is in the platform's file, too."""
    path = tmp_path / "results.json"

    def grade(own: Path) -> int:
        write_own(results(FULL, entry(), extra_data={"finished": False, "checks": FINISHED["checks"]}), own)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        through("prairielearn", "core", path, grade)
    assert json.loads(path.read_text(encoding="utf-8"))["score"] == 0.75


def test_an_earlier_runs_file_is_not_taken_for_ours(tmp_path: Path) -> None:
    """Protects from stale points: without a new file of Gradescope's format the blank one stays."""
    path = tmp_path / "results.json"
    write_own(results(FULL), own_path(path))
    assert through("prairielearn", "core", path, lambda own: 2) == 2
    assert json.loads(path.read_text(encoding="utf-8"))["gradable"] is False


def test_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown homework, or a place that cannot be written, is status 2 in one sentence, in every format."""
    given = [f"--submission={tmp_path}", "--format=classroom"]
    assert main(["--homework=coer", f"--results={tmp_path / 'r.json'}", *given]) == 2
    assert "there is no homework 'coer'" in capsys.readouterr().out
    assert main(["--homework=core", f"--results={tmp_path}", *given]) == 2
    assert "cannot be written: Is a directory" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_the_option_reaches_the_outlet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--format` hands the platform, the homework and the file on, and its status is the outlet's."""
    seen = []

    def fake(outlet: Outlet, homework: str, path: Path, grade: Any) -> int:
        seen.append((outlet, homework, path))
        return 5

    monkeypatch.setattr(outlets, "through", fake)
    assert main(["--homework=core", "--submission=x", "--results=r.json", "--format=prairielearn"]) == 5
    assert seen == [("prairielearn", "core", Path("r.json"))]


@pytest.mark.slow
@pytest.mark.parametrize(("source", "status", "share"), [(RIGHT, 0, 1.0), ("", 1, 0.0)], ids=["right", "empty"])
def test_a_real_run(source: str, status: int, share: float, masks: Path, tmp_path: Path) -> None:
    """By the real command: what both platforms get follows their schemas, and Gradescope's file lies beside."""
    submission = tmp_path / "submission"
    submission.mkdir()
    (submission / "mask.py").write_text(source, encoding="utf-8")
    for outlet in OTHERS:
        path = tmp_path / f"{outlet}.json"
        given = [f"--homework={masks}", f"--submission={submission}", f"--results={path}", f"--format={outlet}"]
        assert main([*given, "--quiet"]) == (status if outlet == "classroom" else 0)
        table = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.validate(table, json.loads((SCHEMAS / f"{outlet}.json").read_text(encoding="utf-8")))
        own = Results.model_validate_json(own_path(path).read_bytes())
        assert own.score == 11 * share
        if outlet == "prairielearn":
            assert (table["gradable"], table["score"]) == (True, share)
