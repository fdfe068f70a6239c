"""results.json: what the model takes, and how the file is replaced."""

import json
import math
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gradescope.results import MAX_TEXT, Results, TestEntry, read, write

pytestmark = pytest.mark.torch_free

# the documented fields (gradescope-autograders.readthedocs.io)
DOCUMENTED = {
    *("score", "execution_time", "output", "output_format", "test_output_format", "test_name_format", "visibility"),
    *("stdout_visibility", "extra_data", "tests", "leaderboard"),
}
DOCUMENTED_OF_A_TEST = {
    *("score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags", "visibility"),
    "extra_data",
}


def entry(**facts: Any) -> TestEntry:
    """One entry, with some of its fields replaced."""
    usual = {"name": "Masks", "number": "2", "score": 1.5, "max_score": 4, "status": "failed"}
    return TestEntry.model_validate(usual | facts)


def results(**facts: Any) -> Results:
    """A file with two entries."""
    usual = {"tests": [entry(), entry(number="3", score=0.25)], "output": "Fix first: ⁇ □ √d"}
    return Results.model_validate(usual | facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"colour": "red"},
        {"score": math.nan},
        {"score": math.inf},
        {"max_score": -0.01},
        {"score": -1},
        {"score": None},
        {"number": 2},
        {"status": "ok"},
        {"visibility": "secret"},
        {"output_format": "markdown"},
        {"name": "a" * (MAX_TEXT + 1)},
        {"output": "a" * (MAX_TEXT + 1)},
        {"output": "half a pair \ud800"},
        {"tags": [1]},
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_entry_refuses(facts: dict[str, Any]) -> None:
    """What Gradescope does not document, or could not read, never gets into an entry."""
    with pytest.raises(ValidationError):
        entry(**facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"max_score": 10},
        {"score": -1},
        {"score": math.nan},
        {"leaderboard": [{"name": "Points", "value": 1, "sort_order": "asc"}]},
        {"leaderboard": [{"name": "Points", "value": 1, "order": "up"}]},
        {"execution_time": -1},
        {"execution_time": math.nan},
        {"stdout_visibility": "staff"},
        {"output": "a" * (MAX_TEXT + 1)},
        {"tests": None},
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_file_refuses(facts: dict[str, Any]) -> None:
    """Neither does it get into the file."""
    with pytest.raises(ValidationError):
        results(**facts)


def test_sums() -> None:
    """Score and greatest score are sums over the entries, without binary dust."""
    three = results(tests=[entry(score=0.1, max_score=0.3) for _ in range(3)])
    assert (three.score, three.max_score) == (0.3, 0.9)


def test_a_kept_score_is_the_top_level_score(tmp_path: Path) -> None:
    """Gradescope's key is `score`; it overrides the sum of the tests, here as there, and survives a reading."""
    kept = results(kept_score=7.25, leaderboard=[{"name": "Seconds", "value": 2.5, "order": "asc"}])
    assert (kept.score, kept.max_score) == (7.25, 8.0)
    write(kept, tmp_path / "results.json")
    raw = json.loads((tmp_path / "results.json").read_bytes())
    assert (raw["score"], raw["leaderboard"]) == (7.25, [{"name": "Seconds", "value": 2.5, "order": "asc"}])
    assert set(raw) - DOCUMENTED == set()
    assert kept == read(tmp_path / "results.json")


def test_round_trip(tmp_path: Path) -> None:
    """What is read equals what was written, text outside of ASCII and staff data included."""
    written = results(execution_time=1.25, extra_data={"seconds": {"mask.shapes": 0.5}, "finished": True})
    write(written, tmp_path / "results.json")
    assert written == read(tmp_path / "results.json")


def test_only_documented_fields_are_written(tmp_path: Path) -> None:
    """The file holds strict JSON in UTF-8 with documented fields only, and leaves out what is not set."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    path = tmp_path / "results.json"
    write(results(extra_data={"ratio": math.nan}), path)
    raw = json.loads(path.read_bytes().decode("utf-8"), parse_constant=refuse)
    assert set(raw) - DOCUMENTED == set()
    assert {"score", "execution_time", "leaderboard"} & set(raw) == set()
    for test in raw["tests"]:
        assert set(test) - DOCUMENTED_OF_A_TEST == set()
        assert {"tags", "extra_data"} & set(test) == set()
        assert type(test["number"]) is str


def test_file_is_readable_by_all_whatever_the_umask(tmp_path: Path) -> None:
    """Gradescope's harness reads the file as another process: its mode is 644, and nothing else lies beside it."""
    before = os.umask(0o077)
    try:
        write(results(), tmp_path / "results.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "results.json").stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["results.json"]


def test_folder_is_made(tmp_path: Path) -> None:
    """The results folder need not exist."""
    write(results(), tmp_path / "a" / "b" / "results.json")
    assert results() == read(tmp_path / "a" / "b" / "results.json")


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize("step", ["replace", "fsync", "chmod"])
def test_failed_write_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    """A write that ends early, at any step, leaves the old file as it was and no temporary file."""
    path = tmp_path / "results.json"
    write(results(), path)
    before = path.read_bytes()

    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(error)):
        write(results(output="newer"), path)
    assert before == path.read_bytes()
    assert os.listdir(tmp_path) == ["results.json"]


def test_process_killed_before_the_rename(tmp_path: Path) -> None:
    """A process that dies between writing and renaming leaves the old file, complete; the new one was complete too."""
    path = tmp_path / "results.json"
    write(results(), path)
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from gradescope.results import Results, write\n"
        "os.replace = lambda *args: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write(Results(tests=[], output='newer'), Path(sys.argv[1]))\n"
    )
    root = Path(__file__).resolve().parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=root, timeout=60, check=False)
    assert done.returncode == -9
    assert results() == read(path)
    [temporary] = [name for name in os.listdir(tmp_path) if name != "results.json"]
    assert Results(tests=[], output="newer") == read(tmp_path / temporary)


def test_writes_replace_each_other(tmp_path: Path) -> None:
    """The last write wins, and a hundred of them leave one file."""
    path = tmp_path / "results.json"
    for i in range(100):
        write(results(output=str(i)), path)
    assert read(path).output == "99"
    assert os.listdir(tmp_path) == ["results.json"]
