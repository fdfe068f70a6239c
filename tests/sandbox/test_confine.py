"""The limits that a worker is put under, applied for good in a process of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.confine import Limits

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.torch_free,
    pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's"),
]


def confined(body: str, limits: str = "confine.Limits()", parent: str = "os.getppid()") -> subprocess.CompletedProcess[str]:
    """Run a few lines in a process that has confined itself; `report` holds what it reported."""
    code = f"""
import json, os, resource, sys
sys.path.insert(0, {str(ROOT)!r})
from sandbox import confine
{"pass" if "setrlimit" not in body else body.splitlines()[0]}
if os.fork() == 0:  # a group leader cannot start a session
    report = confine.apply({limits}, {parent})
{chr(10).join("    " + line for line in body.splitlines())}
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=30, check=False)


def facts(body: str, limits: str = "confine.Limits()") -> Any:
    """What such a process prints, as JSON."""
    done = confined(f"os.write(1, json.dumps({body}).encode())", limits)
    assert ("", 0) == (done.stderr, done.returncode)
    return json.loads(done.stdout)
