"""The zygote's life: started again when it has died, taking its workers along when it ends or the judge does."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from sandbox import intake, landlock, launch, programs
from sandbox.channel import Channel
from sandbox.client import Patience, Submission, Worker
from sandbox.confine import Limits
from sandbox.errors import SandboxError, StudentError, WorkerLost
from sandbox.launch import Process, Zygote

ROOT = Path(__file__).parents[2]
MakeSubmission = Callable[..., Submission]


def end(zygote: Zygote, process: Process) -> int | None:
    """Reap a worker and close what is the judge's of it."""
    status = zygote.reap(process)
    process.connection.close()
    os.close(process.output)
    return status


@pytest.fixture(scope="module")
def mortal() -> Iterator[Zygote]:
    """A zygote that may be harmed."""
    with Zygote() as zygote:
        yield zygote


def pid_of(zygote: Zygote) -> int:
    assert zygote._popen is not None
    return zygote._popen.pid


def test_spawn_and_reap(zygote: Zygote, is_gone: Callable[[int], bool]) -> None:
    """Protects the two things that the judge asks of a zygote: a worker, and its end."""
    processes = [zygote.spawn(Limits()) for _ in range(3)]
    assert len({process.pid for process in processes}) == 3
    assert [end(zygote, process) for process in processes] == [signal.SIGKILL] * 3
    assert all(is_gone(process.pid) for process in processes)
    assert zygote.reap(processes[0]) is None


def test_a_student_cannot_kill_it(mortal: Zygote, submission: MakeSubmission) -> None:
    """Protects a run from signals: a worker may send them to itself only."""
    code = """
        import os, signal
        def others(): os.kill(os.getppid(), 9)
        def everybody(): os.kill(-1, 9)
        def group(): os.killpg(0, 9)
        def itself(): os.kill(os.getpid(), 0); return 7
    """
    made = submission({"student.py": textwrap.dedent(code)}, zygote=mortal)
    with made.open(seed=1) as worker:
        before = pid_of(mortal)
        for name in ("others", "everybody", "group"):
            with pytest.raises(StudentError) as caught:
                worker.resolve("student", name)()
            assert caught.value.facts["type"] == "PermissionError", name
        assert worker.resolve("student", "itself")() == 7
    assert before == pid_of(mortal)


def test_killed_all_the_same(mortal: Zygote, submission: MakeSubmission, is_gone: Callable[[int], bool]) -> None:
    """Protects a run from the zygote's death: its workers end with it, and the next one comes from another zygote."""
    made = submission({"student.py": "import signal\ndef f(): signal.pause()\ndef g(): return 7"}, zygote=mortal)
    with made.open(seed=1) as orphan:
        assert orphan.resolve("student", "g")() == 7
        before = pid_of(mortal)
        os.kill(before, signal.SIGKILL)
        with pytest.raises(WorkerLost):
            orphan.resolve("student", "f")()
    with made.open(seed=1) as worker:
        assert worker.resolve("student", "g")() == 7
    assert before != pid_of(mortal)
    assert [is_gone(pid) for pid in (before, orphan.channel.pid)] == [True] * 2


def test_killed_while_nobody_looks(mortal: Zygote) -> None:
    """Protects `spawn` from a zygote that dies at that moment: it starts another, whatever it noticed first."""
    assert mortal._popen is not None
    mortal._popen.kill()
    assert end(mortal, mortal.spawn(Limits())) == signal.SIGKILL


def test_hashes_are_those_of_every_run(mortal: Zygote, zygote: Zygote, submission: MakeSubmission) -> None:
    """Protects determinism: the order of a set of strings is the same in two zygotes."""
    found = []
    for parent in (mortal, zygote):
        made = submission({"student.py": "def f(): return list({'a', 'b', 'c', 'd', 'e'})"}, zygote=parent)
        with made.open(seed=1) as worker:
            found.append(worker.resolve("student", "f")())
    assert found[0] == found[1]


def test_close_leaves_nobody(mortal: Zygote, is_gone: Callable[[int], bool]) -> None:
    """Protects the machine: when `close` returns, the zygote and all its workers are gone, stopped ones too."""
    workers = [mortal.spawn(Limits()) for _ in range(2)]
    os.kill(workers[0].pid, signal.SIGSTOP)
    pids = [pid_of(mortal), *(worker.pid for worker in workers)]
    assert [is_gone(pid) for pid in pids] == [False] * 3
    mortal.close()
    assert [is_gone(pid) for pid in pids] == [True] * 3
    assert [end(mortal, worker) for worker in workers] == [None, None]
    mortal.close()


def test_close_before_it_is_ready(is_gone: Callable[[int], bool]) -> None:
    """Protects short runs: a zygote that is still loading can be closed."""
    zygote = Zygote()
    pid = pid_of(zygote)
    zygote.close()
    assert is_gone(pid)


@pytest.mark.parametrize("bundle", [b"{}", bytes(1 << 20)], ids=["small", "larger than the pipe"])
def test_a_failed_start_says_why(bundle: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects whoever installs Headmaster: what the interpreter printed is in the error, again at a second attempt."""
    monkeypatch.setattr(launch, "_BOOTSTRAP", "import sys; sys.exit('no torch here')")
    monkeypatch.setattr(launch, "_bundle", lambda control: bundle)
    with Zygote() as zygote:
        for _ in range(2):
            with pytest.raises(SandboxError, match="did not start:\nno torch here"):
                zygote.spawn(Limits())


@pytest.mark.parametrize("room", ["reference", "graders", "gradescope"])
def test_a_zygote_that_could_import_the_key_does_not_start(
    room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects the answer key: where its packages are installed beside torch, no student code runs at all."""
    (tmp_path / room).mkdir()
    (tmp_path / room / "__init__.py").touch()
    monkeypatch.setattr(launch.sysconfig, "get_paths", lambda: {"purelib": str(tmp_path), "platlib": str(tmp_path)})
    with Zygote() as zygote, pytest.raises(SandboxError, match=f"the package {room} is importable"):
        zygote.spawn(Limits())


JUDGE = """
import sys
import textwrap
sys.path.insert(0, sys.argv[1])
from sandbox.confine import Limits
from sandbox.launch import Zygote
zygote = Zygote()
workers = [zygote.spawn(Limits()) for _ in range(2)]
print(zygote._popen.pid, *(worker.pid for worker in workers), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_the_judges_death_is_everybodys(is_gone: Callable[[int], bool]) -> None:
    """Protects the machine when a judge is killed: its zygote and its workers end by themselves."""
    command = [sys.executable, "-I", "-c", JUDGE, str(ROOT)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as judge:
        assert judge.stdout is not None
        pids = [int(pid) for pid in judge.stdout.readline().split()]
        assert [is_gone(pid) for pid in pids] == [False] * 3
        judge.kill()
    deadline = time.monotonic() + 5
    while not all(is_gone(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [is_gone(pid) for pid in pids] == [True] * 3


def test_a_twin_is_asked_apart(zygote: Zygote, is_gone: Callable[[int], bool]) -> None:
    """Protects judges that run side by side: each has a zygote that answers it alone; a twin's end harms no other."""
    with zygote.twin() as twin:
        one, other = zygote.spawn(Limits()), twin.spawn(Limits())
        assert one.pid != other.pid
        assert zygote.reap(other) is None, "it is not the other's"
        other_again = twin.spawn(Limits())
        assert end(twin, other_again) == signal.SIGKILL
        os.close(other.output)
        other.connection.close()
    assert is_gone(other.pid)
    assert end(zygote, one) == signal.SIGKILL
    assert end(zygote, third := zygote.spawn(Limits())) == signal.SIGKILL
    assert third.pid != one.pid


def test_a_twin_ends_with_its_zygote(is_gone: Callable[[int], bool]) -> None:
    """Protects the machine: no twin and none of its workers stays when the zygote goes; then it starts from scratch."""
    with Zygote() as whole:
        twin = whole.twin()
        worker = twin.spawn(Limits())
    assert is_gone(worker.pid)
    with twin:
        again = twin.spawn(Limits())
        assert end(twin, again) == signal.SIGKILL
    worker.connection.close()
    os.close(worker.output)
    assert is_gone(again.pid)


def test_no_twin_of_what_is_gone() -> None:
    """Protects the judge from waiting for ever: a zygote that has ended has no twins."""
    with Zygote() as whole:
        whole.wait_until_ready()
        os.kill(pid_of(whole), signal.SIGKILL)
        with pytest.raises(SandboxError, match="is gone"):
            whole.twin()


def test_what_is_asked_again_is_ready(zygote: Zygote, tmp_path: Path) -> None:
    """Protects limits from those of the worker before: a spare has them ahead only if the very same are asked for."""
    few, many = Limits(open_files=64), Limits(open_files=128)

    def open_files(limits: Limits, *folders: str) -> str:
        process = zygote.spawn(limits, folders)
        with Worker(Channel(zygote, process), Patience()) as worker:
            layers = worker.layers()
            assert layers["rlimits"]
            assert layers["landlock"] == (landlock.abi() > 0)
            lines = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
        return next(line.split()[3] for line in lines if line.startswith("Max open files"))

    asked = [few, few, few, many, few, few, few, many, many, many, many]
    assert [open_files(limits) for limits in asked] == [str(limits.open_files) for limits in asked]
    assert open_files(many, str(tmp_path)) == "128"


def children_of(pid: int) -> set[int]:
    """The processes that it has started and that still run."""
    children = psutil.Process(pid).children()
    return {child.pid for child in children if child.status() != psutil.STATUS_ZOMBIE}


def test_a_spare_that_is_killed_harms_nobody(zygote: Zygote, is_gone: Callable[[int], bool]) -> None:
    """Protects from the out-of-memory killer, who takes a waiting spare early: its zygote and the workers live on."""
    workers = [zygote.spawn(Limits()) for _ in range(3)]
    before, deaths = pid_of(zygote), zygote.deaths
    until = time.monotonic() + 5
    while len(children_of(before)) < 4 and time.monotonic() < until:
        time.sleep(0.01)
    [spare] = children_of(before) - {worker.pid for worker in workers}
    os.kill(spare, signal.SIGKILL)
    time.sleep(0.1)
    workers.append(zygote.spawn(Limits()))
    assert (pid_of(zygote), zygote.deaths) == (before, deaths)
    assert workers[-1].pid != spare
    assert [end(zygote, worker) for worker in workers] == [signal.SIGKILL] * 4


def test_deaths_are_counted() -> None:
    """Protects whoever was asked then: that a worker was lost with its zygote can be told from its own end."""
    with Zygote() as mortal:
        assert end(mortal, mortal.spawn(Limits())) == signal.SIGKILL
        assert mortal.deaths == 0
        worker = mortal.spawn(Limits())
        os.kill(pid_of(mortal), signal.SIGKILL)
        until = time.monotonic() + 5
        while psutil.pid_exists(worker.pid) and time.monotonic() < until:
            time.sleep(0.01)
        end(mortal, worker)
        end(mortal, mortal.spawn(Limits()))
        assert mortal.deaths == 1


def test_what_a_command_has_started_ends_with_the_zygote(is_gone: Callable[[int], bool], tmp_path: Path) -> None:
    """Protects the machine: where the judge of a twin is killed, not even processes made by student code stay."""
    (tmp_path / "run.py").write_text(
        "import os, sys, time\nif os.fork() == 0:\n    time.sleep(60)\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n"
    )
    with Zygote() as whole, intake.take(tmp_path) as snapshot:
        twin = whole.twin()
        lane = os.fork()
        if lane == 0:
            whole.leave()
            try:
                with programs.run(twin, snapshot, ["run.py"], seconds=60):
                    pass
            finally:
                os._exit(0)
        twin.leave()
        until = time.monotonic() + 20
        of_student: list[psutil.Process] = []
        while not of_student and time.monotonic() < until:
            time.sleep(0.05)
            below = psutil.Process(pid_of(whole)).children(recursive=True)
            of_student = [
                process for process in below if process.ppid() not in (pid_of(whole), *children_of(pid_of(whole)))
            ]
        assert of_student
        os.kill(lane, signal.SIGKILL)
        os.waitpid(lane, 0)
    assert all(is_gone(process.pid) for process in of_student)
