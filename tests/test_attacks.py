"""Hostile submissions of `core`: each is graded like any other, and gets nothing that it is after."""

import os
import platform
import py_compile
import re
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
import torch

from graders.homework import Homework, load
from graders.judge import Judge, reference_of
from graders.scoring import score
from graders.verdict import Reason, Verdict
from sandbox.confine import FIRST_UID
from sandbox.launch import Process, Zygote
from sandbox.self_test import Confinement, self_test
from tests.hostile import ATTACKS, Attack, Prey, attacks, living, prey

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's")
FULL = 20
KERNEL = ("uid", "landlock", "seccomp", "rlimits")
RIGHT = (Path(__file__).parent.parent / "reference" / "attention.py").read_text(encoding="utf-8")
WRONG = "def attention(query, key, value, mask=None):\n    return query, key\n"
LAST_ROW = 81


class Recording(Zygote):
    """A zygote that knows which workers it has made."""

    def __init__(self) -> None:
        self.workers: list[int] = []
        super().__init__()

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    def spawn(self, *args: object, **kwargs: object) -> Process:
        process = super().spawn(*args, **kwargs)  # type: ignore[arg-type]
        self.workers.append(process.pid)
        return process


@pytest.fixture(scope="module")
def zygote() -> Iterator[Recording]:
    """Where all workers of these tests come from; that it survives them is one of the tests."""
    with Recording() as zygote:
        yield zygote


@pytest.fixture(scope="module")
def confinement(zygote: Recording) -> Confinement:
    """Which layers this machine has."""
    return self_test(zygote)


@pytest.fixture(scope="module")
def homework() -> Homework:
    """`core`, with the patience of a test."""
    homework = load("core")
    limits = homework.config.limits.model_copy(
        update={"seconds_per_import": 4, "seconds_per_call": 4, "seconds_per_check": 8}
    )
    return homework.model_copy(update={"config": homework.config.model_copy(update={"limits": limits})})


def graded(homework: Homework, zygote: Zygote, folder: Path) -> tuple[float, dict[str, Verdict]]:
    """The points of the item on attention, and its verdicts."""
    with Judge(homework, folder, zygote, seed=7, reference=reference_of("core"), shrink_calls=2) as judge:
        own = [check for check in judge.checks if check.task == "attention"]
        verdicts = {check.id: judge.judge(check) for check in own}
    item = next(item for item in homework.config.auto_items if item.has("attention"))
    return float(score(item, own, verdicts).earned), verdicts


def said(verdicts: dict[str, Verdict]) -> str:
    """All that the submission has brought into the verdicts."""
    parts = [(v.output, v.message, v.staff, v.case, v.snippet) for v in verdicts.values()]
    return "\n".join(part for each in parts for part in each)


@pytest.fixture
def signals() -> Iterator[list[int]]:
    """Signals that have reached this process, which judges."""
    arrived: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        arrived.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGIO)}
    yield arrived
    for number, handler in before.items():
        signal.signal(number, handler)


def own_state() -> dict[str, object]:
    """What an attack on the judging process itself would change in it."""
    return {
        "affinity": os.sched_getaffinity(0),
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "scheduler": os.sched_getscheduler(0),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "functions": [
            torch.testing.assert_close,
            torch.allclose,
            torch.equal,
            torch.softmax,
            torch.randn,
            torch.isclose,
        ],
        "foreign modules": {"attention", "targets", "_submission"} & sys.modules.keys(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
    }


def skip_where_meaningless(attack: Attack, confinement: Confinement) -> None:
    if attack.machine and platform.machine() != attack.machine:
        pytest.skip(f"only on {attack.machine}")
    if attack.layer in KERNEL and not confinement.layers.get(attack.layer):
        pytest.skip(f"this machine does without the layer {attack.layer}")


@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.path.stem)
def test_attack_gets_nothing(
    attack: Attack, zygote: Recording, confinement: Confinement, homework: Homework, signals: list[int]
) -> None:
    """Each hostile submission earns what it computes, reaches nothing, and leaves nothing behind."""
    skip_where_meaningless(attack, confinement)
    mother, state, first = zygote.pid, own_state(), len(zygote.workers)
    start = time.monotonic()
    with prey() as laid_out:
        laid_out.hand_in(attack.path, str(os.getpid()))
        earned, verdicts = graded(homework, zygote, laid_out.submission)
        text = said(verdicts)
        assert laid_out.taken(text) == set()
    assert earned == (FULL if attack.earns else 0)
    if attack.layer in KERNEL:
        assert "refused" in text or "SIGSYS" in text, "it has not tried"
    assert time.monotonic() - start < 30
    assert not any(verdict.reason is Reason.GRADER_FAULT for verdict in verdicts.values())
    assert not any(unicodedata.category(c) in ("Cc", "Cs") or c == "\u202e" for c in text if c not in "\n\t")
    assert (zygote.pid, own_state(), signals) == (mother, state, [])
    workers = zygote.workers[first:]
    assert workers
    assert_gone(zygote, workers)


def assert_gone(zygote: Recording, workers: list[int]) -> None:
    """Neither a worker nor anything that one has made is alive; the zygote has one child, which waits for work."""
    owners = {FIRST_UID + pid for pid in workers}
    until = time.monotonic() + 5
    while (len(living(zygote.pid)) > 1 or living(owners=owners)) and time.monotonic() < until:
        time.sleep(0.005)  # a killed process needs a moment to leave
    assert len(living(zygote.pid)) == 1
    assert living(owners=owners) == set()
    assert {pid for pid in workers if living(pid)} == set()


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


@pytest.mark.parametrize(("text", "earns"), [(RIGHT, True), (WRONG, False)], ids=["honest", "wrong"])
def test_controls(text: str, earns: bool, zygote: Recording, homework: Homework, tmp_path: Path) -> None:
    """An honest submission gets its points from both graders and takes nothing; a wrong one gets none."""
    (tmp_path / "control.py").write_text(text, encoding="utf-8")
    with prey() as laid_out:
        laid_out.hand_in(tmp_path / "control.py", str(os.getpid()))
        earned, verdicts = graded(homework, zygote, laid_out.submission)
        assert (laid_out.taken(said(verdicts)), earned) == (set(), FULL if earns else 0)
        done = naive(laid_out, "yes")
        assert naive_gains(laid_out, done) == ({"points", "the status of success"} if earns else set())


# ------------------------------------------------------------------------------ what one file cannot express


def shadow(laid_out: Prey) -> None:
    """Files with the names of what the grader and the worker import."""
    line = f"open({str(laid_out.folder / 'open' / laid_out.mark)!r}, 'w').close(); print('GOT THROUGH')\n"
    names = ("torch", "random", "socket", "json", "sandbox", "graders", "_headmaster", "conftest", "sitecustomize")
    for name in (*names, "usercustomize", "hypothesis", "landlockpy", "seccompy", "numpy", "__init__"):
        (laid_out.submission / f"{name}.py").write_text(line)
    (laid_out.submission / "evil.pth").write_text(f"import os; {line}")
    (laid_out.submission / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")


def compiled(laid_out: Prey) -> None:
    """A right answer as compiled code beside a wrong source, marked so that it is not compared with it."""
    source = laid_out.folder / "right.py"
    source.write_text(RIGHT, encoding="utf-8")
    cache = laid_out.submission / "__pycache__"
    cache.mkdir()
    for target in (cache / f"attention.{sys.implementation.cache_tag}.pyc", laid_out.submission / "attention.pyc"):
        py_compile.compile(str(source), str(target), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def linked(laid_out: Prey) -> None:
    """A link to the answer key in the place of the file, and one to its folder."""
    (laid_out.submission / "attention.py").unlink()
    (laid_out.submission / "attention.py").symlink_to(Path(__file__).parent.parent / "reference" / "attention.py")
    (laid_out.submission / "more").symlink_to(laid_out.folder / "hidden")


def piped(laid_out: Prey) -> None:
    """A pipe in the place of the file: whoever reads it waits for ever."""
    (laid_out.submission / "attention.py").unlink()
    os.mkfifo(laid_out.submission / "attention.py")


def foldered(laid_out: Prey) -> None:
    """A folder in the place of the file."""
    (laid_out.submission / "attention.py").unlink()
    (laid_out.submission / "attention.py").mkdir()


def same_but_for_case(laid_out: Prey) -> None:
    """A second file that differs in case only, with the right answer."""
    (laid_out.submission / "Attention.py").write_text(RIGHT, encoding="utf-8")
    (laid_out.submission / "attention.PY").write_text(RIGHT, encoding="utf-8")
    (laid_out.submission / "\u202eyp.noitnetta\x1b[2J").write_text(RIGHT, encoding="utf-8")


@pytest.mark.parametrize(
    ("build", "rows"),
    [(compiled, [31]), (linked, [43]), (piped, [43]), (foldered, [46]), (same_but_for_case, [46])],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_odd_files_earn_nothing(
    build: object, rows: list[int], zygote: Recording, homework: Homework, tmp_path: Path
) -> None:
    """What is no plain source file, or not the file asked for, neither earns points nor is it waited for."""
    (tmp_path / "wrong.py").write_text(WRONG)
    with prey() as laid_out:
        laid_out.hand_in(tmp_path / "wrong.py", str(os.getpid()))
        build(laid_out)  # type: ignore[operator]
        earned, verdicts = graded(homework, zygote, laid_out.submission)
        assert (earned, laid_out.taken(said(verdicts))) == (0, set())


def test_shadows_are_never_imported(zygote: Recording, homework: Homework, tmp_path: Path) -> None:
    """A submission whose files are called like the grader's modules changes nothing: its right answer keeps its points."""
    (tmp_path / "right.py").write_text(RIGHT, encoding="utf-8")
    with prey() as laid_out:
        laid_out.hand_in(tmp_path / "right.py", str(os.getpid()))
        shadow(laid_out)
        (laid_out.submission / "__init__.py").unlink()
        earned, verdicts = graded(homework, zygote, laid_out.submission)
        assert (earned, laid_out.taken(said(verdicts))) == (FULL, set())


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
