"""What the platform does around run_autograder: folders, time limit, cut texts, broken results."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from gradescope.harness import CUT, INVALID, MAX_CHARACTERS, run

pytestmark = pytest.mark.torch_free


class Platform:
    """A folder as /autograder, and what a student has handed in."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "autograder"
        self.incoming = folder / "incoming"
        (self.incoming / "submission").mkdir(parents=True)
        (self.incoming / "submission" / "attend.py").write_text("x = 1\n")
        (self.incoming / "submission_metadata.json").write_text('{"id": 7}')
        self.root.mkdir()

    def grade(self, script: str, seconds: float = 60) -> dict[str, Any]:
        """Let a shell script be run_autograder."""
        file = self.root / "run_autograder"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return run(self.root, self.incoming, seconds)


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """A new platform."""
    return Platform(tmp_path)


def test_a_run(platform: Platform) -> None:
    """Protects the simulation's worth: working directory, submission, metadata and time limit are the platform's."""
    script = """
pwd; ls submission; cat submission_metadata.json; echo; echo $TIMEOUT_SECONDS >&2
echo '{"score": 3, "tests": []}' > results/results.json
exit 5"""
    found = platform.grade(script)
    assert (found["results"], found["error"], found["exit_status"]) == ({"score": 3, "tests": []}, "", 5)
    assert found["stdout"] == f'{platform.root}\nattend.py\n{{"id": 7}}\n60\n'
    assert 0 < found["execution_time"] < 60


def test_folders_are_made_anew(platform: Platform) -> None:
    """Protects from what an image leaves there: nothing in submission and results outlives the start."""
    for name in ("submission", "results"):
        (platform.root / name).mkdir()
        (platform.root / name / "left.txt").touch()
    found = platform.grade("ls submission results; echo '{}' > results/results.json")
    assert "left.txt" not in found["stdout"]


def test_time_limit_ends_the_direct_child_only(platform: Platform) -> None:
    """Protects from a kinder simulation: results are overwritten with 0, and what was started goes on."""
    script = """
echo '{"score": 3}' > results/results.json
sleep 60 & echo $! > pid
wait"""
    start = time.monotonic()
    found = platform.grade(script, seconds=0.5)
    assert time.monotonic() - start < 30
    child = int((platform.root / "pid").read_text())
    os.kill(child, 9)  # it is still there, or this raises
    assert (found["error"], found["exit_status"]) == ("timeout", None)
    assert found["results"] == {
        "score": 0,
        "output": "Your submission timed out. It took longer than 0.5 seconds to run.",
        "execution_time": 0.5,
    }


@pytest.mark.parametrize("written", ["", "{", "[]", "3", None])
def test_results_that_are_none(platform: Platform, written: str | None) -> None:
    """Protects from a simulation that forgives: no file, half a file or no object is an error, and counts 0."""
    found = platform.grade(
        "echo seen" if written is None else f"echo seen; printf '%s' '{written}' > results/results.json"
    )
    assert (found["error"], found["results"]["score"], found["results"]["output"]) == ("invalid_json", 0, INVALID)
    assert found["stdout"] == f"seen\n\n{written or ''}"


def test_texts_are_cut(platform: Platform) -> None:
    """Protects long feedback from a surprise: each output is cut in its middle, as is what was printed."""
    texts = {"output": "a" * 200_000, "tests": [{"output": "b" * 100_001}, {"output": "c" * 100_000}, {"name": "d"}]}
    (platform.root / "long.json").write_text(json.dumps(texts))
    found = platform.grade("cp long.json results/results.json; head -c 300000 /dev/zero | tr '\\0' x")
    outputs = [found["results"]["output"], found["results"]["tests"][0]["output"], found["stdout"]]
    for text in outputs:
        assert len(text) <= MAX_CHARACTERS
        assert CUT in text
        assert text[0] == text[-1]
    assert found["results"]["tests"][1]["output"] == "c" * 100_000


def test_bytes_that_are_no_text(platform: Platform) -> None:
    """Protects from a crash: what is no UTF-8, and the character 0, are replaced."""
    found = platform.grade(r"""printf 'a\377b\000c'; printf '{"score": 1}' > results/results.json""")
    assert found["stdout"] == "a\ufffdb\ufffdc"
