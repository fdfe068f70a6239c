"""The filter of system calls: what it denies fails with EPERM, what computing needs goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox import seccomp

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not seccomp.supported(), reason="the kernel, or seccompy, is not there")

PROGRAM = """
import ctypes, errno, json, os, resource, signal, socket, sys, threading
sys.path.insert(0, sys.argv[1])
from sandbox import seccomp
from sandbox.profiles import PROFILES
libc = ctypes.CDLL(None, use_errno=True)
assert seccomp.restrict(PROFILES[PROFILE], children=CHILDREN)
def raises(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"
def clone(flags):
    if libc.syscall({"x86_64": 56, "aarch64": 220}[os.uname().machine], flags | signal.SIGCHLD, 0, 0, 0, 0) == -1:
        raise OSError(ctypes.get_errno(), "clone")
def thread():
    worker = threading.Thread(target=lambda: None)
    worker.start(); worker.join()
print(json.dumps({name: raises(call) for name, call in (BODY).items()}))
"""


def outcomes(body: str, profile: str = "cpu", children: bool = False) -> Any:
    """What some calls, given as the text of a dictionary of functions, end with under the filter of a profile."""
    program = PROGRAM.replace("BODY", body).replace("PROFILE]", f"{profile!r}]").replace("CHILDREN", str(children))
    command = [sys.executable, "-I", "-c", program, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    return json.loads(done.stdout)


def test_what_is_denied() -> None:
    """Protects the machine: none of these goes through, and none of them ends the process."""
    found = outcomes(
        """{
        "fork": os.fork,
        "exec": lambda: os.execv("/bin/true", ["true"]),
        "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "socket": lambda: socket.socket(),
        "chmod": lambda: os.chmod("/", 0o755),
        "chown": lambda: os.chown("/", 0, 0),
        "mkdir": lambda: os.mkdir("/tmp/headmaster-seccomp"),
        "unlink": lambda: os.unlink("/tmp/headmaster-seccomp"),
        "kill others": lambda: os.kill(os.getppid(), 0),
        "kill all": lambda: os.kill(-1, 0),
        "affinity": lambda: os.sched_setaffinity(os.getppid(), {0}),
        "priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, 1),
        "limits of others": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CPU),
        "memfd": lambda: os.memfd_create("x"),
        "session": os.setsid,
        }"""
    )
    assert {name for name, error in found.items() if error != "EPERM"} == set()


def test_what_goes_on() -> None:
    """Protects honest code: threads, pairs of sockets, signals to itself, its own limits, files to read."""
    found = outcomes(
        """{
        "thread": thread,
        "socketpair": socket.socketpair,
        "kill itself": lambda: os.kill(os.getpid(), 0),
        "own limits": lambda: resource.getrlimit(resource.RLIMIT_CPU),
        "read": lambda: open("/dev/zero", "rb").read(3),
        "raise": lambda: signal.raise_signal(signal.SIGCONT),
        "pipe": os.pipe,
        }"""
    )
    assert set(found.values()) == {"ok"}


@pytest.mark.skipif(sys.platform != "linux" or "x86_64" not in __import__("platform").machine(), reason="x86-64 only")
def test_the_other_numbering_is_denied() -> None:
    """Protects the list of names: the same calls by their x32 numbers fail too."""
    found = outcomes(
        """{
        "x32 fork": lambda: (libc.syscall(0x40000000 | 57) == -1 and ctypes.get_errno() == errno.EPERM) or 1 / 0,
        "x32 getpid": lambda: (libc.syscall(0x40000000 | 39) == -1 and ctypes.get_errno() == errno.EPERM) or 1 / 0,
        }"""
    )
    assert set(found.values()) == {"ok"}


def test_scripts_may_make_processes() -> None:
    """Protects commands that are run as programs: processes, folders and files go through, and nothing else does."""
    found = outcomes(
        """{
        "fork": lambda: os.waitpid(os.fork() or os._exit(0), 0),
        "spawn": lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
        "mkdir": lambda: os.mkdir(f"/tmp/headmaster-{os.getpid()}"),
        "rmdir": lambda: os.rmdir(f"/tmp/headmaster-{os.getpid()}"),
        "chmod": lambda: os.chmod("/", 0o777),
        "signal a child": lambda: os.kill(os.getppid(), 0),
        "session": os.setsid,
        "group": lambda: os.setpgid(0, 0),
        "socket": lambda: socket.socket(),
        "namespace": lambda: os.unshare(0x10000000) if hasattr(os, "unshare") else clone(0x10000000),
        "memfd": lambda: os.memfd_create("x"),
        "link": lambda: os.symlink("a", "/tmp/headmaster-link"),
        "chown": lambda: os.chown("/", 0, 0),
        }""",
        "script",
        children=True,
    )
    may = {"fork", "spawn", "mkdir", "rmdir", "chmod", "signal a child"}
    assert {name for name, error in found.items() if error == "ok"} == may
    assert os.stat("/").st_mode & 0o777 == 0o755  # said to be changed, and was not


def test_scripts_signal_nobody_where_only_the_filter_could_stop_them() -> None:
    """Protects the judge where a script has its user and the kernel keeps no signals in."""
    found = outcomes('{"signal": lambda: os.kill(os.getppid(), 0)}', "script")
    assert found == {"signal": "EPERM"}


def test_cuda_may_share_memory() -> None:
    """Protects CUDA's needs, as far as they are known: memory files; and still no process and no socket."""
    found = outcomes(
        """{
        "memfd": lambda: os.memfd_create("x"),
        "fork": os.fork,
        "exec": lambda: os.execv("/bin/true", ["true"]),
        "socket": lambda: socket.socket(),
        "unlink": lambda: os.unlink("/tmp/headmaster-seccomp"),
        }""",
        "cuda",
    )
    assert {name for name, error in found.items() if error == "ok"} == {"memfd"}
