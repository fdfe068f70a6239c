"""What a worker may use: the limits that are put on it before it sees student code.

Each layer is a function that reports whether it holds; the worker sends the report in its first reply. In this order, since
each layer takes away what the ones before it needed: a session of its own, first in line for the kernel's out-of-memory
killer, death with the parent, resource limits, a user id of its own (where the judge is root), none of root's powers,
no_new_privs, no look into its memory, Landlock (`landlock.py`), seccomp (`seccomp.py`).
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from . import landlock, seccomp
from .profiles import PROFILES

LAYERS = (
    *("session", "oom_first", "dies_with_parent", "rlimits", "uid", "no_capabilities", "no_new_privs", "not_dumpable"),
    *("landlock", "seccomp"),
)
# a worker's user and group have numbers that no account has: this and the number of the process
FIRST_UID = 1_000_000
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Limits:
    """What one worker may use.

    Attributes:
        memory_bytes: address space (RLIMIT_AS).
        cpu_seconds: CPU time of the process; the kernel ends it after that, whatever the judge does.
        file_bytes: size of any file that it writes; 0 = it can write none.
        open_files: number of descriptors.
        profile: what else it may do, a name in `profiles.PROFILES`.
    """

    memory_bytes: int = 4 << 30
    cpu_seconds: int = 300
    file_bytes: int = 0
    open_files: int = 256
    profile: str = "cpu"


def apply(limits: Limits, parent_pid: int, folders: Sequence[str] = (), scratch: str = "") -> dict[str, bool]:
    """Confine the calling process for good; report which layers hold.

    Args:
        limits: resource limits.
        parent_pid: the zygote. If it is already gone, the process ends here.
        folders: what it may read besides the interpreter and the system's libraries: the submission.
        scratch: a folder in which it may make, change and remove files; "" = none.
    """
    prepare()
    profile = PROFILES[limits.profile]
    interpreter = landlock.interpreter_folders()
    _prctl(_PR_SET_DUMPABLE, 1)  # else its files in /proc would not be its own
    report = {"session": _new_session(), "oom_first": _first_for_the_oom_killer()}
    report["rlimits"] = _set_rlimits(limits)
    report["uid"] = _become_nobody(interpreter)
    report["no_capabilities"] = _give_up_capabilities()
    report["dies_with_parent"] = die_with_parent()  # a change of the user id ends it
    if os.getppid() != parent_pid:
        os._exit(1)
    report["no_new_privs"] = _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    report["not_dumpable"] = hide_memory()
    report["landlock"] = landlock.restrict([*interpreter, *folders], profile, scratch)
    # a filter cannot know its process's children: where other processes are out of reach anyway, it may signal them
    report["seccomp"] = seccomp.restrict(profile, children=report["uid"] or landlock.keeps_signals_in())
    return {layer: report[layer] for layer in LAYERS}


def prepare() -> None:
    """Do what costs time once, in the process that workers are forked from."""
    landlock.abi()
    landlock.interpreter_folders()
    seccomp.prepare()


def hide_memory() -> bool:
    """Keep other processes of the same user out of this one's memory, environment and descriptors (Linux only)."""
    return _prctl(_PR_SET_DUMPABLE, 0)


def _become_nobody(interpreter: Sequence[str]) -> bool:
    """Take a user and a group that own nothing; only root can, and only if they can read the interpreter."""
    if not hasattr(os, "setresuid") or os.geteuid() != 0 or unreadable(interpreter):
        return False
    number = FIRST_UID + os.getpid()
    resource.setrlimit(resource.RLIMIT_NPROC, (64, 64))
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)
    return os.getresuid() == (number,) * 3 and os.getresgid() == (number,) * 3


def _give_up_capabilities() -> bool:
    """Keep none of root's powers (capabilities(7)), where the user id could not be changed; Linux only."""
    if _libc is None:
        return False
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)  # of this process
    return int(_libc.capset(header, (ctypes.c_uint32 * 6)())) == 0


def unreadable(folders: Sequence[str]) -> str:
    """The first of some folders, or of those above them, that other users cannot enter; "" if there is none."""
    for folder in folders:
        parts = folder.split(os.sep)
        for n in range(2, len(parts) + 1):
            above = os.sep.join(parts[:n])
            if not os.stat(above).st_mode & 0o001:
                return above
    return ""


def die_with_parent() -> bool:
    """Have the kernel end this process when the process that started it ends (Linux only)."""
    return _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def kill_with_children(pid: int) -> None:
    """Kill a worker with all processes that it has made: none of them can leave its group.

    Raises:
        ProcessLookupError, PermissionError: it is gone.
    """
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has not begun to confine itself: it has no group yet
        os.kill(pid, signal.SIGKILL)


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
    profile = PROFILES[limits.profile]
    wanted = {
        resource.RLIMIT_DATA if profile.reserves_memory else resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: max(limits.open_files, profile.open_files),
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
