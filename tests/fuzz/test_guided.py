"""The command that fuzzes: some seconds of each target, what a failure looks like, what misuse is told."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import tomls
from tests.fuzz.__main__ import TARGETS, main, tell

ROOT = Path(__file__).parents[2]
needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has wheels for Linux on x86-64 only"
)
BROKEN = """
import sys
from tests.fuzz import guided, tomls
tomls.target = lambda data: b"title" in data and 1 / 0
guided.main("tomls", sys.argv[1], "-runs=200", "-seed=1")
"""


@pytest.mark.slow
@needs_atheris
@pytest.mark.parametrize("name", TARGETS)
def test_some_seconds_of_each_target(name: str, tmp_path: Path) -> None:
    """Protects what takes bytes from students: inputs led by coverage find no crash, hang or excess in a short time."""
    assert main([name, "--seconds", "5", "--out", str(tmp_path)]) == 0


@pytest.mark.slow
@needs_atheris
def test_a_failure_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects the fuzzing from passing whatever happens: an input that fails is kept, told, and can be repeated."""
    log = tmp_path / "log"
    command = [sys.executable, "-c", BROKEN, str(tmp_path)]
    with log.open("wb") as file:
        status = subprocess.run(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT).returncode
    assert tell("tomls", status, log) == 1
    assert "ZeroDivisionError" in log.read_text(errors="replace")
    [crash] = tmp_path.glob("crash-*")
    assert f"repeat it: python -m tests.fuzz tomls --input {crash}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (0, "#9\tDONE   cov: 3 ft: 4 corp: 1/1b\nDone 9 runs in 5 second(s)\n", 0),
        (0, "Done 0 runs in 5 second(s)\n", 1),
        (0, "#9\tDONE   cov: 3 ft: 4 corp: 1/1b\n", 1),
        (77, "#9\tDONE   cov: 3 ft: 4 corp: 1/1b\nDone 9 runs in 5 second(s)\n", 1),
    ],
    ids=["well", "nothing tried", "not finished", "failed"],
)
def test_how_it_went(status: int, text: str, expected: int, tmp_path: Path) -> None:
    """Protects from a run that ended early, or tried nothing, and counts as passed."""
    (tmp_path / "log").write_text(text)
    assert tell("frames", status, tmp_path / "log") == expected


def test_an_input_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects whoever looks at a failure: the same input, run once, fails again."""
    (tmp_path / "crash").write_bytes(b"title = 1")
    assert main(["tomls", "--input", str(tmp_path / "crash")]) == 0
    monkeypatch.setattr(tomls, "target", lambda data: {}[data])
    with pytest.raises(KeyError, match="title = 1"):
        main(["tomls", "--input", str(tmp_path / "crash")])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["wires"], "invalid choice: 'wires'"),
        (["all", "--seconds", "0"], "--seconds must be at least 1, found 0"),
        (["all", "--input", "x"], "--input needs one target, found 'all'"),
    ],
)
def test_misuse(given: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects whoever types: what was found, and what is expected."""
    with pytest.raises(SystemExit):
        main(given)
    assert says in capsys.readouterr().err


def test_without_atheris(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Protects other platforms: it is said what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["all"]) == 2
    assert "pip install --editable '.[fuzz]'" in capsys.readouterr().err
