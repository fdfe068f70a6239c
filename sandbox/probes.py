"""What a worker tries, before it sees student code, to learn what confinement really stops: attempts, not intentions.

Each probe does something that student code must not be able to do, harmlessly. It is *open* if that succeeds.
"""

import ctypes
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Targets:
    """What the judge has put there for the probes.

    Attributes:
        judge: the number of its process.
        secret: a file that it alone may read.
        results: a folder like that of results.json.
        listener: a socket in the file system that it listens at.
    """

    judge: int
    secret: str
    results: str
    listener: str


def run(targets: Targets) -> dict[str, bool]:
    """Try everything; says of each probe whether it was stopped."""
    return {name: _is_stopped(probe, targets) for name, probe in PROBES.items()}


def _is_stopped(probe: Callable[[Targets], None], targets: Targets) -> bool:
    try:
        probe(targets)
    except OSError:
        return True
    return False


def _read_hidden(targets: Targets) -> None:
    os.close(os.open(targets.secret, os.O_RDONLY))


def _write_results(targets: Targets) -> None:
    path = os.path.join(targets.results, f"probe-{os.getpid()}")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
    os.unlink(path)


def _write_to(folder: str) -> Callable[[Targets], None]:
    def probe(_: Targets) -> None:
        path = os.path.join(folder, f"headmaster-probe-{os.getpid()}")
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
        os.unlink(path)

    return probe


def _change_mode(targets: Targets) -> None:
    os.chmod(targets.secret, 0o600)


def _signal_judge(targets: Targets) -> None:
    os.kill(targets.judge, 0)


def _read_memory(targets: Targets) -> None:
    os.close(os.open(f"/proc/{targets.judge}/mem", os.O_RDONLY))


def _read_environment(targets: Targets) -> None:
    descriptor = os.open(f"/proc/{targets.judge}/environ", os.O_RDONLY)
    try:
        os.read(descriptor, 1)
    finally:
        os.close(descriptor)


def _slow_judge_down(targets: Targets) -> None:
    os.sched_setaffinity(targets.judge, os.sched_getaffinity(0))


def _trace(targets: Targets) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    attach, detach = 16, 17
    if libc.ptrace(attach, targets.judge, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    libc.ptrace(detach, targets.judge, 0, signal.SIGCONT)


def _fork(_: Targets) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _run_program(_: Targets) -> None:
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)


def _open_socket(kind: int) -> Callable[[Targets], None]:
    def probe(_: Targets) -> None:
        socket.socket(socket.AF_INET, kind).close()

    return probe


def _connect(targets: Targets) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(targets.listener)


def _make_shared_memory(_: Targets) -> None:
    os.close(os.memfd_create("probe"))


PROBES: Mapping[str, Callable[[Targets], None]] = {
    "reads hidden files": _read_hidden,
    "writes results": _write_results,
    "changes modes of files": _change_mode,
    "writes to /tmp": _write_to("/tmp"),
    "writes to /dev/shm": _write_to("/dev/shm"),
    "reads the judge's memory": _read_memory,
    "reads the judge's environment": _read_environment,
    "traces the judge": _trace,
    "signals the judge": _signal_judge,
    "moves the judge to other CPUs": _slow_judge_down,
    "makes processes": _fork,
    "runs programs": _run_program,
    "opens TCP sockets": _open_socket(socket.SOCK_STREAM),
    "opens UDP sockets": _open_socket(socket.SOCK_DGRAM),
    "connects to local sockets": _connect,
    "makes shared memory": _make_shared_memory,
}
