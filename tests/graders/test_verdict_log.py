"""Verdicts in a file: what one process has judged, the next one of the same run takes over."""

from pathlib import Path

import pytest

from graders.verdict import Misconception, Outcome, Reason, Verdict
from graders.verdict_log import VerdictLog

pytestmark = pytest.mark.torch_free
VERDICTS = {
    "mask.shapes": Verdict(Outcome.PASSED, "Note: accepted", output="printed\n"),
    "mask.agrees": Verdict(
        Outcome.FAILED,
        "wrong ⁇ “quoted”\nsecond line",
        staff="a traceback",
        case="n = 3",
        snippet="import torch\n",
        misconception=Misconception("upper", "It is upside down.", "Look at tril."),
        blocking=True,
    ),
    "rope.norm": Verdict.not_judged(Reason.PREREQUISITE),
}


def written(path: Path, of: str = "core abc") -> VerdictLog:
    progress = VerdictLog(path, of)
    for check, verdict in VERDICTS.items():
        progress.add(check, verdict)
    return progress


def test_everything_comes_back(tmp_path: Path) -> None:
    """Protects the verdicts: each field of each comes back as it was."""
    written(tmp_path / "progress")
    assert VerdictLog(tmp_path / "progress", "core abc").verdicts == VERDICTS


def test_of_another_run_nothing_is_taken(tmp_path: Path) -> None:
    """Protects the grade: verdicts on another submission, or another homework, are nobody's."""
    written(tmp_path / "progress", "core abc")
    other = VerdictLog(tmp_path / "progress", "core abd")
    assert other.verdicts == {}
    other.add("mask.shapes", VERDICTS["mask.shapes"])
    assert list(VerdictLog(tmp_path / "progress", "core abd").verdicts) == ["mask.shapes"]


def test_wherever_it_is_cut_the_rest_is_there(tmp_path: Path) -> None:
    """Protects from a death in the middle of a line: all whole lines count, and what follows is not spoilt."""
    written(tmp_path / "whole")
    data = (tmp_path / "whole").read_bytes()
    path = tmp_path / "cut"
    for length in range(0, len(data), 7):
        path.write_bytes(data[:length])
        found = VerdictLog(path, "core abc")
        whole = max(0, data[:length].count(b"\n") - 1)
        names = list(VERDICTS)[:whole]
        # the last line may be whole but for its end
        assert list(found.verdicts)[:whole] == names
        assert all(found.verdicts[name] == VERDICTS[name] for name in found.verdicts)
        found.add("last", VERDICTS["rope.norm"])
        assert VerdictLog(path, "core abc").verdicts["last"] == VERDICTS["rope.norm"]


@pytest.mark.parametrize("text", ["", "{}", "null\n[]\n", '"core abc"\n[1, 2]\n{"a": 1}\nnonsense\n["x", {}]\n'])
def test_nonsense_is_nothing(tmp_path: Path, text: str) -> None:
    """Protects the start: a file that is no such file is as good as none."""
    (tmp_path / "progress").write_text(text)
    assert VerdictLog(tmp_path / "progress", "core abc").verdicts == {}


def test_a_lost_file_costs_nothing(tmp_path: Path) -> None:
    """Protects the run: where nothing can be written down, it goes on."""
    progress = VerdictLog(tmp_path / "progress", "core abc")
    (tmp_path / "progress").unlink()
    progress.add("mask.shapes", VERDICTS["mask.shapes"])
    assert not (tmp_path / "progress").exists()
