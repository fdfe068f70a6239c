"""The limits that a worker is put under, applied for good in a process of their own."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from sandbox import confine, landlock, seccomp

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.torch_free, pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's")]

SCRIPT = """
import json, os, resource, signal, sys
sys.path.insert(0, sys.argv[1])
from sandbox import confine
if os.fork() == 0:  # a group leader cannot start a session
    try:
        answer = inside()
        os.write(1, json.dumps(answer).encode())
    finally:
        os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def run(inside: str) -> subprocess.CompletedProcess[str]:
    """Run the body of `inside()` in a process that may confine itself."""
    code = "def inside():\n" + textwrap.indent(textwrap.dedent(inside), "    ") + SCRIPT
    command = [sys.executable, "-I", "-c", code, str(ROOT)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def answer(inside: str) -> Any:
    """What such a process found out."""
    done = run(inside)
    assert (done.stderr, done.returncode) == ("", 0)
    return json.loads(done.stdout)


def test_each_layer_reports() -> None:
    """Protects the report: a layer that is missing from it, or says False, must be noticed."""
    report = answer("return confine.apply(confine.Limits(), os.getppid())")
    assert list(report) == list(confine.LAYERS)
    uid = os.geteuid() == 0 and not confine.unreadable(landlock.interpreter_folders())
    missing = {"uid": not uid, "landlock": not landlock.abi(), "seccomp": not seccomp.supported()}
    assert report == {layer: not missing.get(layer, False) for layer in confine.LAYERS}


# what the kernel says of each layer, what turns the layer off, and what must be so for it to show
SEEN = {
    "session": ("os.getsid(0) == os.getpid()", "_new_session = lambda: True", ""),
    "oom_first": ("text('oom_score_adj') == '1000'", "_first_for_the_oom_killer = lambda: True", ""),
    "dies_with_parent": ("number_of(2) == signal.SIGKILL", "die_with_parent = lambda: True", ""),
    "rlimits": ("resource.getrlimit(resource.RLIMIT_FSIZE) == (0, 0)", "_set_rlimits = lambda limits: True", ""),
    "uid": (
        "os.getuid() >= 1_000_000",
        "_become_nobody = lambda interpreter: True",
        "confine.unreadable = lambda folders: ''",
    ),
    "no_capabilities": (
        "status('CapEff') == 0",
        "_give_up_capabilities = lambda: True",
        "confine.unreadable = lambda folders: '/root'",
    ),
    # Landlock and seccomp need it and set it too
    "no_new_privs": (
        "status('NoNewPrivs') == 1",
        "_PR_SET_NO_NEW_PRIVS = 39  # only asks",
        "confine.landlock.restrict = confine.seccomp.restrict = lambda *_, **__: True",
    ),
    "not_dumpable": ("libc.prctl(3, 0, 0, 0, 0) == 0", "hide_memory = lambda: True", ""),
    "landlock": ("not can_list('/usr')", "landlock.restrict = lambda *_: True", ""),
    "seccomp": ("status('Seccomp') == 2", "seccomp.restrict = lambda *_, **__: True", ""),
}
LOOK = """
import ctypes
libc = ctypes.CDLL(None)
def text(name):
    return open("/proc/self/" + name).read().strip()
def status(name):
    return next(int(line.split()[1], 16) for line in text("status").splitlines() if line.startswith(name + ":"))
def number_of(option):
    number = ctypes.c_int()
    libc.prctl(option, ctypes.byref(number), 0, 0, 0)
    return number.value
def can_list(folder):
    try:
        return bool(os.listdir(folder))
    except PermissionError:
        return False
"""


@pytest.mark.parametrize("layer", confine.LAYERS)
def test_the_kernel_agrees(layer: str) -> None:
    """Protects against a layer that is reported and does not hold: the kernel is asked, and without the layer says no."""
    seen, off, needs = SEEN[layer]
    if layer in ("uid", "no_capabilities") and os.geteuid() != 0:
        pytest.skip("only root can take another user, and only root has powers to lose")
    apply = f"confine.apply(confine.Limits(), os.getppid())\nreturn bool({seen})"
    wanted = {"landlock": landlock.abi() > 0, "seccomp": seccomp.supported()}.get(layer, True)
    assert answer(f"{LOOK}{needs}\n{apply}") is wanted
    assert answer(f"{LOOK}{needs}\nconfine.{off}\n{apply}") is False


def test_limits_are_those_asked_for() -> None:
    """Protects the limits: each is the one that was asked for, and none can be raised again."""
    found = answer(
        """
        confine.apply(confine.Limits(memory_bytes=1 << 32, cpu_seconds=7, open_files=64), os.getppid())
        kinds = ("AS", "CPU", "FSIZE", "NOFILE", "CORE")
        return [resource.getrlimit(getattr(resource, "RLIMIT_" + kind)) for kind in kinds]
        """
    )
    assert found == [[1 << 32] * 2, [7, 8], [0, 0], [64, 64], [0, 0]]


def test_root_without_a_user_of_its_own_has_no_powers() -> None:
    """Protects where the interpreter lies in a private home: a worker that stays root may not do what root may."""
    found = answer(
        """
        confine.unreadable = lambda folders: "/root"
        report = confine.apply(confine.Limits(), os.getppid())
        status = open("/proc/self/status").read().splitlines()
        powers = {line.split(":")[0]: int(line.split()[1], 16) for line in status if line.startswith("Cap")}
        return [report["uid"], report["no_capabilities"], powers["CapEff"], powers["CapPrm"], powers["CapInh"]]
        """
    )
    assert found == [False, True, 0, 0, 0]


def test_death_with_the_parent_cannot_be_shaken_off() -> None:
    """Protects from workers that outlive the judge: what the kernel clears when a process changes its user stays set."""
    found = answer(
        LOOK
        + """
        confine.unreadable = lambda folders: "/root"
        confine.apply(confine.Limits(), os.getppid())
        libc.setfsuid(1), libc.setfsgid(1)
        return number_of(2)
        """.replace("\n        ", "\n").strip()
    )
    assert found == 9


def test_no_file_can_grow() -> None:
    """Protects the disk: where no file may be written, a write answers with an error."""
    found = answer(
        """
        descriptor = os.open(f"/tmp/headmaster-{os.getpid()}", os.O_CREAT | os.O_RDWR)
        os.unlink(f"/tmp/headmaster-{os.getpid()}")
        confine.apply(confine.Limits(), os.getppid())
        try:
            os.write(descriptor, b"x")
        except OSError as error:
            return error.strerror
        """
    )
    assert found == "File too large"


def test_limits_that_are_lower_already_stay() -> None:
    """Protects a machine's own, tighter limits: they are kept, and no error is made of them."""
    found = answer(
        """
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
        resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
        report = confine.apply(confine.Limits(), os.getppid())
        kinds = (resource.RLIMIT_NOFILE, resource.RLIMIT_CPU)
        return [report["rlimits"], *map(resource.getrlimit, kinds)]
        """
    )
    assert found == [True, [32, 32], [5, 5]]


def test_an_orphan_ends() -> None:
    """Protects against a worker without a judge: whose parent is gone already ends before it sees student code."""
    done = run("return confine.apply(confine.Limits(), os.getppid() + 1)")
    assert (done.stdout, done.returncode) == ("", 1)


def test_what_others_cannot_enter(tmp_path: Path) -> None:
    """Protects the advice: the first folder on the way that keeps other users out is named."""
    inner = tmp_path / "home" / "bin"
    inner.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "home", inner):
        folder.chmod(0o755)
    above = confine.unreadable([str(tmp_path)])
    if not above:
        assert confine.unreadable([str(inner)]) == ""
        (tmp_path / "home").chmod(0o700)
        assert confine.unreadable([str(tmp_path), str(inner)]) == str(tmp_path / "home")
    else:
        assert tmp_path.is_relative_to(above)


def test_cuda_limits_data() -> None:
    """Protects CUDA, which reserves far more addresses than it uses: its data is limited, not its addresses."""
    found = answer(
        """
        before = resource.getrlimit(resource.RLIMIT_AS)
        confine.apply(confine.Limits(memory_bytes=1 << 32, profile="cuda"), os.getppid())
        kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_NOFILE)
        return [before] + [resource.getrlimit(kind) for kind in kinds]
        """
    )
    assert found == [found[0], found[0], [1 << 32] * 2, [1024] * 2]
