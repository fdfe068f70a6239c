"""The layer that needs root and an interpreter outside of private homes: each worker has a user of its own."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.confine import unreadable

ROOT = Path(__file__).parent.parent
PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from graders.homework import load
from graders.judge import Judge, reference_of
from graders.verdict import Outcome
from sandbox.launch import Zygote
from sandbox.self_test import self_test
if __name__ == "__main__":
    name = sys.argv[2]
    with Zygote() as zygote, Judge(load(name), reference_of(name), zygote) as judge:
        found = self_test(zygote)
        judge.judge_all()
        with judge.student.open(1) as worker:
            worker.layers()
            status = Path(f"/proc/{worker.channel.pid}/status").read_text()
    print(json.dumps({
        "layers": found.layers, "open": found.open,
        "failed": [id for id, verdict in judge.verdicts.items() if verdict.outcome is not Outcome.PASSED],
        "uids": [line.split()[1:] for line in status.splitlines() if line.startswith(("Uid:", "Gid:", "Groups:"))],
    }))
"""


@pytest.fixture
def interpreter() -> Iterator[str]:
    """An environment that all users can read, with the packages of this one."""
    packages = Path(sysconfig.get_paths()["purelib"])
    system = Path(f"/usr/bin/python3.{sys.version_info.minor}")
    if os.geteuid() != 0 or not system.exists() or unreadable([str(packages.resolve())]):
        pytest.skip("it needs root, a system-wide Python of this version, and packages that all users can read")
    folder = Path(tempfile.mkdtemp(prefix="headmaster-uid-"))
    try:
        folder.chmod(0o755)
        subprocess.run([system, "-m", "venv", "--without-pip", folder / "venv"], check=True, timeout=120)
        own = folder / "venv" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
        shutil.rmtree(own)
        own.symlink_to(packages)
        yield str(folder / "venv" / "bin" / "python")
    finally:
        shutil.rmtree(folder)


@pytest.mark.slow
def test_each_worker_has_a_user_of_its_own(interpreter: str) -> None:
    """Protects files of the judge's user: the layer holds, nothing is open, and a right submission is graded as ever."""
    homework = str(ROOT / "examples" / "first_attention" / "first_attention.toml")
    command = [interpreter, "-B", "-s", "-c", PROGRAM, str(ROOT), homework]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, cwd="/")
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["layers"] == dict.fromkeys(found["layers"], True)
    assert (found["open"], found["failed"]) == ([], [])
    [uids, gids, groups] = found["uids"]
    assert len(set(uids)) == len(set(gids)) == 1
    assert int(uids[0]) > 1_000_000
    assert groups == []
