"""The life of workers, as Hypothesis leads it: whatever order things are asked and lost in, only the asked worker suffers.

A model beside each worker says what the next answer must be. After each step the zygote lives, and the judge holds open
what belongs to living workers and nothing else.
"""

import gc
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from sandbox.client import Remote, Submission, Worker
from sandbox.errors import Loss, StudentError, WorkerLost
from sandbox.launch import Zygote

CODE = """
import gc
import os
import torch
from torch import nn

class Scale(nn.Module):
    def __init__(self, size):
        super().__init__()
        if size < 1: raise ValueError("no size")
        self.weight = nn.Parameter(torch.ones(size))
    def forward(self, x): return self.weight * x
    def refuse(self): raise KeyError("not today")

def me(): return os.getpid()
def chatter(): print("x" * 100_000); return 1
def leave(): os._exit(3)
def hang():
    while True: pass
def flood():
    while True: os.write(3, bytes(1 << 16))
"""
LIVING_AT_ONCE = 3
PLAIN_CALL: dict[str, Any] = {"attribute": "", "args": [], "kwargs": {}, "keep": 0, "inputs_back": False}
DESCRIPTORS = 2  # of a worker, at the judge: its socket, and the pipe with what it prints


@dataclass
class Module:
    """An object in a worker, and what is known of it."""

    remote: Remote
    size: int
    weight: float = 1.0
    made: bool = False


@dataclass
class Life:
    """A worker and its model: `deferred` holds what the next request does first; after one that fails the rest is not done."""

    worker: Worker
    functions: dict[str, Remote]
    pid: int
    modules: list[Module] = field(default_factory=list)
    deferred: list[Callable[[], bool]] = field(default_factory=list)
    killed: bool = False

    def flush(self) -> bool:
        """Do in the model what was deferred; whether all of it works."""
        deferred, self.deferred = self.deferred, []
        return all(works() for works in deferred)


class LifeCycle(RuleBasedStateMachine):
    """Up to three workers of one submission, and those that are gone."""

    def __init__(self, submission: Submission, is_gone: Callable[[int], bool]) -> None:
        super().__init__()
        self.submission, self.is_gone = submission, is_gone
        self.zygote = submission.zygote
        self.living: list[Life] = []
        self.gone: list[Life] = []
        gc.collect()  # what others have left open and forgotten would close in the middle
        self.before = open_descriptors()
        self.zygote_pid = pid_of(self.zygote)

    # ------------------------------------------------------------------------------------------ what is asked

    @precondition(lambda self: len(self.living) < LIVING_AT_ONCE)
    @rule(size=st.integers(1, 3))
    def open(self, size: int) -> None:
        worker = self.submission.open(seed=1)
        names = ("Scale", "me", "chatter", "leave", "hang", "flood")
        functions = {name: worker.resolve("student", name) for name in names}
        pid = functions["me"]()
        assert pid == worker.channel.pid
        assert pid not in [life.pid for life in self.living]
        self.living.append(Life(worker, functions, pid))
        self.construct(len(self.living) - 1, size)

    @precondition(lambda self: self.living)
    @rule(which=st.integers(0), size=st.integers(-1, 3))
    def construct_another(self, which: int, size: int) -> None:
        self.construct(which, size)

    def construct(self, which: int, size: int) -> None:
        life = self.pick(which)
        module = Module(life.functions["Scale"].construct(size), size)
        life.modules.append(module)

        def works() -> bool:
            module.made = size > 0
            return module.made

        life.deferred.append(works)

    @precondition(lambda self: any(life.modules for life in self.living))
    @rule(which=st.integers(0), nth=st.integers(0), weight=st.integers(2, 9), fits=st.booleans())
    def load_state(self, which: int, nth: int, weight: int, fits: bool) -> None:
        life = self.pick(which, with_modules=True)
        module = life.modules[nth % len(life.modules)]
        state = torch.full((max(module.size, 0) + (not fits),), float(weight))
        module.remote.do("load_state_dict", {"weight": state})

        def works() -> bool:
            if module.made and fits:
                module.weight = weight
            return module.made and fits

        life.deferred.append(works)

    @precondition(lambda self: any(life.modules for life in self.living))
    @rule(which=st.integers(0), nth=st.integers(0), how=st.sampled_from(["call", "grad", "parameters", "refuse"]))
    def use(self, which: int, nth: int, how: str) -> None:
        life = self.pick(which, with_modules=True)
        module = life.modules[nth % len(life.modules)]
        x = torch.arange(1.0, max(module.size, 1) + 1)
        asked: dict[str, Callable[[], Any]] = {
            "call": lambda: module.remote(x).tolist(),
            "grad": lambda: module.remote.gradients([x], [0], torch.ones_like(x), parameters=True),
            "parameters": module.remote.parameters,
            "refuse": lambda: module.remote.method("refuse"),
        }
        answer = self.ask(life, asked[how], fails=lambda: not module.made or how == "refuse")
        if answer is None:
            return
        if how == "call":
            assert answer == (module.weight * x).tolist()
        elif how == "parameters":
            assert answer == {"weight": (module.size,)}
        else:
            [of_x], of_weights = answer
            assert of_x.tolist() == [module.weight] * module.size
            assert of_weights["weight"].tolist() == x.tolist()

    @precondition(lambda self: self.living)
    @rule(which=st.integers(0))
    def chatter(self, which: int) -> None:
        life = self.pick(which)
        assert self.ask(life, life.functions["chatter"]) in (1, None)
        assert len(life.worker.channel.output) <= 16 * 1024

    @precondition(lambda self: len(self.living) > 1)
    @rule(which=st.integers(0))
    def use_a_handle_of_another(self, which: int) -> None:
        life, other = self.pick(which), self.pick(which + 1)
        before = life.worker.new_handle().number
        theirs = other.worker.new_handle()
        while theirs.number <= before:
            theirs = other.worker.new_handle()
        other.functions["Scale"].worker.defer(
            "part", target=other.functions["Scale"].handle, path="forward", number=theirs.number
        )
        assert self.ask(other, lambda: Remote(other.worker, theirs, "theirs").describe()["callable"]) in (True, None)
        if life in self.living:
            self.ask(life, Remote(life.worker, theirs, "theirs"), fails=lambda: True)

    # ------------------------------------------------------------------------------------------ how it ends

    @precondition(lambda self: self.living)
    @rule(which=st.integers(0), how=st.sampled_from(["leave", "flood", "hang"]))
    def end_itself(self, which: int, how: str) -> None:
        life = self.pick(which)
        function = life.functions[how]
        if not life.killed and not life.flush():
            with pytest.raises(StudentError):  # of a deferred request: the function is not reached
                function()
            return
        seconds = 0.1 if how == "hang" and not life.killed else 10.0
        with pytest.raises(WorkerLost) as caught:
            life.worker.request("call", seconds=seconds, target=function.handle, **PLAIN_CALL)
        found = caught.value.loss, caught.value.detail
        if life.killed:
            assert found == (Loss.SIGNAL, "SIGKILL")
        elif how == "flood":
            assert found[0] is Loss.PROTOCOL
        else:
            assert found == {"leave": (Loss.EXIT, "status 3"), "hang": (Loss.TIMEOUT, "0.1")}[how]
        self.bury(life)

    @precondition(lambda self: self.living)
    @rule(which=st.integers(0))
    def kill(self, which: int) -> None:
        life = self.pick(which)
        os.kill(life.pid, signal.SIGKILL)
        life.killed = True

    @precondition(lambda self: self.living)
    @rule(which=st.integers(0), times=st.integers(1, 2))
    def close(self, which: int, times: int) -> None:
        life = self.pick(which)
        for _ in range(times):
            life.worker.close()
        self.bury(life)

    @precondition(lambda self: self.gone)
    @rule(which=st.integers(0), closed_again=st.booleans())
    def use_after_the_end(self, which: int, closed_again: bool) -> None:
        life = self.gone[which % len(self.gone)]
        if closed_again:
            life.worker.close()
        life.functions["Scale"].construct(1)
        with pytest.raises(WorkerLost, match="had ended before"):
            life.functions["me"]()

    # ------------------------------------------------------------------------------------------ what holds

    @invariant()
    def the_zygote_lives(self) -> None:
        assert pid_of(self.zygote) == self.zygote_pid

    @invariant()
    def nothing_else_is_open(self) -> None:
        assert open_descriptors() == self.before + DESCRIPTORS * len(self.living)

    def teardown(self) -> None:
        for life in self.living:
            life.worker.close()
        assert open_descriptors() == self.before
        assert [life.pid for life in self.living + self.gone if not self.is_gone(life.pid)] == []
        with self.submission.open(seed=1) as worker:
            assert worker.resolve("student", "chatter")() == 1
        assert pid_of(self.zygote) == self.zygote_pid

    # ------------------------------------------------------------------------------------------ the model

    def pick(self, which: int, with_modules: bool = False) -> Life:
        lives = [life for life in self.living if life.modules or not with_modules]
        return lives[which % len(lives)]

    def ask(self, life: Life, asked: Callable[[], Any], fails: Callable[[], bool] = lambda: False) -> Any:
        """Send a request; None if it had to fail, and did."""
        if life.killed:
            with pytest.raises(WorkerLost) as lost:
                asked()
            assert (lost.value.loss, lost.value.detail) == (Loss.SIGNAL, "SIGKILL")
            self.bury(life)
            return None
        if life.flush() and not fails():
            return asked()
        with pytest.raises(StudentError) as caught:
            asked()
        assert caught.value.kind == "raised"
        return None

    def bury(self, life: Life) -> None:
        assert self.is_gone(life.pid)
        self.living.remove(life)
        self.gone.append(life)


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def pid_of(zygote: Zygote) -> int:
    assert zygote._popen is not None
    assert zygote._popen.poll() is None
    return zygote._popen.pid


def live(submission: Submission, is_gone: Callable[[int], bool], examples: int) -> None:
    """Lead so many lives of up to 25 steps."""
    submission.zygote.wait_until_ready()
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: LifeCycle(submission, is_gone),
        settings=settings(
            derandomize=True,
            deadline=None,
            database=None,
            max_examples=examples,
            stateful_step_count=25,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def student(submission: Callable[..., Submission]) -> Submission:
    return submission({"student.py": CODE})


def test_any_life(student: Submission, is_gone: Callable[[int], bool]) -> None:
    """Protects a run from every order of requests and losses: errors are those of the list, nothing leaks, the rest lives."""
    live(student, is_gone, examples=6)


@pytest.mark.slow
def test_many_lives(student: Submission, is_gone: Callable[[int], bool]) -> None:
    """Protects the same at length."""
    live(student, is_gone, examples=60)
