"""The versions of a package: everything that is installed is pinned."""

import re
from importlib.metadata import requires
from pathlib import Path

import pytest

from gradescope import pins as module
from gradescope.pins import PinError, pins, requirements

ROOT = Path(__file__).resolve().parent.parent.parent


def canonical(name: str) -> str:
    """A distribution's name, however it is written."""
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_by(name: str) -> set[str]:
    """What an installed distribution asks for, without its extras and other systems' packages."""
    lines = [line for line in requires(name) or [] if not re.search(r"extra ==|Windows|win32|python_version < ", line)]
    return {canonical(re.split(r"[^A-Za-z0-9._-]", line)[0]) for line in lines}


def test_everything_that_is_installed_is_pinned() -> None:
    """Protects an image that is built in a year: what dependencies ask for has a version in constraints.txt too."""
    pinned = {
        canonical(line.partition("==")[0])
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    waiting, seen = [name for name in pins() if name != "tomli"], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += asked_by(name)
    assert {"torch", "sympy", "pydantic-core"} <= seen
    assert seen - pinned == set()


def test_requirements_are_pinned() -> None:
    """Protects the build: each line is a version, with a marker where Pythons differ; the rest follows constraints.txt."""
    lines = requirements(None).splitlines()
    assert lines[1] == "-c constraints.txt"
    assert all("==" in line for line in lines[2:])
    assert {"numpy", "torch", "rich", "landlockpy"} <= {line.partition("==")[0] for line in lines[2:]}
    assert len([line for line in lines if line.startswith("numpy==")]) == 2


def test_torch_index() -> None:
    """Protects small images: the index is asked beside pip's own, and stands in the file."""
    assert "--extra-index-url https://h.example.org/whl/cpu\n" in requirements("https://h.example.org/whl/cpu")
    assert "--extra-index-url" not in requirements(None)


@pytest.mark.parametrize("url", ["", "cpu", "ftp://h/x", "https://h/x\n--pre", "https://h/$(id)", "https://h/'x'"])
def test_index_that_is_no_url(url: str) -> None:
    """Protects requirements.txt from a slip that pip would read as another option."""
    with pytest.raises(PinError, match="it must be a URL"):
        requirements(url)


def test_dependency_without_a_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Protects from an unpinned package: the error names it and the line to add."""
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nversion = "1"\ndependencies = ["numpy>=1", "new_thing[x]>2"]\n'
    )
    (tmp_path / "constraints.txt").write_text("# versions\nnumpy==2.4.6\n")
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    with pytest.raises(PinError, match=r"no version of new-thing, .* add a line new-thing==…"):
        pins()
