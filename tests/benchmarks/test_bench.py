"""`make bench`: the same checks on the same solution, confined and not, so that their times can be compared."""

import json
import subprocess
import sys

import pytest

from benchmarks import bench, page
from benchmarks.memory import peak_of

PAIR = {"median": 0.9, "min": 0.8, "max": 1.0}
FOUND = {
    "command": "make bench",
    "date": "2026-11-26",
    "device": "2 cores",
    "python": "3.11.7",
    "torch": "2.13.0",
    "rounds": 3,
    "warm": [
        {
            "homework": "core",
            "checks": 7,
            "examples": 70,
            "rates": PAIR,
            "grades": PAIR,
            "in_lanes": PAIR,
            "by_check": {},
        }
    ],
    "cold": [{"homework": "core", "grade": PAIR, "floor": PAIR, "of_processes": PAIR, "ratio": PAIR}],
    "memory": [{"homework": "core", "mib": 512, "processes": 5}],
    "rivals": None,
}


def test_every_check_runs_both_ways() -> None:
    """Protects the comparison: checks pass through workers and without, on as many examples, and take some time."""
    names = ["attention.agrees_with_reference", "multi_head.no_future_leak", "mask.interface"]
    told = json.loads(bench.python("benchmarks.pairs", "core", "1", *names))
    found = told["pairs"]
    assert len(told["in_lanes"]) == 1
    assert set(found) == set(names)
    for name, pair in found.items():
        assert pair["confined"][0] > 0
        assert pair["in_process"][0] > 0
        assert (pair["examples"] > 0) == (name != "mask.interface")


def test_the_floor_imports_the_submission_beside_itself() -> None:
    """Protects the floor from the cost of processes: without isolation the same checks pass, and no process is made."""
    code = """
import os
from benchmarks.floor import floor
os.fork = None
print(sorted({name.partition(".")[0] for name in floor("jhu_tinygpt")}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=bench.ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.strip() == "['attention', 'block', 'gpt', 'multi_head', 'rules', 'training']"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells proportional set sizes")
def test_peak_memory() -> None:
    """Protects the figure: what parent and child have at the same time is added, and a failure is none."""
    code = """
import os, time
a = bytearray(64 << 20)
if os.fork() == 0:
    b = bytearray(64 << 20)
    time.sleep(1)
else:
    os.wait()
"""
    peak = peak_of([sys.executable, "-S", "-c", code])
    assert peak.processes == 2
    assert 128 << 20 <= peak.bytes < 180 << 20
    with pytest.raises(subprocess.CalledProcessError):
        peak_of([sys.executable, "-c", "raise SystemExit(1)"])


def test_the_page_has_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects docs/timing.md: the marks are there between which the command writes."""
    monkeypatch.setattr(bench.rivals, "table", lambda found: "")
    again = page.written(page.PAGE.read_text(encoding="utf-8"), bench.PART, bench.tables(FOUND))
    assert "| core | 7 | 70 | 0.90 (0.80 to 1.00) |" in again
    assert "| 512 |" in again
