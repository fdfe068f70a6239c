"""The limits that a worker is put under, applied for good in a process of their own."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

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
    expected = {"session": True, "oom_first": True, "dies_with_parent": True, "rlimits": True, "no_new_privs": True}
    assert expected == answer("return confine.apply(confine.Limits(), os.getppid())")


def test_the_kernel_agrees() -> None:
    """Protects against a report of layers that do not hold: the kernel is asked about each."""
    found = answer(
        """
        confine.apply(confine.Limits(memory_bytes=1 << 32, cpu_seconds=7, open_files=64), os.getppid())
        kinds = ("AS", "CPU", "FSIZE", "NOFILE", "CORE")
        return {
            "leads": os.getsid(0) == os.getpid(),
            "limits": [resource.getrlimit(getattr(resource, "RLIMIT_" + kind)) for kind in kinds],
            "oom": open("/proc/self/oom_score_adj").read().strip(),
            "no_new_privs": "NoNewPrivs:\\t1\\n" in open("/proc/self/status").read(),
        }
        """
    )
    limits = [[1 << 32] * 2, [7, 8], [0, 0], [64, 64], [0, 0]]
    assert {"leads": True, "limits": limits, "oom": "1000", "no_new_privs": True} == found


def test_no_file_can_grow() -> None:
    """Protects the disk: where no file may be written, a write answers with an error."""
    found = answer(
        """
        confine.apply(confine.Limits(), os.getppid())
        try:
            with open(f"/tmp/headmaster-{os.getpid()}", "w") as file:
                os.unlink(file.name)
                file.write("x")
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
