"""The page with the numbers: what it says follows from the measurements, and it is about all tasks."""

import json
from pathlib import Path
from typing import Any

import pytest

from audit.strength import main, together
from graders.homework import available, load

STRENGTH = (Path(__file__).parents[2] / "docs" / "strength.md").read_text(encoding="utf-8")


def check(name: str, kills: int, *sole: str) -> dict[str, Any]:
    return {"id": name, "kills": kills, "sole_killer_of": list(sole)}


def mutant(killed_by: str | None, survives: bool = False, **more: Any) -> dict[str, Any]:
    plain = {"file": "mask.py", "tasks": ["mask"], "name": "L1", "change": "line 3: `a` became `b`", "difference": None}
    return plain | {"killed_by": killed_by, "survives": survives, "explanation": None} | more


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """A folder of small measurements."""
    common: dict[str, Any] = {"seeds": [1, 2], "named": 1, "seconds": 1.0}
    mask = common | {
        "homework": "core",
        "task": "mask",
        "wheats": 3,
        "chaffs": 4,
        "rejected": 4,
        "checks": [check("mask.shapes", 1), check("mask.causal", 4, "mask/triu", "mask/none")],
        "faults": [{"submission": "mask/loop", "seed": 2, "fault": "mask.shapes refuses it"}],
        "wheat_names": ["mask/loop", "mask/tril", "mask/where"],
    }
    jhu = common | {"homework": "jhu_tinygpt", "task": "", "wheats": 5, "chaffs": 9, "rejected": 9, "checks": []}
    audit = {"summary": [mask, jhu | {"faults": [], "wheat_names": []}], "rows": []}
    survivor = mutant(None, True, difference="seed 0: 3 of 4 differ.", explanation="It is a tie.")
    mutants = [*[mutant("mask.causal")] * 3, survivor, mutant(None)]
    weaker = {"mask": {"chaffs": 4, "naive": 2, "described": True, "peer": 3}}
    flakiness = {"submissions": 300, "refused": 0, "checks": 3000, "failed": 0, "seeds": 100}
    for name, data in (("audit", audit), ("mutants", mutants), ("weaker", weaker), ("flakiness", flakiness)):
        (tmp_path / f"{name}.json").write_text(json.dumps(data), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "## The tasks of `core`, at 2 seeds",
        "| mask | 3 | 2 | 4 | 4 | 1 | 2 | 3/4 | 75.0% | 2 | 3 |",
        "| **sum** | 3 | 2 | 4 | 4 | 1 | 2 | 3/4 | 75.0% | 2 |  |",
        "| jhu_tinygpt | 5 | 9 | 9 | 1 | 0 |",
        "5 mutants of the solution of `core`: 3 are killed, 1 count as equivalent, 1 survive. Score: 75.0%.",
        "- `mask.py`, line 3: `a` became `b`. seed 0: 3 of 4 differ. It is a tie.",
        "| mask.causal | 4 | triu, none |",
    ],
)
def test_what_it_says(measured: Path, line: str) -> None:
    """Protects the numbers: a refused wheat is not accepted, equivalent mutants are not counted, sums add up."""
    assert line in main(measured).splitlines()


def test_weaker_graders_and_false_rejects(measured: Path) -> None:
    """Protects the comparison and the bound."""
    text = main(measured)
    assert "accepts 2 of the 4 chaffs (50%)" in text
    assert "accept 3 of 4 in the 1 tasks for which its assertions are described" in text
    # 3 wheats by 2 checks and 5 by none at 2 seeds, and those of the longer run; one wheat was refused
    counted = "316 gradings of right submissions at 102 seeds, 3012 runs of checks. False rejects: 1 runs of a check;"
    assert counted in text
    assert "Refused submissions: 1;" in text


def row(name: str, *rejected_by: str, right: bool = False) -> dict[str, Any]:
    return {"homework": "core", "submission": f"mask/{name}", "right": right, "rejected_by": list(rejected_by)}


def test_pieces_at_other_seeds_count_together() -> None:
    """Protects the sums of an audit in pieces: a kill counts if it happens at every seed, faults of all are kept."""
    summary: dict[str, Any] = {"homework": "core", "task": "mask", "wheats": 1, "chaffs": 2, "seconds": 2.0}
    checks = {"checks": [check("mask.a", 2), check("mask.b", 1)]}
    fault = {"submission": "mask/one", "seed": 2, "fault": "it survives"}
    first = summary | checks | {"seeds": [1], "rejected": 2, "named": 1, "faults": []}
    second = summary | checks | {"seeds": [2, 3], "rejected": 1, "named": 0, "faults": [fault]}
    [merged] = together(
        [
            {"summary": [first], "rows": [row("one", "mask.a"), row("two", "mask.a", "mask.b"), row("w", right=True)]},
            {"summary": [second], "rows": [row("one"), row("two", "mask.b", "mask.a"), row("two", "mask.a")]},
        ]
    )
    assert (merged["seeds"], merged["rejected"], merged["named"], merged["seconds"]) == ([1, 2, 3], 1, 0, 4.0)
    assert merged["checks"] == [check("mask.a", 1, "mask/two"), check("mask.b", 0)]
    assert merged["faults"] == [fault]
    with pytest.raises(ValueError, match="not in every audit"):
        together([{"summary": [first], "rows": []}, {"summary": [], "rows": []}])


def test_a_missing_measurement_is_an_error(measured: Path) -> None:
    """Protects from a page that leaves something out."""
    (measured / "weaker.json").unlink()
    with pytest.raises(OSError):
        main(measured)


def test_the_page_is_about_everything() -> None:
    """Protects the committed page: every task and homework has its line, and no fault is left in it."""
    for task in [task for item in load("core").config.auto_items for task in item.tasks]:
        [line] = [line for line in STRENGTH.splitlines() if line.startswith(f"| {task} | ")]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[1] == cells[2], "every wheat is accepted"
        assert cells[3] == cells[4], "every chaff is rejected"
    for slug in available():
        if slug != "core":
            [line] = [line for line in STRENGTH.splitlines() if line.startswith(f"| {slug} | ")]
            assert line.endswith("| 0 |")
    assert "**Not explained.**" not in STRENGTH
