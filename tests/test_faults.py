"""Whatever goes wrong while a submission is graded, the run ends in time, with complete results that hold all verdicts."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graders.homework import config_of
from gradescope.reserve import BYTES
from gradescope.results import Results, read
from tests.cgroup import memory_group

ROOT = Path(__file__).parent.parent
HOMEWORK = ROOT / "examples" / "first_attention" / "first_attention.toml"
RIGHT = (ROOT / "examples/first_attention/solution/attend.py").read_text(encoding="utf-8")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="the layers are Linux's")]


def start(
    submission: Path, results: Path, homework: str | Path, *, limit: float | None = None, **options: object
) -> subprocess.Popen[str]:
    """Start run_autograder as the platform does, with its time limit in the environment."""
    environment = {name: value for name, value in os.environ.items() if name != "TIMEOUT_SECONDS"}
    if limit is not None:
        environment["TIMEOUT_SECONDS"] = str(limit)
    command = [sys.executable, "-I", str(ROOT / "run_autograder"), "--quiet", f"--homework={homework}"]
    command += [f"--submission={submission}", f"--results={results}"]
    return subprocess.Popen(
        command,
        env=environment,
        cwd="/",
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,  # type: ignore[call-overload]
    )


def graded(submission: Path, results: Path, homework: str | Path = HOMEWORK, **options: object) -> tuple[int, Results]:
    """The status and the results of a whole run."""
    process = start(submission, results, homework, **options)  # type: ignore[arg-type]
    output, _ = process.communicate(timeout=300)
    assert "Traceback" not in output, output
    return process.returncode, read(results)


def outcomes(results: Results) -> dict[str, int]:
    """How many checks have which outcome, or the reason why they have none."""
    found: dict[str, int] = {}
    for facts in results.extra_data["checks"].values():
        told = facts.get("reason", facts["outcome"])
        found[told] = found.get(told, 0) + 1
    return found


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Where results.json goes."""
    return tmp_path / "results" / "results.json"


def whole_core(folder: Path, body: str) -> Path:
    """A submission of `core` in which each function and method does something first."""
    folder.mkdir()
    for path in (ROOT / "student_template" / "core").glob("*.py"):
        lines = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip().startswith("raise NotImplementedError"):
                indent = line[: len(line) - len(line.lstrip())]
                line = "\n".join(indent + each for each in body.splitlines())
            lines.append(line)
        (folder / path.name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_every_function_sleeps(tmp_path: Path, results: Path) -> None:
    """A run with a limit of 20 seconds on a submission that never answers ends before, with every check accounted for."""
    begun = time.monotonic()
    status, found = graded(whole_core(tmp_path / "sleepy", "__import__('time').sleep(3600)"), results, "core", limit=20)
    assert time.monotonic() - begun < 20
    assert found.score == 0
    assert set(outcomes(found)) <= {"budget", "failed", "prerequisite", "passed", "not run"}
    assert sum(outcomes(found).values()) > 250
    assert len(found.tests) == len(config_of("core").auto_items)
    if found.extra_data["finished"]:
        assert status == 0
        assert outcomes(found)["budget"] > 0


def test_every_function_kills_its_worker(tmp_path: Path, results: Path) -> None:
    """A worker that dies in each question costs that question only: every check gets a verdict."""
    body = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    status, found = graded(whole_core(tmp_path / "deadly", body), results, "core")
    assert (status, found.score, found.extra_data["finished"]) == (0, 0.0, True)
    assert set(outcomes(found)) <= {"failed", "prerequisite", "passed"}
    assert outcomes(found)["failed"] >= len(found.tests)  # what needs the first check of a task is not asked any more
    assert sum(outcomes(found).values()) > 250


def test_a_hang_in_one_question_leaves_the_others_their_time(tmp_path: Path, results: Path) -> None:
    """What hangs gets its share of the time; all that is right around it keeps its points."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for path in (ROOT / "reference").glob("*.py"):
        (folder / path.name).write_bytes(path.read_bytes())
    text = (folder / "mask.py").read_text(encoding="utf-8")
    (folder / "mask.py").write_text(text + "\n\ndef causal_mask(n_tokens):\n    while True:\n        pass\n")
    status, found = graded(folder, results, "core", limit=240)
    scores = {test.name: (test.score, test.max_score) for test in found.tests}
    assert (status, found.extra_data["finished"]) == (0, True)
    short = {name for name, (score, most) in scores.items() if score < most}
    assert "Attention masks" in short
    assert not short & {"Layer normalisation", "Span corruption", "Perplexity", "Patch embedding", "Tokenizers"}


def test_asked_to_end(tmp_path: Path, results: Path) -> None:
    """On SIGTERM what there is is written, the student is told, and nothing is left running."""
    folder = tmp_path / "sleepy"
    folder.mkdir()
    (folder / "attend.py").write_text(RIGHT + "\nimport time\ntime.sleep(3600)\n", encoding="utf-8")
    process = start(folder, results, HOMEWORK, start_new_session=True)
    until = time.monotonic() + 60
    while not (results.exists() and "checks" in read(results).extra_data) and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    process.communicate(timeout=60)
    assert time.monotonic() - begun < 15
    assert process.returncode == 1
    found = read(results)
    assert found.output.startswith("The grading was stopped from outside; what had been judged by then is below.")
    assert found.extra_data["finished"] is False
    assert found.max_score == 8
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_full_disk(tmp_path: Path) -> None:
    """On a disk that fills up while it grades, the last results are written all the same: room was kept for them."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2500k", "tmpfs", str(disk)], check=True)
    try:
        folder = tmp_path / "submission"
        folder.mkdir()
        (folder / "attend.py").write_text(RIGHT + "\nimport time\ntime.sleep(0.5)\n", encoding="utf-8")
        results = disk / "results.json"
        process = start(folder, results, HOMEWORK)
        until = time.monotonic() + 60
        reserve = disk / ".headmaster-reserve"
        while not (reserve.exists() and reserve.stat().st_size == BYTES) and time.monotonic() < until:
            time.sleep(0.05)
        try:
            with open(disk / "junk", "wb", buffering=0) as junk:
                while True:
                    junk.write(b"x" * 4096)
        except OSError:
            pass
        process.communicate(timeout=120)
        found = read(results)
        assert (process.returncode, found.score, found.extra_data["finished"]) == (0, 8.0, True)
        assert sorted(path.name for path in disk.iterdir()) == ["junk", "results.json"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


MEMORY_ATTACK = """
import mmap
_kept = []
while True:  # shared memory, which no limit on private data stops
    _kept.append(mmap.mmap(-1, 64 << 20))
    for place in range(0, 64 << 20, 4096):
        _kept[-1][place] = 1
"""


@pytest.mark.parametrize("hostile", [False, True], ids=["honest", "memory attack"])
def test_within_gradescopes_least_memory(hostile: bool, tmp_path: Path, results: Path) -> None:
    """In 768 MB for all processes together an honest submission gets its points, and a greedy one harms only itself."""
    folder = tmp_path / "submission"
    solution = ROOT / "reference" / "homeworks" / "cmu_birthplaces"
    (folder / "src").mkdir(parents=True)
    for path in (solution / "src").glob("*.py"):
        (folder / "src" / path.name).write_bytes(path.read_bytes())
    if hostile:
        text = (folder / "src" / "attention.py").read_text(encoding="utf-8")
        (folder / "src" / "attention.py").write_text(text + MEMORY_ATTACK, encoding="utf-8")
    with memory_group(768 << 20) as group:
        status, found = graded(folder, results, "cmu_birthplaces", preexec_fn=group.join)
        peak = group.peak
    assert (status, found.extra_data["finished"]) == (0, True)
    scores = [test.score for test in found.tests if test.max_score]
    if hostile:
        assert "grader" not in outcomes(found)
        assert 0 <= found.score < found.max_score
        assert outcomes(found).get("grader_fault", 0) == 0
    else:
        assert found.score == found.max_score, scores
        assert peak < 768 << 20
