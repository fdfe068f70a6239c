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


def test_the_kernel_agrees() -> None:
    """Protects against a report of layers that do not hold: the kernel is asked about each."""
    found = answer(
        """
        confine.apply(confine.Limits(memory_bytes=1 << 32, cpu_seconds=7, open_files=64), os.getppid())
        status = open("/proc/self/status").read()
        kinds = ("AS", "CPU", "FSIZE", "NOFILE", "CORE")
        return {
            "leads": os.getsid(0) == os.getpid(),
            "limits": [resource.getrlimit(getattr(resource, "RLIMIT_" + kind)) for kind in kinds],
            "oom": open("/proc/self/oom_score_adj").read().strip(),
            "no_new_privs": "NoNewPrivs:\\t1\\n" in status,
            "filtered": "Seccomp:\\t2\\n" in status,
            "powers": [line.split()[1].strip("0") for line in status.splitlines() if line.startswith("CapE")],
        }
        """
    )
    limits = [[1 << 32] * 2, [7, 8], [0, 0], [64, 64], [0, 0]]
    filtered = seccomp.supported()
    wanted = {"leads": True, "limits": limits, "oom": "1000", "no_new_privs": True, "filtered": filtered}
    assert found == wanted | {"powers": [""]}


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
