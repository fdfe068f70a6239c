"""The command that tries the checks of CUDA on submissions of known worth: all of it but the GPU, which nobody here has."""

from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import cuda, page
from benchmarks.cuda import NO_VERDICT, PART, SUBJECTS, main, report, tables

BY_NAME = {subject.name: subject for subject in SUBJECTS}
ROW = {"submission": "the solution", "speed": "passes.", "precision": "passes.", "as deserved": True}
FOUND = {"command": "make cuda", "date": "2026-11-26", "device": "a GPU", "torch": "2.13.0", "rows": [ROW]}


def test_the_page_has_its_part() -> None:
    """Protects docs/timing.md: the marks are there between which the command writes; no text can break the table."""
    again = page.written(page.PAGE.read_text(encoding="utf-8"), PART, tables(FOUND))
    assert "| the solution | passes. | passes. | yes |" in again
    failed = tables(FOUND | {"rows": [ROW | {"speed": "a | b", "as deserved": False}]})
    assert "| the solution | a \\| b | passes. | **no** |" in failed


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_submissions_are_programs(subject: cuda.Subject) -> None:
    """Protects the rows: each differs from the solution in what its name says, and is Python."""
    compile(subject.source, subject.name, "exec")
    assert [other for other in SUBJECTS if other.source == subject.source] == [subject]


def test_what_is_not_deserved_is_seen() -> None:
    """Protects the exit status: on a GPU, a slow one that is not judged, or a coarse one that passes, is a fault."""
    slow, coarse = BY_NAME["twenty times the work"], BY_NAME["computed in bfloat16"]
    assert slow.deserves("fails: This takes longer than allowed.", "passes.", "cuda")
    assert not slow.deserves(f"{NO_VERDICT}: too busy", "passes.", "cuda")
    assert slow.deserves(f"{NO_VERDICT}: too busy", "passes.", "cpu")
    assert not slow.deserves("passes.", "passes.", "cpu")
    assert coarse.deserves(f"{NO_VERDICT}: wrong", "fails: … are those of bfloat16, not", "cuda")
    assert not coarse.deserves(f"{NO_VERDICT}: wrong", "passes.", "cuda")


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from a table of nothing: what was found, what is needed, what to do."""
    monkeypatch.setattr(cuda, "has_cuda", lambda: False)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert "found no CUDA device: torch" in message
    assert "Run this on a machine with a GPU, or with --device cpu" in message


def test_the_road_without_a_gpu() -> None:
    """Protects the command: workers are asked, coarse formats are named, and the template is not timed."""
    subjects = [BY_NAME[name] for name in ("the template", "computed in bfloat16", "TF32 switched on")]
    found = report(subjects, "cpu", 1, Console(stderr=True, quiet=True))
    assert [row["submission"] for row in found["rows"]] == ["the template", "computed in bfloat16"]
    assert all(row["as deserved"] for row in found["rows"])
    assert found["rows"][0]["speed"].startswith(NO_VERDICT)
    assert "those of bfloat16" in found["rows"][1]["precision"]


def test_its_exit_status_and_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects whoever lets a machine run it: 1 = something got what it does not deserve."""
    monkeypatch.setattr(cuda, "report", lambda *_: FOUND)
    kept = tmp_path / "cuda.json"
    assert main(["--device", "cpu", "--out", str(kept)]) == 0
    kept.write_text(kept.read_text().replace("true", "false"))
    assert main(["--from", str(kept)]) == 1
