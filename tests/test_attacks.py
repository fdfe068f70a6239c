"""Hostile submissions of `core`: each is graded like any other, and gets nothing that it is after."""

import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from graders.check import Check
from graders.judge import Judge
from graders.verdict import Verdict
from tests.grounds import KERNEL, Grounds, Problem, grounds, hold
from tests.hostile import ATTACKS, Attack, Prey, attacks, prey
from tests.trials import BUILT, CONTROLS, SHADOWS, Trial, of_file

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's")
LAST_ROW = 81


@pytest.fixture(scope="module")
def where() -> Iterator[Grounds]:
    """The zygote from which all workers of these tests come; that it survives them is one of the tests."""
    with grounds() as where:
        yield where


@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.path.stem)
def test_attack_gets_nothing(attack: Attack, where: Grounds) -> None:
    """Each hostile submission earns what it computes, reaches nothing, and leaves nothing behind."""
    trial = of_file(attack)
    if not trial.means_something:
        pytest.skip(f"only on {attack.machine}")
    if attack.layer in KERNEL and not where.confinement.layers.get(attack.layer):
        pytest.skip(f"this machine does without the layer {attack.layer}")
    assert hold(trial, where) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "attack", [attack for attack in attacks() if attack.naive], ids=lambda attack: attack.path.stem
)
def test_attack_is_real(attack: Attack) -> None:
    """The same files get their way with a grader that runs them in its own process: they are not straw men."""
    if attack.machine and platform.machine() != attack.machine:
        pytest.skip(f"only on {attack.machine}")
    with prey() as laid_out:
        laid_out.hand_in(attack.path, "os.getpid()")
        done = naive(laid_out, attack.naive)
        time_for_daemons = time.monotonic() + 2
        taken = naive_gains(laid_out, done)
        while not taken and time.monotonic() < time_for_daemons:
            time.sleep(0.02)
            taken = naive_gains(laid_out, done)
    assert taken, done.stdout


def naive(laid_out: Prey, how: str) -> subprocess.CompletedProcess[str]:
    """Let the naive grader grade."""
    return subprocess.run(
        [sys.executable, "-B", str(ATTACKS / "naive.py"), str(laid_out.submission), how],
        env={"HOME": str(laid_out.folder), "TOKEN": laid_out.secret, "OMP_NUM_THREADS": "1"},
        cwd=laid_out.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )


def naive_gains(laid_out: Prey, done: subprocess.CompletedProcess[str]) -> set[str]:
    """What an attack has got from the naive grader, which writes its log and its results itself."""
    written = {"results/log", "results/results.json", "results"}
    found = laid_out.taken(done.stdout, lambda path: path not in written)
    results = laid_out.folder / "results"
    if (results.stat().st_mode & 0o777, results.stat().st_uid) != (0o700, os.geteuid()):
        found.add("changed the folder of the results")
    if not (results / "results.json").is_file():
        found.add("replaced the results")
    if laid_out.score() > 0:
        found.add("points")
    if done.returncode == 0:
        found.add("the status of success")
    if done.returncode < 0:
        found.add("the end of the grader")
    return found


@pytest.mark.parametrize("trial", CONTROLS, ids=lambda trial: trial.name)
def test_controls(trial: Trial, where: Grounds) -> None:
    """An honest submission gets its points from both graders and takes nothing; a wrong one gets none."""
    assert hold(trial, where) == []
    with prey() as laid_out:
        trial.hand_in(laid_out, str(os.getpid()))
        done = naive(laid_out, "yes")
        assert naive_gains(laid_out, done) == ({"points", "the status of success"} if trial.earns else set())


@pytest.mark.parametrize("trial", BUILT, ids=lambda trial: trial.name)
def test_odd_files_earn_nothing(trial: Trial, where: Grounds) -> None:
    """What is no plain source file, or not the file asked for, neither earns points nor is it waited for."""
    assert hold(trial, where) == []


def test_shadows_are_never_imported(where: Grounds) -> None:
    """A submission whose files are called like the grader's modules changes nothing: its right answer keeps its points."""
    assert hold(SHADOWS, where) == []


# ------------------------------------------------------------------------------ the trial itself


def test_points_that_were_not_earned_are_seen(where: Grounds) -> None:
    """Protects from a trial that cannot fail: too many points are forged, too few are lost."""
    honest, wrong = CONTROLS
    assert hold(replace(honest, earns=False), where) == [Problem("forged", "20 points instead of 0")]
    assert hold(replace(wrong, earns=True), where) == [Problem("lost", "0 points instead of 20")]


def test_whatever_is_taken_is_seen(where: Grounds, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from a trial that cannot fail: files, results, the judge's own state and processes are looked at."""
    laid, processes, judge = [], [], Judge.judge

    def hand_in(laid_out: Prey, number: str) -> None:
        CONTROLS[1].hand_in(laid_out, number)
        (laid_out.folder / "open" / "more").touch()
        laid.append(laid_out)
        processes.append(subprocess.Popen(["sleep", "60"]))
        monkeypatch.setenv("STOLEN", "1")

    def meddling(self: Judge, check: Check) -> Verdict:
        (laid[0].folder / "results" / "results.json").write_text('{"score": 20}')
        os.kill(os.getpid(), signal.SIGUSR1)
        return judge(self, check)

    monkeypatch.setattr(Judge, "judge", meddling)
    monkeypatch.setattr("tests.grounds.LEAVING_SECONDS", 0.1)
    try:
        found = hold(Trial("thief", "seccomp", False, hand_in, is_file=True), where)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert {problem.what.rpartition(":")[0] or problem.what for problem in found} == {
        *("changed open", "changed open/more", "changed the judge's environment", "touched results.json"),
        *("sent signals to the judge", "neither refused nor through", f"child {processes[0].pid} of the judge"),
    }


# ------------------------------------------------------------------------------ the table


def test_the_table_is_complete() -> None:
    """Each row of the catalogue is tried by a file, built here, or has a reason; and each file stands in its rows."""
    lines = (ATTACKS / "README.md").read_text(encoding="utf-8").splitlines()
    table = {int(found[1]): found[2] for line in lines if (found := re.match(r"\| (\d+) \| (.+) \|$", line))}
    assert sorted(table) == list(range(1, LAST_ROW + 1))
    assert [row for row, cell in table.items() if len(cell.rpartition("| ")[2].strip()) < 5] == []
    missing = [
        (attack.path.stem, row)
        for attack in attacks()
        for row in attack.rows
        if f"`{attack.path.stem}`" not in table[row]
    ]
    assert missing == []
    names = {attack.path.stem for attack in attacks()}
    assert {name for cell in table.values() for name in re.findall(r"`(\w+)`", cell)} - names == set()
    assert len(names) >= 80
