"""Lanes: the same verdicts as without, whatever becomes of them, and nothing left behind."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from graders.catalogue import all_checks
from graders.check import Check
from graders.judge import Judge
from graders.lanes import ALONE, FIRST
from graders.verdict import Outcome, Reason, Verdict
from sandbox.errors import SandboxError
from sandbox.launch import Zygote

CORE = Path(__file__).parents[2] / "reference"
CHAFFS = Path(__file__).parents[1] / "chaffs"
TASKS = ("mask", "rope", "layer_norm", "timing")
MakeJudge = Callable[..., Judge]


def some(judge: Judge, *tasks: str) -> Judge:
    """The same judge with the checks of some tasks."""
    judge.checks = [check for check in judge.checks if check.task in tasks]
    return judge


def plain(verdicts: dict[str, Verdict]) -> dict[str, Verdict]:
    """Without those of time, whose figures differ from run to run."""
    return {name: verdict for name, verdict in verdicts.items() if not name.startswith("timing.")}


def pids(judge: Judge) -> list[int]:
    """The processes of the lanes."""
    assert judge._lanes is not None
    return list(judge._lanes._pids.values())


@pytest.mark.parametrize("lanes", [1, 2, 7])
def test_the_same_verdicts(lanes: int, judge: MakeJudge, hand_in: Callable[..., Path]) -> None:
    """Protects "same submission, same seed, same verdict" from the number of processors, messages and names included."""
    files = {path.name: path.read_text() for path in CORE.glob("*.py")}
    files["rope.py"] = (CHAFFS / "rope" / "half_split_pairs.py").read_text()
    files["mask.py"] = "import nothing_of_this_name\n"
    folder = hand_in(files)
    alone, ahead = (some(judge(folder, seed=3), *TASKS) for _ in range(2))
    ahead.judge_ahead(lanes)
    told: list[str] = []
    assert plain(ahead.judge_all(lambda check, verdict: told.append(check.id))) == plain(alone.judge_all())
    assert told == [check.id for check in ahead.checks]
    assert ahead.misconceptions == alone.misconceptions
    assert ahead.misconceptions["rope"] is not None
    assert set(ahead.seconds) == set(ahead.verdicts)
    assert any(verdict.outcome is Outcome.FAILED for verdict in ahead.verdicts.values())
    assert any(verdict.reason is Reason.PREREQUISITE for verdict in ahead.verdicts.values())


@pytest.mark.parametrize("which", [slice(0, 1), slice(0, 2)])
def test_a_lane_that_dies(which: slice, judge: MakeJudge) -> None:
    """Protects a run from the kernel's killer: what a lane does not tell, the judge finds out itself."""
    whole = some(judge(CORE, seed=3), *TASKS[:3])
    whole.judge_ahead(2)
    for pid in pids(whole)[which]:
        os.kill(pid, signal.SIGKILL)
    verdicts = whole.judge_all()
    assert len(verdicts) == len(whole.checks)
    assert {verdict.outcome for verdict in verdicts.values()} == {Outcome.PASSED}


def test_what_is_judged_is_not_judged_again(judge: MakeJudge) -> None:
    """Protects a run that carries on from an earlier one: lanes judge what is left."""
    first = some(judge(CORE, seed=3), "mask")
    known = first.judge_all()
    marked = {name: Verdict(Outcome.PASSED, "known before") for name in list(known)[:3]}
    second = some(judge(CORE, seed=3), "mask")
    second.carry_on(marked)
    second.judge_ahead(2)
    assert {name for name, verdict in second.judge_all().items() if verdict.message == "known before"} == set(marked)


def test_a_check_comes_again_here(judge: MakeJudge) -> None:
    """Protects checks that were cut short: a lane gives its verdict once, then the judge judges."""
    once = some(judge(CORE, seed=3), "mask")
    once.judge_ahead(1)
    check = once.checks[0]
    assert pids(once)
    assert once.judge(check) == once.judge(check)


def test_time_is_measured_when_nothing_else_runs(judge: MakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects verdicts on time from the lanes' own load."""
    seen = []
    busy = some(judge(CORE, seed=3), "rope", "timing")
    busy.judge_ahead(2)
    lanes = busy._lanes
    assert lanes is not None
    monkeypatch.setattr(busy, "_run", lambda check: seen.append(dict(lanes._pids)) or Verdict(Outcome.PASSED))
    alone = next(check for check in busy.checks if check.task == "timing")
    assert busy.judge(alone).outcome is Outcome.PASSED
    assert seen == [{}]
    assert all(busy.judge(check).outcome is Outcome.PASSED for check in busy.checks if check.task == "rope")
    assert seen == [{}], "what the lanes have judged meanwhile is kept"


def test_nothing_is_left(judge: MakeJudge) -> None:
    """Protects the machine: a judge that is closed early ends its lanes, and they remove what they have made."""
    early = some(judge(CORE, seed=3), "gpt", "training")
    early.judge_ahead(2)
    running = pids(early)
    assert len(running) == 2
    time.sleep(0.3)
    early.close()
    for pid in running:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def test_a_twin_that_dies(judge: MakeJudge, zygote: Zygote) -> None:
    """Protects right code from the kernel's killer: that a worker died with its zygote is not told of the code."""
    assert zygote._popen is not None
    before = set(psutil.Process(zygote._popen.pid).children())
    whole = some(judge(CORE, seed=3), *TASKS[:3])
    whole.judge_ahead(2)
    time.sleep(0.3)
    twins = [process for process in set(psutil.Process(zygote._popen.pid).children()) - before if process.children()]
    assert len(twins) == 2
    for process in twins:
        process.kill()
    assert {verdict.outcome for verdict in whole.judge_all().values()} == {Outcome.PASSED}


def test_no_twin_to_be_had(judge: MakeJudge, zygote: Zygote, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects the run: where no process can be made, there are no lanes, and the judge judges."""

    def gone(self: Zygote) -> Zygote:
        raise SandboxError("gone")

    monkeypatch.setattr(Zygote, "twin", gone)
    whole = some(judge(CORE, seed=3), "mask", "rope")
    whole.judge_ahead(2)
    assert pids(whole) == []
    assert {verdict.outcome for verdict in whole.judge_all().values()} == {Outcome.PASSED}


def test_the_graders_stumbling_is_settled_alone(judge: MakeJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects points: what student code in one lane may have done to another is no fault of the grader that pays in full."""
    judge_pid, original = os.getpid(), Check.run

    def stumbling(self: Check, *args: Any, **kwargs: Any) -> Verdict:
        if os.getpid() != judge_pid:
            return Verdict.not_judged(Reason.GRADER_FAULT)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Check, "run", stumbling)
    whole = some(judge(CORE, seed=3, reference=CORE), "mask", "rope")
    whole.judge_ahead(2)
    assert {verdict.outcome for verdict in whole.judge_all().values()} == {Outcome.PASSED}


def test_a_request_to_end_is_no_mistake_of_the_code(judge: MakeJudge, hand_in: Callable[..., Path]) -> None:
    """Protects right code from SIGTERM in the middle of a case: the lane ends at once, and tells nothing of it."""
    text = (CORE / "layer_norm.py").read_text()
    text += "\nimport time\nown = layer_norm\n"
    text += "def layer_norm(*args, **names):\n    time.sleep(0.1)\n    return own(*args, **names)\n"
    slow = some(judge(hand_in({"layer_norm.py": text}), seed=3), "layer_norm")
    slow.judge_ahead(1)
    [pid] = pids(slow)
    time.sleep(1.0)
    os.kill(pid, signal.SIGTERM)
    start = time.monotonic()
    assert slow._lanes is not None
    slow._lanes.finish()
    assert time.monotonic() - start < 0.9
    assert {verdict.outcome for verdict, _ in slow._lanes._found.values()} <= {Outcome.PASSED}


def test_only_what_is_asked_for(judge: MakeJudge, hand_in: Callable[..., Path]) -> None:
    """Protects `-k`: a gate that was not selected counts as met, with lanes as without; and it costs no time."""
    folder = hand_in({"mask.py": "def causal_mask(T):\n    return None\n"})
    told = []
    for lanes in (0, 2):
        whole = some(judge(folder, seed=3), "mask")
        chosen = [check for check in whole.checks if not check.group.gates][:1]
        if lanes:
            whole.judge_ahead(lanes, chosen)
        told.append(whole.judge(chosen[0]))
        assert set(whole.verdicts) == {chosen[0].id}
    assert told[0] == told[1]
    assert told[0].outcome is Outcome.FAILED


def test_the_lists_name_tasks() -> None:
    """Protects the lists from names of tasks that are gone."""
    assert {check.task for check in all_checks()} >= ALONE | FIRST
