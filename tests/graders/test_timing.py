"""The checks of time, with real workers; what is asserted here holds on a busy machine, too."""

import math
import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.timing_power import LOOP_OVER_TOKENS
from graders.catalogue import all_checks
from graders.check import Check
from graders.homework import Config, Homework, available, load
from graders.judge import Judge, reference_of
from graders.student import Student
from graders.timed import Timed
from graders.timing import Contest, NotIdle, Runner, assert_fast, contest, process_clock
from graders.timing_table import TimingTable
from graders.timing_verdict import LOOKS, Cost, Speed
from graders.verdict import CannotJudge, Outcome, Reason, Verdict
from graders.workloads import WORKLOADS, Run
from sandbox.client import Worker
from sandbox.errors import Loss, WorkerLost
from sandbox.launch import Zygote

ROOT = Path(__file__).parent.parent.parent
CHECKS = [check for check in all_checks() if check.task == "timing"]
ON_CPU = [check for check in CHECKS if check.name in WORKLOADS]
MOST_TRIES = 15  # where it may be impossible to tell
linux = pytest.mark.skipif(sys.platform != "linux", reason="the clock of another process's processor time is Linux's")

IMAGE_BY_IMAGE = """
import torch
from torch import nn

class PatchEmbedding(nn.Module):
    def __init__(self, image_size, patch_size, n_channels, d_model):
        super().__init__()
        self.size = patch_size
        self.proj = nn.Linear(n_channels * patch_size**2, d_model)

    def forward(self, x):
        P, tokens = self.size, []
        for image in x:
            for i in range(0, image.shape[1], P):
                for j in range(0, image.shape[2], P):
                    tokens.append(self.proj(image[:, i : i + P, j : j + P].flatten()))
        return torch.stack(tokens).view(len(x), -1, self.proj.out_features)
"""
EVERY_PREFIX_AGAIN = (
    (ROOT / "reference" / "generate.py")
    .read_text(encoding="utf-8")
    .replace(
        "        output = model(context)\n",
        "        for end in range(1, text.shape[1]):\n            model(text[:, max(0, end - model.block_size) : end])\n"
        "        output = model(context)\n",
    )
)
SLOW = {
    "attention_scales_with_tokens": {"attention.py": LOOP_OVER_TOKENS},
    "attention_is_fast": {"attention.py": LOOP_OVER_TOKENS},
    "patch_embedding_scales_with_batch": {"patch_embedding.py": IMAGE_BY_IMAGE},
    "generate_scales_with_new_tokens": {"generate.py": EVERY_PREFIX_AGAIN},
}


def check_named(name: str) -> Check:
    """One of the checks of time."""
    return next(check for check in CHECKS if check.name == name)


def homework_with(*names: str, slug: str = "core", timing: Mapping[str, Any] | None = None) -> Homework:
    """A homework with points for speed alone."""
    homework = load(slug)
    item = {
        "number": "1",
        "title": "Speed",
        "points": 10,
        "kind": "auto",
        "timing": [f"timing.{name}" for name in names],
    }
    table = {"title": "Speed", "files": homework.config.files.model_dump(), "item": [item], "timing": timing or {}}
    return homework.model_copy(update={"config": Config.model_validate(table)})


@pytest.fixture
def verdict_on(judge: Callable[..., Judge], tmp_path: Path) -> Callable[..., Verdict]:
    """Judge the solution of a homework, with some of its files replaced, by one check of time."""

    def verdict_on(
        name: str, files: Mapping[str, str] | None = None, *, slug: str = "core", seed: int = 1, **options: Any
    ) -> Verdict:
        solution = reference_of(slug)
        assert solution is not None
        folder = tmp_path / f"submission-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(solution, folder, ignore=shutil.ignore_patterns("__pycache__", "homeworks", "corpora"))
        for file, text in (files or {}).items():
            (folder / file).write_text(text, encoding="utf-8")
        timing = options.pop("timing", None)
        options = {"reference": solution} | options
        someone = judge(folder, homework_with(name, slug=slug, timing=timing), seed=seed, **options)
        [check] = someone.checks
        return someone.judge(check)

    return verdict_on


def tells(verdict: Verdict) -> bool:
    """Whether it could be told how fast the code is."""
    return verdict.reason is not Reason.INCONCLUSIVE


# ------------------------------------------------------------------------------ the checks


@pytest.mark.parametrize("check", ON_CPU, ids=lambda check: check.name)
def test_the_solution_is_never_called_slow(check: Check, verdict_on: Callable[..., Verdict]) -> None:
    """Protects the honest: identical code is fast enough, or it cannot be told; never too slow, never the grader's fault."""
    verdict = verdict_on(check.name)
    assert verdict.outcome is Outcome.PASSED or not tells(verdict), verdict
    assert verdict.gives_points


@pytest.mark.parametrize("name", SLOW)
def test_loops_are_called_slow(name: str, verdict_on: Callable[..., Verdict]) -> None:
    """Protects the purpose: five times the work, and growing faster, is too slow, and the message shows by how much."""
    for seed in range(MOST_TRIES):
        verdict = verdict_on(name, SLOW[name], seed=seed)
        assert verdict.outcome is not Outcome.PASSED
        if tells(verdict):
            break
    assert verdict.outcome is Outcome.FAILED, verdict
    assert "times the reference's; allowed is 2.5" in verdict.message
    if "scales" in name:
        assert "grows as n^" in verdict.message
        assert 8 <= len([line for line in verdict.message.splitlines() if " ms |" in line]) + 1 <= 10
    assert (verdict.snippet, verdict.case, verdict.staff) == ("", "", "")


@pytest.mark.parametrize(
    ("slug", "name"),
    [
        (slug, name.removeprefix("timing."))
        for slug in available()
        for item in load(slug).config.auto_items
        for name in item.timing
        if slug != "core"
    ],
)
def test_real_homeworks_have_checks_that_work(slug: str, name: str, verdict_on: Callable[..., Verdict]) -> None:
    """Protects the bindings: what a real homework lists can be asked of its solution."""
    verdict = verdict_on(name, slug=slug)
    assert verdict.gives_points, verdict


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def attention(query, key, value, mask=None):\n    return value, query @ key.mT\n", "values are wrong"),
        ("def attention(query, key, value, mask=None):\n    return value\n", "must return two values"),
        ("def attention(query, key, value, mask=None):\n    raise NotImplementedError\n", "Not written yet: "),
        ("def attention(query, key):\n    pass\n", "attention"),
        ("attention = \n", "syntax"),
    ],
)
def test_what_is_wrong_is_not_timed(text: str, told: str, verdict_on: Callable[..., Verdict]) -> None:
    """Protects from losing points twice: without right answers there is no verdict on speed, and no points either."""
    verdict = verdict_on("attention_is_fast", {"attention.py": text})
    assert (verdict.outcome, verdict.reason, verdict.gives_points) == (Outcome.NOT_JUDGED, Reason.NOT_RIGHT, False)
    assert verdict.message.startswith("Not judged: the time of code is taken once its answers are right.")
    assert told in verdict.message


def test_what_never_ends_is_failed(hand_in: Callable[..., Path], zygote: Zygote) -> None:
    """Protects the run's time: a call past its own limit fails, as in any check."""
    text = "def attention(query, key, value, mask=None):\n    while True:\n        pass\n"
    homework = homework_with("attention_is_fast")
    limits = homework.config.limits.model_copy(update={"seconds_per_call": 0.5})
    impatient = homework.model_copy(update={"config": homework.config.model_copy(update={"limits": limits})})
    folder = hand_in({"attention.py": text})
    with Judge(impatient, folder, zygote, reference=reference_of("core")) as judge:
        [verdict] = judge.judge_all().values()
    assert verdict.outcome is Outcome.FAILED
    assert "0.5" in verdict.message


def test_without_a_solution_nothing_is_said(verdict_on: Callable[..., Verdict]) -> None:
    """Protects homeworks without a solution: not judged, at no cost, and the student's code is not even run."""
    verdict = verdict_on("attention_is_fast", {"attention.py": "while True: pass\n"}, reference=None)
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_JUDGED, Reason.NO_SOLUTION)


def test_a_solution_that_fails_is_the_graders_fault(verdict_on: Callable[..., Verdict], tmp_path: Path) -> None:
    """Protects students from a broken answer key: full points, and the staff is told."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "attention.py").write_text("def attention(query, key, value, mask=None):\n    return value, value\n")
    verdict = verdict_on("attention_is_fast", reference=broken)
    assert verdict.reason is Reason.GRADER_FAULT
    assert "the solution cannot be timed" in verdict.staff


@pytest.mark.parametrize(("setting", "reason"), [("full points", Reason.NO_CUDA), ("no points", Reason.CUDA_NEEDED)])
@pytest.mark.parametrize("name", ["attention_on_cuda_is_fast", "attention_on_cuda_keeps_precision"])
def test_without_cuda(
    name: str, setting: str, reason: Reason, verdict_on: Callable[..., Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the TOML's word: where there is no GPU, its checks are worth what it says."""
    monkeypatch.setattr("graders.cuda_timing.has_cuda", lambda: False)
    verdict = verdict_on(name, timing={"no_cuda": setting})
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_JUDGED, reason)
    assert verdict.gives_points == (setting == "full points")


def test_gates_and_sizes_come_from_the_toml(verdict_on: Callable[..., Verdict]) -> None:
    """Protects what instructors set: with a huge gate nothing is slow; sizes are those of the table."""
    check = "timing.attention_is_fast"
    loops = SLOW["attention_is_fast"]
    verdict = verdict_on("attention_is_fast", loops, timing={"gates": {check: 900}, "sizes": {check: [32]}})
    assert verdict.outcome is Outcome.PASSED


# ------------------------------------------------------------------------------ workers and trust


def timed_by(judge: Judge, worker: Worker) -> Timed:
    """What a check is given."""
    student = judge._within(judge.student, math.inf)
    found = student.implementation("timing", worker)
    assert isinstance(found, Timed)
    return found


def test_the_solutions_files_are_gone_before_student_code_runs(judge: Callable[..., Judge]) -> None:
    """Protects the answer key: when the submission's first line runs, the solution is nowhere but in its worker's memory."""
    someone = judge(reference_of("core"), homework_with("attention_is_fast"), reference=reference_of("core"))
    places: list[Path] = []
    opened: list[bool] = []
    with someone.student.open(1) as worker:
        timed = timed_by(someone, worker)
        assert timed.solution is not None
        of_solution = timed.solution

        @contextmanager
        def noted() -> Iterator[Student]:
            with of_solution() as solution:
                places.append(solution.submission.snapshot.root)
                assert places[0].is_dir()
                yield solution

        def opening(worker: Worker) -> Any:
            opened.append(places[0].exists())
            return someone.homework.binding["attention"].open(worker)

        binding = {"attention": replace(someone.homework.binding["attention"], open=opening)}
        watched = replace(timed, binding=binding, solution=noted)
        with contest(watched, WORKLOADS["attention_is_fast"], (16,), random.Random(1)) as running:
            assert opened == [False]
            assert running.student.worker is worker
            assert running.reference.worker is not worker


def test_all_workers_but_one_are_stopped(judge: Callable[..., Judge]) -> None:
    """Protects the measurement: while nothing is asked both are stopped, and while one is asked the other is."""
    someone = judge(reference_of("core"), homework_with("attention_is_fast"), reference=reference_of("core"))
    with someone.student.open(1) as worker:
        with contest(timed_by(someone, worker), WORKLOADS["attention_is_fast"], (16,), random.Random(1)) as running:
            student, reference = running.student, running.reference
            assert [state_of(each) for each in (student, reference)] == ["T", "T"]
            inputs = student.runs[16].draw(random_generator())
            student.timed(16, inputs)
            assert state_of(reference) == "T"
            assert state_of(student) in "RS"
            student.stop()
            running.repeat(2)
            assert [state_of(each) for each in (student, reference)] == ["T", "T"]
        until = time.monotonic() + 10
        while (state := state_of(reference)) not in ("", "Z", "X") and time.monotonic() < until:
            pass
        assert state in ("", "Z", "X")


def test_an_echo_moves_bytes_and_costs_less(judge: Callable[..., Judge]) -> None:
    """Protects what is subtracted: it is asked of the reference's worker, which is stopped again afterwards."""
    someone = judge(reference_of("core"), homework_with("attention_is_fast"), reference=reference_of("core"))
    workload = WORKLOADS["attention_is_fast"]
    with (
        someone.student.open(1) as worker,
        contest(timed_by(someone, worker), workload, workload.sizes, random.Random(1)) as running,
    ):
        running.reference.go_on()
        echo = running.reference.echo(workload.sizes[-1], random.Random(2))
        assert state_of(running.reference) == "T"
        running.repeat(5)
    assert echo.wall > 0
    if echo.cpu is not None:
        costs = [pair.reference.cpu or 0.0 for pair in running.pairs[workload.sizes[-1]]]
        assert 0 < echo.cpu < max(costs)


def random_generator() -> Any:
    """A generator of numbers."""
    from graders.strategies import generator

    return generator(5)


def state_of(runner: Runner) -> str:
    """The letter of a worker's state, once it has settled."""
    time.sleep(0.02)
    return state_of_process(runner.worker.channel.pid)


def state_of_process(pid: int) -> str:
    """The letter of a process's state; "" if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


@linux
def test_the_clock_of_another_process() -> None:
    """Protects the number of the clock: that of this process is the one that Python itself reads."""
    clock = process_clock(os.getpid())
    assert clock is not None
    before = time.process_time()
    sum(range(200_000))
    read = time.clock_gettime(clock)
    assert before <= read <= time.process_time()


def test_without_such_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects macOS: there is none, and then wall time alone is taken."""
    monkeypatch.setattr(sys, "platform", "darwin")
    assert process_clock(1) is None


# ------------------------------------------------------------------------------ a contest, with simulated workers


class Simulated:
    """A worker that takes the time that it is told to, and burns processor time while it has nothing to do."""

    def __init__(self, cost: float, idle_share: float = 0.0) -> None:
        self.cost = cost
        self.idle_share = idle_share
        self.runs = {8: self.run(), 16: self.run()}
        self.stopped = True
        self.waited = 0.0
        self.inputs: list[Any] = []
        self.checked: list[Any] = []
        self._start = time.monotonic()

    def run(self) -> Run:
        """Inputs that are numbers, outputs that are the same numbers."""
        return Run(
            lambda rng: [float(rng.initial_seed())], lambda x: x, lambda output, inputs: self.checked.append(inputs)
        )

    def stop(self) -> None:
        self.stopped = True

    def go_on(self) -> None:
        self.stopped = False

    def cpu(self) -> float:
        return (time.monotonic() - self._start) * self.idle_share

    def timed(self, size: int, inputs: Sequence[Any]) -> tuple[Any, Cost]:
        self.stopped = False
        self.inputs.append(inputs)
        self.waited += self.cost
        return inputs[0], Cost(self.cost, self.cost)


def simulated(student: Simulated, reference: Simulated, seed: int = 0) -> Contest:
    """A contest of two of them."""
    return Contest(student, reference, random.Random(seed))  # type: ignore[arg-type]


def test_inputs_are_fresh_and_outputs_are_checked() -> None:
    """Protects from answers that are kept: no inputs come twice, and each output of the submission is looked at."""
    student, reference = Simulated(1e-3), Simulated(1e-3)
    running = simulated(student, reference)
    running.repeat(13)
    assert len(student.inputs) == len(student.checked) == 26
    assert len({tuple(inputs) for inputs in student.inputs}) == 26
    assert len(reference.inputs) == 52
    assert {size: len(pairs) for size, pairs in running.pairs.items()} == {8: 13, 16: 13}
    assert student.stopped and reference.stopped


def test_the_same_seed_gives_the_same_contest() -> None:
    """Protects replay: inputs and order follow from the check's seed; another seed gives others."""
    asked = []
    for seed in (1, 1, 2):
        student = Simulated(1e-3)
        simulated(student, Simulated(1e-3), seed).repeat(5)
        asked.append(student.inputs)
    assert asked[0] == asked[1] != asked[2]


def test_work_between_the_calls_is_seen() -> None:
    """Protects from work ahead and from hogs: a worker that burns processor time with nothing to do is refused."""
    with pytest.raises(NotIdle, match="Expected: none. Start no threads"):
        simulated(Simulated(1e-3, idle_share=0.4), Simulated(1e-3)).repeat(5)


def test_little_work_between_the_calls_is_forgiven() -> None:
    """Protects the honest: what a process does to put its memory in order is no work."""
    simulated(Simulated(1e-3, idle_share=0.01), Simulated(1e-3)).repeat(5)


def test_one_busy_moment_is_looked_at_again() -> None:
    """Protects the honest: what was seen once, and not again for longer, was no thread that goes on."""
    student = Simulated(1e-3)
    running = simulated(student, Simulated(1e-3))
    running._idle.append((0.01, 0.009))
    running.repeat(3)


def test_what_seems_slow_is_measured_again_in_new_processes(
    judge: Callable[..., Judge], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the verdict from one slow process, and the solution: nothing of the submission runs while it is laid out."""
    someone = judge(reference_of("core"), homework_with("attention_is_fast"), reference=reference_of("core"))
    workload = WORKLOADS["attention_is_fast"]
    for seems_slow, n_contests in ((True, 2), (False, 1)):
        contests: list[Contest] = []

        def undecided(running: Contest, decide: Any, kept: list[Contest] = contests, slow: bool = seems_slow) -> Any:
            assert not kept or state_of(kept[0].student) in ("", "Z")
            kept.append(running)
            return SimpleNamespace(speed=Speed.CANNOT_TELL, seems_slow=slow, clocks=(), n_pairs=0, gate=2.0)

        monkeypatch.setattr("graders.timing._decided", undecided)
        with someone.student.open(1) as worker, pytest.raises(CannotJudge) as caught:
            assert_fast(timed_by(someone, worker), "attention_is_fast", workload, random.Random(1))
        assert caught.value.reason is Reason.INCONCLUSIVE
        assert len({running.student.worker.channel.pid for running in contests}) == n_contests == len(contests)


def test_a_lost_worker_ends_the_contest(verdict_on: Callable[..., Verdict]) -> None:
    """Protects the run: a process that ends itself in the middle of it has failed, and nobody else is signalled."""
    text = (
        "import os, torch\nn = []\ndef attention(query, key, value, mask=None):\n    n.append(1)\n"
        "    if len(n) > 4: os._exit(3)\n"
        "    w = torch.softmax(query @ key.mT / query.shape[-1] ** 0.5, -1)\n    return w @ value, w\n"
    )
    verdict = verdict_on("attention_is_fast", {"attention.py": text})
    assert verdict.outcome is Outcome.FAILED
    assert "status 3" in verdict.message or "ended" in verdict.message


class Late(Simulated):
    """A worker that is lost at its fifth call: the time allowed for all of them is over."""

    def timed(self, size: int, inputs: Sequence[Any]) -> tuple[Any, Cost]:
        if len(self.inputs) == 4:
            raise WorkerLost(Loss.TIMEOUT, "8", self.during)
        return super().timed(size, inputs)

    during = "check"


def test_whose_time_was_used_up() -> None:
    """Protects the honest on a busy machine: when all time is gone, it counts as slow only if the submission has used it."""
    with pytest.raises(CannotJudge) as caught:
        simulated(Late(1e-3), Simulated(1e-3)).repeat(13)
    assert caught.value.reason is Reason.INCONCLUSIVE
    with pytest.raises(WorkerLost):
        simulated(Late(1.0), Simulated(1e-3)).repeat(13)


def test_whose_time_was_used_up_before_the_first_pair() -> None:
    """Protects from sleeping in the import until the time is gone: what was waited for then counts, whoever is asked last."""
    asleep = Late(1e-3)
    asleep.waited = 80.0
    with pytest.raises(WorkerLost):
        simulated(asleep, Simulated(1e-3)).repeat(13)
    for _ in range(2):
        asleep = Simulated(1e-3)
        asleep.waited = 80.0
        with pytest.raises(WorkerLost):
            simulated(asleep, Late(1e-3)).repeat(13)


def test_sleeping_until_the_time_is_gone_earns_nothing(hand_in: Callable[..., Path], zygote: Zygote) -> None:
    """Protects points for speed: code that sleeps for most of the time, answers, and then never again, has failed."""
    text = (
        "import time\ntime.sleep(3)\nn = []\n" + (ROOT / "reference" / "attention.py").read_text(encoding="utf-8")
    ).replace(
        "    d = query.shape[-1]\n", "    n.append(1)\n    if len(n) > 3: time.sleep(60)\n    d = query.shape[-1]\n"
    )
    homework = homework_with("attention_is_fast")
    limits = homework.config.limits.model_copy(update={"seconds_per_check": 5.0})
    short = homework.model_copy(update={"config": homework.config.model_copy(update={"limits": limits})})
    with Judge(short, hand_in({"attention.py": text}), zygote, reference=reference_of("core")) as judge:
        [verdict] = judge.judge_all().values()
    assert (verdict.outcome, verdict.gives_points) == (Outcome.FAILED, False), verdict


def test_the_loss_of_the_solutions_worker_is_nobodys_slowness() -> None:
    """Protects students: a solution that is lost is the grader's fault, one that comes too late is inconclusive."""
    late = Late(1e-3)
    with pytest.raises(CannotJudge) as caught:
        simulated(Simulated(1e-3), late).repeat(13)
    assert caught.value.reason is Reason.INCONCLUSIVE
    late = Late(1e-3)
    late.during = "call"
    with pytest.raises(RuntimeError, match="the solution's process was lost"):
        simulated(Simulated(1e-3), late).repeat(13)
    late = Late(1e-3)
    late.during = "run"
    with pytest.raises(WorkerLost):
        simulated(Simulated(1e-3), late).repeat(13)


# ------------------------------------------------------------------------------ the table


def test_each_check_on_the_cpu_has_its_workload() -> None:
    """Protects the names: a check is called after what it times, beginning with the task; sizes grow; gates are allowed."""
    assert {check.name for check in ON_CPU} == set(WORKLOADS)
    for name, workload in WORKLOADS.items():
        assert name.startswith(f"{workload.task}_")
        assert list(workload.sizes) == sorted(workload.sizes)
        assert (len(workload.sizes) >= 3) == ("_with_" in name)
        assert workload.shape.format(7) != workload.shape.format(8)
        TimingTable.model_validate({"gates": {name: workload.gate}, "sizes": {name: workload.sizes}})


def test_looks_are_few_enough_for_the_error_rate() -> None:
    """Protects the statement that can be made at the first look: with one pair less there could be none."""
    assert 2 * 0.5 ** LOOKS[0] <= 1e-3 / len(LOOKS) / 2 < 2 * 0.5 ** (LOOKS[0] - 1)
