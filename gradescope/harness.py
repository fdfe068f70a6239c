"""What Gradescope's own harness does around run_autograder, for `headmaster simulate`. The standard library alone.

It runs in the image with the system's Python, as the platform's does: folders are made anew, run_autograder is started in
/autograder, the time limit ends that one process and not those that it started, and what is left in results.json is cut to
size and stored.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MAX_CHARACTERS = 100_000
CUT = "[...(truncated)...]"
INVALID = "The autograder failed to execute correctly. Contact your course staff for help in debugging this issue."


def run(root: Path, incoming: Path, seconds: float) -> dict[str, Any]:
    """Grade once.

    Args:
        root: the folder that is /autograder on the platform.
        incoming: a folder `submission` with what was handed in, and submission_metadata.json.
        seconds: the time limit.

    Returns:
        What the platform stores: results, stdout, execution_time, exit_status (None when the time was up), error.
    """
    submission, results = root / "submission", root / "results"
    for folder in (submission, results):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(incoming / "submission", submission)
    shutil.copy(incoming / "submission_metadata.json", root)
    results.mkdir()
    start = time.monotonic()
    with open(results / "stdout", "wb") as stdout:
        status = _graded(root, stdout, seconds)
    duration = time.monotonic() - start
    file = results / "results.json"
    if status is None:
        note = f"Your submission timed out. It took longer than {seconds:g} seconds to run."
        file.write_text(json.dumps({"score": 0, "output": note, "execution_time": seconds}), encoding="utf-8")
    printed = _text(results / "stdout")
    found, error = _stored(file)
    if error:
        printed += f"\n{_text(file)}"
    return {
        "results": found,
        "stdout": _cut(printed),
        "execution_time": duration,
        "exit_status": status,
        "error": "timeout" if status is None else error,
    }


def _graded(root: Path, stdout: Any, seconds: float) -> int | None:
    """Start run_autograder and wait; its exit status, None if it was ended by the time limit."""
    environment = os.environ | {"TIMEOUT_SECONDS": f"{seconds:g}"}
    command = [str(root / "run_autograder")]
    process = subprocess.Popen(command, cwd=root, stdout=stdout, stderr=subprocess.STDOUT, env=environment)
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()  # and none of its children
        process.wait()
        return None


def _stored(file: Path) -> tuple[dict[str, Any], str]:
    """The results with their texts cut; with an error code where the file is missing or no JSON object."""
    try:
        results = json.loads(_text(file))
    except ValueError:
        results = None
    if not isinstance(results, dict):
        return {"score": 0, "output": INVALID, "tests": []}, "invalid_json"
    tests = results.get("tests")
    for entry in [results, *(tests if isinstance(tests, list) else [])]:
        if isinstance(entry, dict) and isinstance(entry.get("output"), str):
            entry["output"] = _cut(entry["output"])
    return results, ""


def _text(file: Path) -> str:
    """A file as the platform reads it; "" if there is none."""
    try:
        return file.read_bytes().decode("utf-8", errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    except OSError:
        return ""


def _cut(text: str) -> str:
    """Keep both ends of a text that is too long."""
    if len(text) <= MAX_CHARACTERS:
        return text
    half = (MAX_CHARACTERS - len(CUT)) // 2
    return text[:half] + CUT + text[-half:]


if __name__ == "__main__":
    stored = run(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
    Path(sys.argv[4]).write_text(json.dumps(stored), encoding="utf-8")
