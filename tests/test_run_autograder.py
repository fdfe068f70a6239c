"""The script `run_autograder`: which Python grades, and what it says when none can."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from graders.homework import available

SCRIPT = Path(__file__).resolve().parent.parent / "run_autograder"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {"COLUMNS": "100"}
    return subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=60, check=False, cwd="/", env=env
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that holds the script alone."""
    shutil.copy(SCRIPT, tmp_path / "run_autograder")
    return tmp_path


def bare(checkout: Path, python: Path = Path(sys.executable)) -> subprocess.CompletedProcess[str]:
    """Run the script with a Python without site-packages, as a system's python3 is."""
    return run(python, "-S", checkout / "run_autograder", "--homework=core", "--seed", "3")


def test_can_be_executed() -> None:
    """Gradescope executes the file itself."""
    assert os.access(SCRIPT, os.X_OK)
    assert SCRIPT.read_text().startswith("#!/usr/bin/env python3\n")


def test_help() -> None:
    """--help names every option and the homeworks."""
    done = run(sys.executable, SCRIPT, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("--homework", "--submission", "--results", "--seed", "--quiet", *available()):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--homework=core", "--submission=x", "--results=y", "--sead=3"], "unrecognized arguments: --sead=3"),
        (["--homework=core", "--submission=x", "--results=y", "--seed=x"], "argument --seed: invalid int value"),
        (["--homework=core", "--submission=x", "--results=y", "z"], "unrecognized arguments: z"),
        (["--submission=x", "--results=y"], "the following arguments are required: --homework"),
    ],
)
def test_misuse(arguments: list[str], says: str) -> None:
    """Misuse is status 2 and one line that names the option."""
    done = run(sys.executable, SCRIPT, *arguments)
    assert done.returncode == 2
    assert says in done.stderr


def test_no_python_with_headmaster(checkout: Path) -> None:
    """Without an environment beside it, a Python that lacks Headmaster says what to run."""
    done = bare(checkout)
    assert done.returncode == 2
    assert done.stdout == (
        f"run_autograder: Headmaster is not installed for {sys.executable}; run `make install` in {checkout}\n"
    )


def test_goes_on_in_the_environment_beside_it(checkout: Path) -> None:
    """With one, the script goes on in it, isolated, with the same arguments; the status is that of the grading."""
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 5\n')
    python.chmod(0o755)
    done = bare(checkout)
    assert done.returncode == 5
    assert done.stdout.splitlines() == ["-I", str(checkout / "run_autograder"), "--homework=core", "--seed", "3"]


def test_incomplete_environment_does_not_loop(checkout: Path) -> None:
    """An environment that lacks Headmaster too is said, not started again for ever."""
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(Path(sys.executable).resolve())
    done = bare(checkout, python)
    assert done.returncode == 2
    assert f"Headmaster is not installed for {python};" in done.stdout


# ------------------------------------------------------------------------------------------------ beside a package


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """A folder as /autograder, with a package in `source` whose Python prints what it is given."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "HOMEWORK").write_text("core\n")
    for place in (tmp_path, source):
        shutil.copy(SCRIPT, place / "run_autograder")
    for name in ("submission", "results"):
        (tmp_path / name).mkdir(mode=0o755)
    python = tmp_path / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\nexit 5\n')
    python.chmod(0o755)
    (source / ".venv").symlink_to(tmp_path / "environment")
    return tmp_path


def test_beside_a_package(container: Path) -> None:
    """Gradescope's copy goes on in the package's environment, by its real path, which workers can read; no arguments."""
    done = run(sys.executable, "-S", container / "run_autograder", "--seed=3")
    assert done.returncode == 5
    assert done.stdout.splitlines() == [
        *(str(container / "environment" / "bin" / "python"), "-I", str(container / "source" / "run_autograder")),
        *(
            f"--submission={container / 'submission'}",
            f"--results={container / 'results' / 'results.json'}",
            "--seed=3",
        ),
    ]


def test_closes_the_folders_of_a_run(container: Path) -> None:
    """Submission and results, which the platform makes anew for each run, are closed to other users."""
    run(sys.executable, "-S", container / "run_autograder")
    assert [(container / name).stat().st_mode & 0o777 for name in ("submission", "results")] == [0o700, 0o700]


def test_package_that_was_not_set_up(container: Path) -> None:
    """Without its environment a package says which script makes it."""
    (container / "source" / ".venv").unlink()
    done = run(sys.executable, "-S", container / "run_autograder")
    assert done.returncode == 2
    assert f"{container / 'source' / 'setup.sh'} makes it while the image is built" in done.stdout
