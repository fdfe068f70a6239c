"""What becomes of mutants: killed, equivalent, surviving; and that survivors are explained or fail the audit."""

import argparse
from pathlib import Path

import pytest
from rich.console import Console

from audit import mutants
from audit.command import parser
from audit.mutants import EXPLAINED, Fate, as_json, fates, scores, solution_files
from audit.mutation import Mutant
from audit.specimens import SpecimenError
from graders.homework import load

ROOT = Path(__file__).parents[2]
ONE = Mutant("L1-dim-0", 3, "line 3: `-1` became `0` in `softmax(x, -1)`", "x = 1\n")


def fate(killed_by: str = "", difference: str = "", *, decided: bool = True) -> Fate:
    return Fate("mask.py", ONE, ("mask",), killed_by, difference, decided)


@pytest.mark.parametrize(
    ("what", "survives"),
    [
        (fate("mask.shapes"), False),
        (fate("mask.shapes", "it differs"), False),
        (fate("", "it differs"), True),
        (fate(), False),  # equivalent
        (fate(decided=False), True),  # nobody can say that it is
    ],
)
def test_what_survives(what: Fate, survives: bool) -> None:
    """Protects the score: only what no check rejects and the oracle, or nobody, can tell from the solution."""
    assert what.survives is survives


def test_scores() -> None:
    """Protects the arithmetic: equivalent mutants are in neither number."""
    [score] = scores([fate("mask.shapes"), fate("mask.shapes"), fate("mask.shapes"), fate("", "it differs"), fate()])
    assert (score.killed, score.equivalent, len(score.survivors), score.share) == (3, 1, 1, 0.75)
    assert score.title == "mask.py (mask)"
    assert scores([fate()])[0].share == 1.0


def test_explanations_are_found_by_the_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects explanations from edits of the solution: the line's number is no part of the key."""
    file = tmp_path / "survivors.toml"
    file.write_text('["mask.py"]\n"`-1` became `0` in `softmax(x, -1)`" = "It is right."\n', encoding="utf-8")
    monkeypatch.setattr(mutants, "EXPLAINED", file)
    assert fate("", "it differs").explanation == "It is right."
    [plain] = as_json([fate("", "it differs")])
    assert (plain["survives"], plain["explanation"], plain["killed_by"]) == (True, "It is right.", None)


def test_explanations_are_sentences() -> None:
    """Protects from excuses: each explanation is a sentence, for a file that is mutated."""
    assert EXPLAINED.is_file()
    files = {file for file, _ in solution_files("core", load("core"))}
    for file, entries in mutants._explanations().items():
        assert file in files
        assert [why for why in entries.values() if len(why) < 30 or not why.endswith(".")] == []


def test_which_files_are_mutated() -> None:
    """Protects the tasks: a file that two tasks share is mutated once, and both must notice."""
    core = load("core")
    assert ("loss.py", ("loss", "perplexity")) in solution_files("core", core)
    assert solution_files("core", core, "perplexity") == [("loss.py", ("loss", "perplexity"))]
    assert [file for file, _ in solution_files("cmu_birthplaces", load("cmu_birthplaces"))]


@pytest.mark.parametrize(
    ("name", "task", "says"),
    [
        ("core", "losses", "core has no task 'losses'; it has: attention, "),
        ("jhu_tinygpt", "", "jhu_tinygpt has no solution made of Python files: there is nothing to mutate"),
    ],
)
def test_what_cannot_be_mutated(name: str, task: str, says: str) -> None:
    """Bad input is answered with what was found, and what there is."""
    with pytest.raises(SpecimenError) as caught:
        solution_files(name, load(name), task)
    assert says in str(caught.value)


@pytest.mark.slow
def test_the_mutants_of_one_task(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the whole way, with pool, checks and oracle: the masks' mutants are killed or equivalent."""
    found = fates("core", solution_files("core", load("core"), "mask"), seed=1, n_processes=1)
    [score] = scores(found)
    assert len(score.fates) >= 20
    assert score.survivors == ()
    assert score.equivalent < 3
    options: argparse.Namespace = parser().parse_args(["core", "--task", "mask", "--mutate", "--processes", "1"])
    options.json = tmp_path / "mutants.json"
    assert mutants.main(options, Console()) == 0
    assert "mask.py (mask)" in capsys.readouterr().out
    assert options.json.is_file()
