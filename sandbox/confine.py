"""What a worker may use: the limits that are put on it before it sees student code.

This is the room of the kernel layers. Each layer is a function that reports whether it holds; the worker sends the
report in its first reply. Today: a session of its own, resource limits, no_new_privs, death with the parent, first in
line for the kernel's out-of-memory killer. A user id of its own, Landlock and seccomp belong here too.
"""

import ctypes
import os
import resource
import signal
import sys
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Limits:
    """What one worker may use.

    Attributes:
        memory_bytes: address space (RLIMIT_AS).
        cpu_seconds: CPU time of the process; the kernel ends it after that, whatever the judge does.
        file_bytes: size of any file that it writes; 0 = it can write none.
        open_files: number of descriptors.
    """

    memory_bytes: int = 4 << 30
    cpu_seconds: int = 300
    file_bytes: int = 0
    open_files: int = 256


def apply(limits: Limits, parent_pid: int) -> dict[str, bool]:
    """Confine the calling process for good; report which layers hold.

    Args:
        limits: resource limits.
        parent_pid: the zygote. If it is already gone, the process ends here.
    """
    report = {"session": _new_session(), "oom_first": _first_for_the_oom_killer()}
    report["dies_with_parent"] = _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)
    report["rlimits"] = _set_rlimits(limits)
    report["no_new_privs"] = _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    return report


def die_with_parent() -> None:
    """Have the kernel end this process when the process that started it ends (Linux only)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _new_session() -> bool:
    os.setsid()
    return os.getsid(0) == os.getpid()


def _first_for_the_oom_killer() -> bool:
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        return False
    return True


def _set_rlimits(limits: Limits) -> bool:
    wanted = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
    }
    holds = True
    for kind, value in wanted.items():
        most = value + 1 if kind == resource.RLIMIT_CPU else value  # a second apart: SIGXCPU says more than SIGKILL
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            value, most = min(value, hard), min(most, hard)
        try:
            resource.setrlimit(kind, (value, most))
        except (OSError, ValueError):  # macOS refuses some of them
            holds = False
    return holds


def _prctl(option: int, value: int) -> bool:
    if _libc is None:
        return False
    zero = ctypes.c_ulong(0)
    return int(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero)) == 0
