"""The measurement of docs/timing.md, and the page that it writes."""

from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import timing_power
from benchmarks.timing_power import BEGIN, END, PAGE, SUBJECTS, main, outcome_of, report, tables, times, written
from graders.verdict import Outcome, Reason, Verdict

FOUND = {
    "command": "make timing N=3",
    "date": "2026-11-26",
    "device": "2 cores",
    "python": "3.11.7",
    "gate": 2.0,
    "power": [
        {
            "check": "attention_is_fast",
            "submission": "identical code",
            "load": "none",
            "gradings": 3,
            "said": {"fast enough": 1, "cannot tell": 1, "it raised": 1},
            "seconds": 0.3,
        }
    ],
    "references": [{"homework": "core", "check": "timing.rope_is_fast", "milliseconds": {"256": 0.51}}],
}


def test_the_page_has_what_is_generated() -> None:
    """Protects docs/timing.md: its marks are there, and writing it again with other figures changes only what lies between."""
    page = PAGE.read_text(encoding="utf-8")
    again = written(page, FOUND)
    assert page.partition(BEGIN)[0] == again.partition(BEGIN)[0]
    assert page.partition(END)[2] == again.partition(END)[2]
    assert written(again, FOUND) == again
    assert "| core | timing.rope_is_fast | 256: 0.51 |" in again


def test_a_page_without_marks_is_refused() -> None:
    """Protects the page from being written over."""
    with pytest.raises(ValueError, match="needs the lines"):
        written("# Time\n", FOUND)


def test_every_outcome_is_counted() -> None:
    """Protects honesty: what is none of the three outcomes stands in a column of its own."""
    assert "| attention_is_fast | identical code | none | 3 | 1 | 1 | 0 | 1 | 0.30 |" in tables(FOUND)
    assert outcome_of(Verdict(Outcome.PASSED)) == "fast enough"
    assert outcome_of(Verdict.not_judged(Reason.INCONCLUSIVE)) == "cannot tell"
    assert outcome_of(Verdict(Outcome.FAILED, "7 times the reference's; allowed is 2")) == "too slow"
    assert outcome_of(Verdict(Outcome.FAILED, "something else")) == "something else"


@pytest.mark.parametrize("factor", [1.2, 1.5, 2, 3, 5])
def test_submissions_do_what_their_names_say(factor: float) -> None:
    """Protects the power curve: the queries that are attended to, counted, are `factor` times as many."""
    space: dict[str, object] = {}
    exec(times(factor), space)
    torch = pytest.importorskip("torch")
    counted, original = [], torch.softmax

    def softmax(scores, *args, **kwargs):  # type: ignore[no-untyped-def]
        counted.append(scores.shape[-2])
        return original(scores, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "softmax", softmax)
        space["attention"](*(torch.zeros(2, 100, 4) for _ in range(3)))  # type: ignore[operator]
    assert sum(counted) == factor * 100


@pytest.mark.slow
def test_it_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the command: every row is there, identical code is never too slow, five times the work never fast enough."""
    found = report(2, Console(stderr=True))
    assert len(found["power"]) == 2 * len(SUBJECTS)
    for row in found["power"]:
        assert set(row["said"]) <= {"fast enough", "cannot tell", "too slow"}
        if row["submission"] == "identical code":
            assert "too slow" not in row["said"]
        if row["submission"].startswith("5"):
            assert "fast enough" not in row["said"]
    assert {row["check"] for row in found["references"] if row["homework"] == "cmu_birthplaces"} == {
        "timing.multi_head_scales_with_tokens",
        "timing.rope_scales_with_tokens",
    }
    page, kept = tmp_path / "timing.md", tmp_path / "timing.json"
    page.write_text(f"# Time\n\n{BEGIN}\n{END}\n", encoding="utf-8")
    monkeypatch.setattr(timing_power, "PAGE", page)
    monkeypatch.setattr(timing_power, "report", lambda n, console: found)
    assert main(["--n", "2", "--out", str(kept), "--page"]) == 0
    assert main(["--from", str(kept), "--page"]) == 0
    assert tables(found) in page.read_text(encoding="utf-8")
