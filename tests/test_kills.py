"""Nothing is lost: workers killed at every frame boundary, the judge at enumerated points; results.json stays valid."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from graders.homework import load
from graders.judge import Judge
from graders.plugin import HERE, hardened_command
from graders.verdict import Outcome
from gradescope.blank import blank
from gradescope.plugin import Reporter
from gradescope.results import Results, read, write
from gradescope.supervisor import Budget, Ended, Supervisor
from sandbox.channel import Channel
from sandbox.launch import Zygote
from sandbox.self_test import Confinement
from tests.killer import POINTS

ROOT = HERE.parent
RUN = ("mask.interface", "mask.is_boolean", "span_corruption.y_is_x_shifted")


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """One zygote for all runs."""
    with Zygote() as zygote:
        yield zygote


class Boundaries:
    """Counts the boundaries between frames, and kills the worker at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = 0
        self.deadly = -1
        self.killed_before = ""
        for name in ("_send", "_reply"):
            monkeypatch.setattr(Channel, name, self._counting(name, getattr(Channel, name)))

    def _counting(self, name, original):
        def counting(channel: Channel, *args):
            if self.passed == self.deadly:
                os.kill(channel.pid, signal.SIGKILL)
                self.killed_before = name
            self.passed += 1
            return original(channel, *args)

        return counting


def run(zygote: Zygote, results: Path) -> Judge:
    """Judge a few checks of the reference, writing results.json as a real run does."""
    reporter = Reporter(results)
    with Judge(load("core"), ROOT / "reference", zygote) as judge:
        reporter.pytest_headmaster_begin(judge, Confinement({}, {}, 0, ""))
        for check in judge.checks:
            if check.id in RUN:
                verdict = judge.judge(check)
                reporter.pytest_headmaster_judged(judge, check, verdict)
        reporter.pytest_headmaster_end(judge, 1.0)
    return judge


def test_worker_killed_at_every_frame_boundary(zygote: Zygote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies ends its own check only: the verdicts before and after it stand, the file is valid."""
    results = tmp_path / "results.json"
    boundaries = Boundaries(monkeypatch)
    judge = run(zygote, results)
    assert {Outcome.PASSED} == {judge.verdicts[name].outcome for name in RUN}
    full, n_boundaries = read(results), boundaries.passed
    assert n_boundaries > 40
    wrong = []
    for boundary in range(n_boundaries):
        boundaries.passed, boundaries.deadly = 0, boundary
        judge = run(zygote, results)
        found = read(results)
        outcomes = [judge.verdicts[name].outcome for name in RUN]
        lost = [name for name, outcome in zip(RUN, outcomes, strict=True) if outcome is Outcome.FAILED]
        blocked = [name for name, outcome in zip(RUN, outcomes, strict=True) if outcome is Outcome.NOT_JUDGED]
        expected_blocked = [name for name in RUN[1:2] if "mask.interface" in lost]
        told = found.extra_data["checks"]
        stated = [told[name]["outcome"] for name in RUN] == [outcome.value for outcome in outcomes]
        # a worker that is killed after the request may have answered it before it died
        n_lost = {0, 1} if boundaries.killed_before == "_reply" else {1}
        if len(lost) not in n_lost or (blocked, stated, found.max_score) != (expected_blocked, True, full.max_score):
            wrong.append((boundary, lost, blocked))
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_judge_killed(point: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever the judge dies, results.json is valid and holds every verdict so far; the next judge judges the others."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # a killed judge leaves its snapshot behind
    results = tmp_path / "results.json"
    write(blank("core", "The grading has begun."), results)
    after_death: list[Results] = []

    def command(seconds: float) -> list[str]:
        whole = hardened_command(
            [
                *(str(HERE), "-q", "--homework=core", f"--submission={ROOT / 'reference'}", f"--results={results}"),
                *(f"--progress={tmp_path / 'progress'}", f"--seconds={seconds}"),
                *("-k", "test_mask and (interface or causal_agrees or is_boolean or no_future_key)"),
            ]
        )
        if (tmp_path / "started").exists():
            after_death.append(read(results))
            return whole
        (tmp_path / "started").touch()
        arguments = whole[whole.index("pytest") + 1 :]
        return [sys.executable, "-I", str(Path(__file__).parent / "killer.py"), point, *arguments]

    ended = Supervisor(command, lambda: False, Budget(200, 210, 220)).run()
    assert ended == Ended(0, 2, "")
    [found] = after_death
    assert POINTS[point] == _passed(found)
    assert found.extra_data["finished"] is False
    numbers = [*(str(n) for n in range(1, 16)), "speed", "training"]
    assert (found.max_score, [test.number for test in found.tests]) == (250.0, numbers)
    assert _passed(read(results)) == 4
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".json"] == ["results.json"]


def _passed(results: Results) -> int:
    outcomes = [facts["outcome"] for facts in results.extra_data.get("checks", {}).values()]
    return outcomes.count("passed")
