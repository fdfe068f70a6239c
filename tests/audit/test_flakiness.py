"""Right submissions at many seeds, and what can be said of the rate at which they are refused."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from mpmath import betainc, mp

from audit import flakiness
from audit.flakiness import Tally, batches, count, main, told, upper_bound
from audit.matrix import Row
from audit.specimens import Specimen

JOBS = [("core", Specimen(name, True, "", Path(name))) for name in "abc"]


def row(name: str, seed: int, rejecting: Sequence[str] = (), faults: Sequence[str] = ()) -> Row:
    """A right submission judged by three checks."""
    specimen = Specimen(name, True, "", Path(name))
    return Row(specimen, seed, ("x.a", "x.b", "x.c"), tuple(rejecting), frozenset(), (), tuple(faults), 1.0)


@pytest.mark.parametrize(
    ("failures", "trials", "bound"),
    [(0, 100, 0.029513), (1, 100, 0.046560), (5, 1000, 0.010484), (0, 1, 0.95), (1, 2, 0.974679)],
)
def test_the_bound_has_its_known_values(failures: int, trials: int, bound: float) -> None:
    """Protects the claim of fairness from a slip in the formula: values of Clopper and Pearson's tables."""
    assert upper_bound(failures, trials) == pytest.approx(bound, abs=1e-6)


@pytest.mark.parametrize("trials", [1, 7, 300, 1_000_000])
def test_without_failures_it_is_the_rule_of_three(trials: int) -> None:
    """Protects the case that matters most, for any number of trials: exactly 1 − 0.05^(1/n)."""
    assert upper_bound(0, trials) == pytest.approx(1 - 0.05 ** (1 / trials), rel=1e-9)


@pytest.mark.parametrize(
    ("failures", "trials", "confidence"), [(3, 40, 0.95), (39, 40, 0.95), (12, 5000, 0.99), (2, 100_000, 0.5)]
)
def test_it_agrees_with_the_beta_distribution(failures: int, trials: int, confidence: float) -> None:
    """Protects the bisection: the bound is the quantile of Beta(k + 1, n − k), by an independent library."""
    with mp.workdps(30):
        below = betainc(failures + 1, trials - failures, 0, upper_bound(failures, trials, confidence), regularized=True)
    assert float(below) == pytest.approx(confidence, abs=1e-7)


def test_all_failures_bound_nothing() -> None:
    """Protects the border: where everything fails, no rate can be excluded."""
    assert upper_bound(5, 5) == 1.0


def test_batches_judge_all_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the meaning of a run that ends early: whole seeds only, each once, every submission at each of them."""
    monkeypatch.setattr(flakiness, "BATCH", 7)
    found = list(batches(JOBS, 5))
    assert [[seed for _, _, seed in batch] for batch in found] == [[1, 1, 1, 2, 2, 2], [3, 3, 3, 4, 4, 4], [5, 5, 5]]
    assert all([job[:2] for job in batch] == JOBS * (len(batch) // 3) for batch in found)


@pytest.mark.parametrize(("seconds", "seeds"), [(0.0, 1), (25.0, 2), (100.0, 10), (1e6, 20)])
def test_as_many_seeds_as_fit(seconds: float, seeds: int) -> None:
    """Protects `--minutes`: at ten seconds a seed, the time is used and not exceeded; one seed is judged in any case."""
    judged: list[object] = []
    for batch in batches(JOBS, 20, seconds, clock=lambda judged=judged: 10.0 * len(judged) / len(JOBS)):
        judged += batch
    assert len(judged) == seeds * len(JOBS)


def test_counts_are_runs_of_checks() -> None:
    """Protects the numbers from being prettier than the truth: advice counts, a wrong name of a mistake is no reject."""
    advised = replace(row("b", 1, ["x.c"]), advising=("x.b",))
    rows = [row("a", 1), advised, row("c", 1, ["x.a"]), row("d", 1, faults=["its feedback names …"])]
    assert count(rows, 1) == Tally(submissions=4, refused=2, checks=12, failed=3, seeds=1)


def test_the_result_is_told() -> None:
    """Protects the text that docs/strength.md quotes: counts, and the bounds of both rates."""
    assert told(Tally(submissions=100, refused=0, checks=1000, failed=5, seeds=50)) == (
        "100 gradings of right submissions at 50 seeds, 1000 runs of checks.\n"
        "False rejects: 5 runs of a check; at 95 % confidence at most 1.0e-02 of them.\n"
        "Refused submissions: 0; at 95 % confidence at most 3.0e-02 of them."
    )


@pytest.mark.parametrize("refuses", [False, True])
def test_the_command(
    refuses: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Protects the exit status and the file: only wheats are judged, a refused one is named and gives status 1."""
    judged = []

    def judge(
        console: object, jobs: list[tuple[str, Specimen, int]], *_: object, **__: object
    ) -> list[tuple[str, Row]]:
        judged.extend(jobs)
        fault = ["x.a refuses it: the mask is wrong"] if refuses else []
        return [(name, row(each.name, seed, fault and ["x.a"], fault)) for name, each, seed in jobs]

    monkeypatch.setattr(flakiness, "with_progress", judge)
    file = tmp_path / "counts.json"
    assert main(["core", "--task", "mask", "--seeds", "2", "--json", str(file)]) == int(refuses)
    assert all(specimen.right and specimen.task == "mask" for _, specimen, _ in judged)
    tally = Tally(**json.loads(file.read_text(encoding="utf-8")))
    assert (tally.seeds, tally.failed) == (2, len(judged) if refuses else 0)
    assert ("the mask is wrong" in capsys.readouterr().out) == refuses


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "there is no homework 'nothing'"),
        (["core", "--task", "mesk"], "core has no task 'mesk'"),
        (["core", "--seeds", "0"], "--seeds must be 1 or more, found 0"),
        (["core", "--task", "mask", "--json", "absent/x.json"], "absent/x.json: expected the name of a file"),
    ],
)
def test_what_cannot_be_done_is_told(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects whoever mistypes: status 2 and a sentence, before anything is judged."""
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_wheats_is_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects against a proof of nothing: without a right submission there is no bound."""
    folder = own.parent / "submissions" / "chaffs" / "mask"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text('"""Wrong.\n\nrejected by: mask.shapes\n"""\n', encoding="utf-8")
    assert main([str(own)]) == 2
    assert "found no right submission" in capsys.readouterr().err
