"""Judging once more: recorded seeds are taken, and differences are found whatever came or went."""

from pathlib import Path

import pytest

from graders.homework import load
from gradescope.again import CheckChange, ScoreChange, changed_checks, changed_scores, open_judge
from gradescope.earlier import Earlier, EarlierError, Facts, read_earlier
from gradescope.results import Results, TestEntry, read
from sandbox.launch import Zygote

from .conftest import RIGHT, MakeEarlier


def test_recorded_seeds_are_taken(
    make_earlier: MakeEarlier, masks: Path, tmp_path: Path, earlier_zygote: Zygote
) -> None:
    """Each recorded check gets its recorded seed, a new one a seed of its own; the new record says where they are from."""
    earlier = read_earlier(make_earlier(tmp_path, RIGHT, secret="unknown here", first=2))
    recorded = earlier.extra_data.record.seed_numbers()
    submission = tmp_path / "submission"
    with open_judge(earlier, load(str(masks)), str(masks), submission, earlier_zygote, False) as judge:
        seeds = {check.id: judge.seed_of(check) for check in judge.checks}
        assert judge.derivation == "recorded by an earlier run"
        assert judge.confinement is not None
    assert len(recorded) == 2
    assert {name: seeds[name] for name in recorded} == recorded
    assert len(set(seeds.values())) == len(seeds)


def test_other_files_leave_nothing_behind(
    make_earlier: MakeEarlier, masks: Path, tmp_path: Path, earlier_zygote: Zygote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the disk: where the digests differ, the snapshot is removed."""
    earlier = read_earlier(make_earlier(tmp_path / "run", RIGHT, first=1))
    (tmp_path / "other").mkdir()
    (tmp_path / "snapshots").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "snapshots"))
    with pytest.raises(EarlierError, match="is not what was graded then"):
        open_judge(earlier, load(str(masks)), str(masks), tmp_path / "other", earlier_zygote, True)
    assert list((tmp_path / "snapshots").iterdir()) == []


def made(checks: dict[str, dict[str, str]], **points: float) -> Results:
    """Results with these checks and these items."""
    entries = [
        TestEntry(name="An item", number=number.removeprefix("n"), score=score, max_score=9, status="failed")
        for number, score in points.items()
    ]
    return Results(tests=entries, extra_data={"checks": checks})


def test_changed_checks(masks: Path) -> None:
    """Outcome, reason and misconception count; what came and what went is named; the same is left out."""
    before = {
        "mask.same": Facts(outcome="passed"),
        "mask.gone": Facts(outcome="passed"),
        "mask.fixed": Facts(outcome="failed", misconception="no_future"),
        "mask.late": Facts(outcome="not judged", reason="budget"),
        "mask.named": Facts(outcome="failed"),
    }
    now = made(
        {
            "mask.same": {"outcome": "passed", "staff": "a remark"},
            "mask.fixed": {"outcome": "passed"},
            "mask.late": {"outcome": "passed"},
            "mask.named": {"outcome": "failed", "misconception": "swapped"},
            "mask.new": {"outcome": "failed"},
        }
    )
    homework = load(str(masks))
    assert changed_checks(homework, before, now) == [
        CheckChange("mask.gone", "1", "passed", "not there"),
        CheckChange("mask.fixed", "1", "failed (no future)", "passed"),
        CheckChange("mask.late", "1", "not judged (budget)", "passed"),
        CheckChange("mask.named", "1", "failed", "failed (swapped)"),
        CheckChange("mask.new", "1", "not there", "failed"),
    ]
    assert changed_checks(homework, before, now, ["mask.named"]) == []
    assert [change.check for change in changed_checks(homework, before, now, ["mask.late"])] == ["mask.late"]


def test_changed_scores(make_earlier: MakeEarlier, tmp_path: Path) -> None:
    """Items are compared by number; None stands for one that was or is not there."""
    earlier: Earlier = read_earlier(make_earlier(tmp_path, RIGHT, first=1))
    assert changed_scores(earlier, read(tmp_path / "results.json")) == []
    assert changed_scores(earlier, made({}, n1=2.5, n2=0)) == [ScoreChange("1", 0.0, 2.5), ScoreChange("2", None, 0.0)]
    assert changed_scores(earlier, made({})) == [ScoreChange("1", 0.0, None)]
