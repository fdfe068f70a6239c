"""`run_autograder`: one submission in, one complete results.json out, whatever happens in between."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from audit.specimens import file_of
from graders.catalogue import checks_of
from graders.homework import config_of, load
from graders.plugin import HERE, hardened_command
from gradescope import autograder
from gradescope.autograder import main, parse
from gradescope.blank import blank
from gradescope.results import Rank, Results, read, write

ROOT = Path(__file__).resolve().parent.parent.parent
POINTS = float(sum(item.points for item in config_of("core").auto_items))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty submission."""
    path = tmp_path / "submission"
    path.mkdir()
    return path


def grade(submission: Path, results: Path, *more: str) -> int:
    """Grade as core."""
    return main(["--homework=core", f"--submission={submission}", f"--results={results}", *more])


def test_one_file_of_all(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A submission with one right file of all: its item is full, the others name the missing file; status 0."""
    (folder / "attention.py").write_bytes((ROOT / "reference" / "attention.py").read_bytes())
    path = tmp_path / "not" / "yet" / "results.json"
    assert grade(folder, path, "--seed=3") == 0
    results = read(path)
    assert [test.score for test in results.tests] == [20.0] + [0.0] * 16
    tasks = [item.tasks[0] for item in config_of("core").auto_items if item.tasks]
    for task, test in zip(tasks[1:], results.tests[1:-2], strict=True):
        file = file_of(task, load("core"))
        assert f"There is no file {file} in the submission." in test.output
    assert results.output.splitlines()[0] == "Full points for: 1."
    assert results.output.splitlines()[1].startswith("Fix first, in 2: ")
    facts = results.extra_data
    assert facts["finished"] is True
    assert list(facts["checks"]) == [check.id for check in checks_of(load("core"))]
    assert {"not run"} & {check["outcome"] for check in facts["checks"].values()} == set()
    assert results.execution_time is not None
    assert os.listdir(path.parent) == ["results.json"]
    printed = capfd.readouterr().out
    assert "    passed  1        " in printed
    assert f"20 / {POINTS:g}" in printed
    assert results.output.splitlines()[0] in printed


def test_empty_folder(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing handed in is graded to the end: 0 points, all at stake; --quiet prints the table only."""
    assert grade(folder, tmp_path / "results.json", "--quiet") == 0
    results = read(tmp_path / "results.json")
    assert (results.score, results.max_score, results.extra_data["finished"]) == (0.0, POINTS, True)
    assert all("There is no file " in test.output for test in results.tests)
    assert "    failed  1" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("kind", "says"), [("missing", "there is no submission at "), ("file", " is a file: pass the folder")]
)
def test_submission_that_cannot_be_taken_in(tmp_path: Path, kind: str, says: str) -> None:
    """No folder to grade: status 1, and the file says why with every point at stake."""
    submission = tmp_path / "submission"
    if kind == "file":
        submission.write_text("PK")
    assert grade(submission, tmp_path / "results.json") == 1
    results = read(tmp_path / "results.json")
    assert says in results.output
    assert str(submission) in results.output
    assert (results.score, results.max_score) == (0.0, POINTS)
    assert results.extra_data["finished"] is False


def test_a_homework_that_cannot_be_used(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A binding that cannot be imported: status 2, the staff reads why, the student that it is no fault of theirs."""
    toml = tmp_path / "mine.toml"
    toml.write_bytes((HERE / "homeworks" / "core.toml").read_bytes())
    (tmp_path / "mine.py").write_text("import nothing_of_this_name\n")
    given = [f"--homework={toml}", f"--submission={folder}", f"--results={tmp_path / 'r.json'}"]
    assert main(given) == 2
    results = read(tmp_path / "r.json")
    assert results.output == ("The grading could not begin, through no fault of yours. The staff has to look at it.")
    assert (results.score, results.extra_data["grader_status"]) == (0.0, 4)
    told = "".join(capfd.readouterr())
    assert "mine.py cannot be imported: ModuleNotFoundError in line 1" in told
    assert "Traceback" not in told


def test_unknown_homework(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A homework that does not exist is misuse: status 2, its nearest name, and no file."""
    assert main(["--homework=coer", f"--submission={folder}", f"--results={tmp_path / 'r.json'}"]) == 2
    printed = " ".join(capsys.readouterr().out.split())
    assert "there is no homework 'coer'; there are: " in printed
    assert "Did you mean 'core'?" in printed
    assert not (tmp_path / "r.json").exists()


def test_results_that_cannot_be_written(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A results path that is a folder is misuse, said in one sentence."""
    assert grade(folder, tmp_path) == 2
    assert "cannot be written: Is a directory" in " ".join(capsys.readouterr().out.split())


# ---------------------------------------------------------------------------------------------------- the inner process


class Inner:
    """Stands in for the pytest process: notes how it was started and leaves a file of its own."""

    def __init__(self, status: int, results: Results | None = None) -> None:
        self.status = status
        self.results = results
        self.commands: list[list[str]] = []
        self.options: dict[str, Any] = {}
        self.found: Results | None = None

    def __call__(self, command: list[str], **options: Any) -> "Inner":
        """Pretend to grade."""
        self.commands.append(command)
        self.options = options
        path = Path(next(part for part in command if part.startswith("--results=")).partition("=")[2])
        self.found = read(path)
        if self.results is not None:
            write(self.results, path)
        return self

    def __enter__(self) -> "Inner":
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def wait(self, seconds: float | None = None) -> int:
        """It has ended at once."""
        return self.status


def test_file_is_complete_before_the_grading(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inner process finds a complete file, starts isolated in /, and gets absolute paths."""
    monkeypatch.chdir(tmp_path)
    inner = Inner(0)
    monkeypatch.setattr(subprocess, "Popen", inner)
    assert grade(Path("submission"), Path("results.json"), "--seed=5") == 1
    assert blank("core", "The grading has begun.") == inner.found
    expected = hardened_command(
        [
            *(str(HERE), "-q", "--no-header", "--no-summary", "--homework=core"),
            *(f"--submission={folder}", f"--results={tmp_path / 'results.json'}", "--seed=5"),
        ]
    )
    first, second = inner.commands  # it says that it is not finished, so it is started once more
    private = [part for part in first if part.startswith("--progress=")]
    assert private == [part for part in second if part.startswith("--progress=")]
    for command in inner.commands:
        assert [part for part in command if not part.startswith(("--seconds=", "--progress="))] == expected
    assert inner.options["cwd"] == "/"
    assert Path(private[0].partition("=")[2]).parent == Path(inner.options["env"]["TMPDIR"])
    assert not Path(inner.options["env"]["TMPDIR"]).exists()


@pytest.mark.parametrize("status", [-9, -11, 3, 5])
def test_inner_process_that_dies(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """A grader that was killed leaves what it had judged, and the file says that it was cut short, in three lines."""
    partial = blank("core", "Not finished: 1 of 81 checks.\nFull points for: 1.\nFix first, in 2: this.")
    partial.tests[0].score = 20.0
    monkeypatch.setattr(subprocess, "Popen", Inner(status, partial))
    assert grade(folder, tmp_path / "results.json") == 1
    results = read(tmp_path / "results.json")
    assert results.output.splitlines() == [
        "The grader stopped early, through no fault of yours; what it had judged is below. Hand in again.",
        "Not finished: 1 of 81 checks.",
        "Full points for: 1.",
    ]
    assert (results.score, results.max_score) == (20.0, POINTS)
    assert results.extra_data["grader_status"] == status


def test_finished_run_is_0_whatever_failed(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was judged to the end is status 0 although pytest's own is 1."""
    done = blank("core", "Done.")
    done.extra_data["finished"] = True
    monkeypatch.setattr(subprocess, "Popen", Inner(1, done))
    assert grade(folder, tmp_path / "results.json") == 0
    assert done == read(tmp_path / "results.json")


# ---------------------------------------------------------------------------------------------------- the metadata

METADATA: dict[str, Any] = {
    "id": 7,
    "created_at": "2026-11-26T15:00:00-05:00",
    "users": [{"name": "Somebody", "email": "somebody@example.edu"}],
    "previous_submissions": [{"submission_time": "2026-11-26T11:00:00-05:00", "score": 6.5}],
}


def with_table(tmp_path: Path, lines: str) -> Path:
    """The example homework with a table [gradescope]; returns its TOML."""
    folder = tmp_path / "homework"
    shutil.copytree(ROOT / "examples" / "first_attention", folder)
    path = folder / "first_attention.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("[files]", f"[gradescope]\n{lines}\n\n[files]", 1), encoding="utf-8"
    )
    return path


def grade_with(metadata: object, homework: Path, submission: Path, results: Path) -> int:
    """Grade with Gradescope's file beside the results."""
    path = results.parent / "submission_metadata.json"
    path.write_text(json.dumps(metadata))
    path.chmod(0o600)
    return main(
        [
            f"--homework={homework}",
            f"--submission={submission}",
            f"--results={results}",
            f"--metadata={path}",
            "--quiet",
        ]
    )


def test_over_the_limit_nothing_is_judged(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the limit: no grader is started, the score stays, the file and the terminal say why; status 0."""
    inner = Inner(0)
    monkeypatch.setattr(subprocess, "Popen", inner)
    homework = with_table(tmp_path, "submissions_per_day = 1")
    assert grade_with(METADATA, homework, folder, tmp_path / "results.json") == 0
    assert inner.commands == []
    results = read(tmp_path / "results.json")
    assert (results.score, results.extra_data["finished"]) == (6.5, False)
    assert results.output.splitlines()[1] == "Your score stays that of your submission of 2026-11-26 11:00 (UTC-05:00)."
    assert "Your score stays that of" in capsys.readouterr().out


def test_a_run_with_metadata(tmp_path: Path) -> None:
    """Protects the whole way: the judge reads the file, the results have what it says, and nobody's name."""
    homework = with_table(tmp_path, 'submissions_per_day = 2\nshow_changes = true\nleaderboard = ["points"]')
    check = "attention.agrees_with_reference"
    before = {
        "tests": [{"number": "1", "score": 8.0, "max_score": 8.0, "visibility": "visible"}],
        "extra_data": {"homework": "first_attention", "finished": True, "checks": {check: {"outcome": "passed"}}},
    }
    earlier = [{"submission_time": "2026-11-26T11:00:00-05:00", "score": 8.0, "results": before}]
    submission = tmp_path / "wrong"
    submission.mkdir()
    text = (homework.parent / "solution" / "attend.py").read_text(encoding="utf-8")
    (submission / "attend.py").write_text(text.replace(" / math.sqrt(q.shape[-1])", ""), encoding="utf-8")
    path = tmp_path / "results.json"
    assert grade_with(METADATA | {"previous_submissions": earlier}, homework, submission, path) == 0
    results = read(path)
    change = f"Since your last submission: 1: 8.00 -> {results.score:.2f} points"
    assert 0 < results.score < 8
    assert results.output.splitlines()[-1] == change
    sentence = next(each.sentence for each in checks_of(load(str(homework))) if each.id == check)
    assert results.tests[0].output.splitlines()[:2] == [change, f"No longer right: {sentence}"]
    assert results.leaderboard == [Rank(name="Points", value=results.score)]
    assert (results.extra_data["submission"]["id"], results.extra_data["not_counted"]) == ("7", [])
    assert "omebody" not in path.read_text()


def test_metadata_that_is_broken_stops_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the grading from the platform: the run goes on, and the staff reads what is wrong with the file."""
    inner = Inner(0)
    monkeypatch.setattr(subprocess, "Popen", inner)
    homework = with_table(tmp_path, "submissions_per_day = 1")
    assert grade_with([], homework, folder, tmp_path / "results.json") == 1
    assert f"--submission-metadata={tmp_path / 'submission_metadata.json'}" in inner.commands[0]
    assert inner.found is not None
    assert inner.found.extra_data["submission"]["notes"] == ["the file: expected an object, found a list"]


# ---------------------------------------------------------------------------------------------------- the command line


def test_needs_its_options_outside_of_the_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Outside of Gradescope's container the folder and the file must be named."""
    monkeypatch.setattr(autograder, "CONTAINER", tmp_path / "nowhere")
    for given in ([], ["--homework=core"], ["--homework=core", "--submission=x"], ["--homework=core", "--results=x"]):
        with pytest.raises(SystemExit) as caught:
            parse(given)
        assert caught.value.code == 2


def test_defaults_inside_the_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Inside the container Gradescope's own places are the defaults."""
    monkeypatch.setattr(autograder, "CONTAINER", tmp_path)
    options = parse(["--homework=core"])
    assert (options.submission, options.results) == (tmp_path / "submission", tmp_path / "results" / "results.json")
    assert options.metadata == tmp_path / "submission_metadata.json"
    assert (options.seed, options.quiet) == (None, False)


def test_metadata_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Outside of the container a file that was named must exist; inside, one that is missing stops nothing."""
    monkeypatch.setattr(autograder, "CONTAINER", tmp_path / "nowhere")
    given = ["--homework=core", "--submission=x", "--results=y"]
    assert parse(given).metadata is None
    with pytest.raises(SystemExit) as caught:
        parse([*given, f"--metadata={tmp_path / 'no.json'}"])
    assert caught.value.code == 2
    monkeypatch.setattr(autograder, "CONTAINER", tmp_path)
    assert parse(given).metadata == tmp_path / "submission_metadata.json"


def test_package_names_its_homework(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file HOMEWORK beside the rooms is the default homework."""
    monkeypatch.setattr(autograder, "CONTAINER", tmp_path)
    monkeypatch.setattr(autograder, "HERE", tmp_path / "graders")
    (tmp_path / "HOMEWORK").write_text("core\n")
    assert parse([]).homework == "core"


def test_package_names_an_instructors_homework(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The path in HOMEWORK starts at the package, wherever the run starts."""
    monkeypatch.setattr(autograder, "CONTAINER", tmp_path)
    monkeypatch.setattr(autograder, "HERE", tmp_path / "graders")
    (tmp_path / "HOMEWORK").write_text("homework/week3.toml\n")
    assert parse([]).homework == str(tmp_path / "homework" / "week3.toml")


def test_a_second_run_tells_the_same(tmp_path: Path) -> None:
    """Protects students from luck: the same files get the same file, byte for byte, apart from times."""
    files = []
    for name in ("one", "two"):  # copied anew: neither the folder's name nor times count
        submission = tmp_path / name / "submission"
        submission.mkdir(parents=True)
        text = (ROOT / "examples/first_attention/solution/attend.py").read_text(encoding="utf-8")
        (submission / "attend.py").write_text(text.replace(" / math.sqrt(q.shape[-1])", ""), encoding="utf-8")
        path = tmp_path / name / "results.json"
        homework = ROOT / "examples/first_attention/first_attention.toml"
        assert main([f"--homework={homework}", f"--submission={submission}", f"--results={path}"]) == 0
        results = read(path)
        results.execution_time = None
        assert set(results.extra_data.pop("seconds")) == set(results.extra_data["checks"])
        files.append(results.model_dump_json())
    assert files[0] == files[1]
    assert '"misconceptions":{"attention":"unscaled"}' in files[0]
