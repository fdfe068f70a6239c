"""`headmaster regrade`: whose score changes, and why; nothing is overwritten."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gradescope import regrade
from gradescope.regrade import main
from gradescope.results import read
from sandbox.launch import Zygote

from .conftest import RIGHT, WRONG, MakeEarlier


@pytest.fixture
def _in_this_process(monkeypatch: pytest.MonkeyPatch, earlier_zygote: Zygote) -> None:
    """Start no processes."""
    monkeypatch.setattr(regrade, "pool", lambda n_jobs, n_processes: ThreadPoolExecutor(1))
    monkeypatch.setattr(regrade, "zygote", lambda: earlier_zygote)


def edit(path: Path, change: Callable[[Any], None]) -> None:
    """Change a JSON file."""
    table = json.loads(path.read_text(encoding="utf-8"))
    change(table)
    path.write_text(json.dumps(table), encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    """All files by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def a_grader_was_wrong(table: Any) -> None:
    """As if a check had refused a right submission."""
    table["extra_data"]["checks"]["mask.is_boolean"]["outcome"] = "failed"
    table["tests"][0]["score"] = 10.0


@pytest.mark.usefixtures("_in_this_process")
def test_whose_score_changes(
    make_earlier: MakeEarlier, masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those whose score changes are listed with the item and the check; the others, and what fails, are counted."""
    folder, out = tmp_path / "earlier", tmp_path / "new"
    edit(make_earlier(folder / "anna", RIGHT), a_grader_was_wrong)
    make_earlier(folder / "cleo", RIGHT, first=1)
    (folder / "cleo" / "submission" / "mask.py").write_text(WRONG, encoding="utf-8")
    before = contents(folder)
    table = tmp_path / "changes.json"
    given = [str(folder), f"--homework={masks}", "--compare", f"--json={table}", f"--out={out}"]
    assert main(given) == 1
    assert contents(folder) == before
    printed = " ".join(capsys.readouterr().out.split())
    assert "anna all 10 11" in printed
    assert "1 10 11 mask.is_boolean: failed → passed" in printed
    assert "cleo is not judged again: " in printed
    assert "2 submissions: 1 with another score, 0 with the same, 1 not judged again." in printed
    anna, cleo = json.loads(table.read_text(encoding="utf-8"))
    assert (anna["before"], anna["after"], anna["problem"]) == (10.0, 11.0, "")
    assert anna["scores"] == [{"number": "1", "before": 10.0, "after": 11.0}]
    assert anna["checks"] == [{"check": "mask.is_boolean", "number": "1", "before": "failed", "after": "passed"}]
    assert "is not what was graded then" in cleo["problem"]
    assert sorted(contents(out)) == ["anna/results.json"]
    again = read(out / "anna" / "results.json")
    assert again.score == 11.0
    old = json.loads(before["anna/results.json"])["extra_data"]
    assert again.extra_data["record"]["seeds"] == old["record"]["seeds"]
    assert again.extra_data["digest"] == old["digest"]


@pytest.mark.usefixtures("_in_this_process")
def test_only_the_points_changed(
    make_earlier: MakeEarlier, masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A score that changes without any verdict is the TOML's doing, and is said to be; the submissions may lie elsewhere."""
    edit(make_earlier(tmp_path / "earlier" / "berta", RIGHT), lambda table: table["tests"][0].update(score=5.0))
    (tmp_path / "handed_in").mkdir()
    (tmp_path / "earlier" / "berta" / "submission").rename(tmp_path / "handed_in" / "berta")
    given = [str(tmp_path / "earlier"), f"--submissions={tmp_path / 'handed_in'}", f"--homework={masks}", "--compare"]
    assert main(given) == 1
    assert "no verdict changed: its points did" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ([], "nothing is asked for: pass --compare, --out DIR or --json FILE"),
        (["--compare", "--processes=0"], "--processes must be 1 or more, found 0"),
        (["--out=FULL"], "is there already and not an empty folder: nothing is overwritten"),
        (["--json=FULL/file"], "expected the name of a new file in a folder that is there"),
        (["--compare"], "holds neither NAME/results.json nor submission_metadata.yml"),
    ],
)
def test_misuse(more: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be done, or would overwrite something, is status 2 before anything is judged."""
    full = tmp_path / "full"
    full.mkdir()
    (full / "file").write_text("kept")
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty"), *(text.replace("FULL", str(full)) for text in more)]) == 2
    assert says in capsys.readouterr().err
    assert (full / "file").read_text() == "kept"


@pytest.mark.slow
def test_side_by_side(
    make_earlier: MakeEarlier, masks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In processes of their own, right and wrong submissions of another secret come out as they were: status 0."""
    make_earlier(tmp_path / "right", RIGHT)
    make_earlier(tmp_path / "wrong", WRONG)
    make_earlier(tmp_path / "empty", "")
    assert main([str(tmp_path), f"--homework={masks}", "--compare", "--processes=2"]) == 0
    assert "3 submissions: 0 with another score, 3 with the same" in capsys.readouterr().out
