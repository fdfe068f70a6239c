"""The same questions about `attention` asked by Headmaster and by what a course would take instead, side by side.

    python -m benchmarks.rivals --rounds 5 --out out/rivals.json

The others are `otter run` on a notebook, a grader with gradescope-utils, and plain pytest (`rivals_graders/`). Each asks four
properties with Hypothesis, with equal numbers of examples. The others compute where the student's code is: in their own
process, or in the notebook's kernel. Headmaster does so in confined workers.

Whole commands are timed, from their start to their end, in turn. Before, each has graded the solution and an attention that
forgets the scale, which shows that it works, and fills the caches of files and bytecode.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import Distribution, distribution
from pathlib import Path
from shutil import copy, copytree
from typing import Any

from packaging.requirements import Requirement
from rich.console import Console
from rich.table import Table

from benchmarks.figures import cell, device, keep, spread
from benchmarks.pairs import measured
from benchmarks.rivals_graders.otter_notebook import notebook
from graders.homework import load
from graders.judge import Judge
from sandbox.launch import Zygote

ROOT = Path(__file__).resolve().parent.parent
GRADERS = ROOT / "benchmarks" / "rivals_graders"
PINS = GRADERS / "requirements.txt"
ENVIRONMENT = ROOT / "out" / "rivals-env"
SHARED = ("torch", "numpy", "hypothesis", "pytest")  # the rivals use those of Headmaster's own environment
SEED = 1
FULL, WRONG = "solution", "without scale"

# the examples of each property, as graders/test_attention.py has them
EXAMPLES = {
    "shapes": 10,
    "agrees_with_reference": 40,
    "weights_are_a_distribution": 25,
    "masked_keys_have_no_effect": 25,
}
HOMEWORK = f"""title = "Attention, four properties"

[files]
names = ["attention.py"]

[[item]]
number = "1"
title = "Scaled dot-product attention"
points = {len(EXAMPLES)}
kind = "auto"
rules = {json.dumps([f"attention.{name}" for name in EXAMPLES])}
"""
BINDING = '''"""The binding: `attention(query, key, value, mask=None)`, as in core."""

from graders.homeworks.core import BINDING as CORE

BINDING = {"attention": CORE["attention"]}
'''
SOLUTION = (ROOT / "reference" / "attention.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Grader:
    """One way to grade.

    Attributes:
        name: of its row.
        package: whose version the row tells; empty for ours.
        prepare: lays grader and submission into a folder, given the source of attention.py and the environment's Python; the
            command that grades there. What it does is not timed.
        earned: points earned and points possible, from what the command has left in the folder.
    """

    name: str
    package: str
    prepare: Callable[[Path, str, Path], list[str]]
    earned: Callable[[Path], tuple[float, float]]


@dataclass(frozen=True)
class Run:
    """What one command took and gave: its seconds, the cases that it noted by property, the points."""

    seconds: float
    cases: dict[str, int]
    earned: float
    possible: float


def without_scale() -> str:
    """The solution, but for the division by √d."""
    scale = " / math.sqrt(d)"
    assert scale in SOLUTION
    return SOLUTION.replace(scale, "")


def prepare_headmaster(folder: Path, source: str, python: Path) -> list[str]:
    """A homework of one item with the four checks, graded by `run_autograder` in our own environment."""
    (folder / "submission").mkdir()
    (folder / "submission" / "attention.py").write_text(source, encoding="utf-8")
    toml = write_homework(folder / "homework")
    program = [sys.executable, str(ROOT / "run_autograder"), "--quiet"]
    return [*program, f"--homework={toml}", "--submission=submission", "--results=results.json", f"--seed={SEED}"]


def write_homework(folder: Path) -> Path:
    """The TOML of the homework, with its binding beside it."""
    folder.mkdir()
    (folder / "four_properties.py").write_text(BINDING, encoding="utf-8")
    toml = folder / "four_properties.toml"
    toml.write_text(HOMEWORK, encoding="utf-8")
    return toml


def prepare_otter(folder: Path, source: str, python: Path) -> list[str]:
    """A notebook as it is handed in, and the zip that `otter generate` makes of the tests."""
    (folder / "attention.ipynb").write_text(notebook(source), encoding="utf-8")
    copytree(GRADERS / "otter_tests", folder / "tests", ignore=without_bytecode)
    copy(GRADERS / "attention_cases.py", folder)
    otter = str(python.parent / "otter")
    generate = [otter, "generate", "-t", "tests", "-o", "autograder.zip"]
    subprocess.run([*generate, "attention_cases.py"], cwd=folder, check=True, capture_output=True)
    return [otter, "run", "attention.ipynb", "-a", "autograder.zip", "-o", ".", "--no-logo"]


def prepare_gradescope_utils(folder: Path, source: str, python: Path) -> list[str]:
    """run_tests.py with its tests, and the submission copied beside it, as Gradescope's examples do."""
    copytree(GRADERS / "gradescope_utils_grader", folder, dirs_exist_ok=True, ignore=without_bytecode)
    copy(GRADERS / "attention_cases.py", folder)
    (folder / "attention.py").write_text(source, encoding="utf-8")
    return [str(python), "run_tests.py"]


def prepare_pytest(folder: Path, source: str, python: Path) -> list[str]:
    """One test file, and the submission copied beside it."""
    copytree(GRADERS / "pytest_grader", folder, dirs_exist_ok=True, ignore=without_bytecode)
    copy(GRADERS / "attention_cases.py", folder)
    (folder / "attention.py").write_text(source, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return [str(python), "-m", "pytest", "-q", "--junitxml=results.xml", "check_attention.py"]


def without_bytecode(folder: str, names: list[str]) -> list[str]:
    """What is not copied."""
    return [name for name in names if name == "__pycache__"]


def points_of_gradescope(folder: Path) -> tuple[float, float]:
    """Points earned and possible of a results.json in Gradescope's format."""
    tests = json.loads((folder / "results.json").read_text(encoding="utf-8"))["tests"]
    worth = [test for test in tests if test.get("max_score")]
    return sum(test["score"] for test in worth), sum(test["max_score"] for test in worth)


def points_of_junit(folder: Path) -> tuple[float, float]:
    """Tests passed and tests run, of pytest's report."""
    cases = list(ElementTree.parse(folder / "results.xml").iter("testcase"))
    return sum(len(case.findall("*")) == 0 for case in cases), len(cases)


HEADMASTER = Grader("Headmaster", "", prepare_headmaster, points_of_gradescope)
OTTER = Grader("otter run", "otter-grader", prepare_otter, points_of_gradescope)
GRADESCOPE_UTILS = Grader("gradescope-utils", "gradescope-utils", prepare_gradescope_utils, points_of_gradescope)
PYTEST = Grader("pytest", "pytest", prepare_pytest, points_of_junit)
ALL = (HEADMASTER, OTTER, GRADESCOPE_UTILS, PYTEST)


def surroundings() -> dict[str, str]:
    """The environment's variables, but for those of Python and pytest.

    One that forbids to keep bytecode, say, would slow some graders and not others.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}


def run(grader: Grader, command: Sequence[str], folder: Path) -> Run:
    """Grade once, in a new process.

    Raises:
        RuntimeError: the grader has left no results.
    """
    cases = folder / "cases.txt"
    cases.write_text("", encoding="utf-8")
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=folder,
        env=surroundings() | {"CASES_FILE": str(cases)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    try:
        earned, possible = grader.earned(folder)
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        raise RuntimeError(f"{grader.name} has left no results (status {done.returncode}):\n{done.stdout}") from error
    return Run(seconds, dict(Counter(cases.read_text(encoding="utf-8").split())), earned, possible)


def cases_of_headmaster(folder: Path) -> dict[str, int]:
    """How many cases its checks look at with the seed of the timed runs, counted in a run of its own.

    Args:
        folder: where `prepare_headmaster` has been.
    """
    homework = load(str(folder / "homework" / "four_properties.toml"))
    with Zygote() as zygote:
        zygote.wait_until_ready()
        with Judge(homework, folder / "submission", zygote, seed=SEED) as judge:
            return {check.name: measured(check, judge)[0] for check in judge.checks}


def closure(names: Sequence[str]) -> list[Distribution]:
    """Installed distributions and all that they need."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = distribution(name)
            needs = [Requirement(line) for line in found[name].requires or ()]
            waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return list(found.values())


def share(site_packages: Path, names: Sequence[str]) -> None:
    """Make distributions of this environment visible in another one: a folder of links, and a .pth that names it.

    Not all of site-packages, or pytest would load our own plugins there.
    """
    folder = site_packages / "shared"
    folder.mkdir()
    for found in closure(names):
        tops = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
        for top in sorted(tops):
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(top))).resolve())
    (site_packages / "shared.pth").write_text("shared\n", encoding="utf-8")  # relative to its own folder


def environment() -> Path:
    """The Python of an environment with the rivals; made if it is not there, or was made from other versions."""
    python = ENVIRONMENT / "bin" / "python"
    made_from = ENVIRONMENT / "made-from.txt"
    wanted = PINS.read_text(encoding="utf-8") + "".join(f"{name}=={distribution(name).version}\n" for name in SHARED)
    if made_from.is_file() and made_from.read_text(encoding="utf-8") == wanted:
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
    [site_packages] = ENVIRONMENT.glob("lib/python*/site-packages")
    share(site_packages, SHARED)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(PINS)], check=True)
    made_from.write_text(wanted, encoding="utf-8")
    return python


def versions(python: Path) -> dict[str, str]:
    """What is installed in the rivals' environment."""
    names = [*SHARED, "otter-grader", "gradescope-utils", "ipykernel"]
    code = f"import importlib.metadata, json; print(json.dumps({{n: importlib.metadata.version(n) for n in {names}}}))"
    found = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True).stdout
    installed: dict[str, str] = json.loads(found)
    return {"python": platform.python_version()} | installed


def rows(seconds: dict[str, list[float]], cases: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    """The figures of each grader.

    Args:
        seconds: by name, of each round.
        cases: by name, of each property.
    """
    per_case = {name: [1e3 * t / sum(cases[name].values()) for t in times] for name, times in seconds.items()}
    return [
        {
            "grader": name,
            "cases": sum(cases[name].values()),
            "by_property": cases[name],
            "seconds": spread(times),
            "ms_per_case": spread(per_case[name]),
            "ratio": spread([a / b for a, b in zip(per_case[name], per_case[HEADMASTER.name], strict=True)]),
            "rounds": times,
        }
        for name, times in seconds.items()
    ]


def measure(rounds: int, graders: Sequence[Grader] = ALL) -> dict[str, Any]:
    """Grade in turn, and count.

    Args:
        rounds: how often each grader grades the solution, timed.
        graders: Headmaster and others.

    Raises:
        RuntimeError: a grader does not give the solution full points, gives them to the wrong attention too, or does not look
            at as many cases each time.
    """
    python = environment()
    load_before = os.getloadavg()
    points: dict[str, dict[str, str]] = {}
    commands: dict[str, tuple[list[str], Path]] = {}
    cases: dict[str, dict[str, int]] = {}
    seconds: dict[str, list[float]] = {grader.name: [] for grader in graders}
    with tempfile.TemporaryDirectory(prefix="rivals-") as place:
        for grader in graders:
            points[grader.name] = {}
            for what, source in ((WRONG, without_scale()), (FULL, SOLUTION)):
                folder = Path(place) / grader.name.replace(" ", "_") / what.replace(" ", "_")
                folder.mkdir(parents=True)
                commands[grader.name] = grader.prepare(folder, source, python), folder
                control = run(grader, *commands[grader.name])
                points[grader.name][what] = f"{control.earned:g}/{control.possible:g}"
                if (control.earned == control.possible) != (what == FULL):
                    raise RuntimeError(f"{grader.name} gives {points[grader.name][what]} to {what}")
            cases[grader.name] = control.cases or cases_of_headmaster(folder)
        for number in range(rounds):
            for grader in graders[:: -1 if number % 2 else 1]:
                timed = run(grader, *commands[grader.name])
                if timed.earned != timed.possible or (timed.cases or cases[grader.name]) != cases[grader.name]:
                    raise RuntimeError(f"{grader.name} has not graded as before: {timed}")
                seconds[grader.name].append(timed.seconds)
    found = rows(seconds, cases)
    return {
        "command": f"python -m benchmarks.rivals --rounds {rounds}",
        "date": date.today().isoformat(),
        "device": device(),
        "load": [round(load_before[0], 2), round(os.getloadavg()[0], 2)],
        "versions": versions(python),
        "rows": [
            row | {"package": grader.package, "points": points[grader.name]}
            for row, grader in zip(found, graders, strict=True)
        ],
    }


HEADINGS = (
    "grader",
    "wall time, s",
    "cases",
    "ms per case",
    "÷ Headmaster's",
    *(f"points, {what}" for what in (FULL, WRONG)),
)


def cells(row: dict[str, Any], installed: dict[str, str]) -> list[str]:
    """A row as text."""

    version = f" {installed[row['package']]}" if row["package"] else ""
    ratio = cell(row["ratio"], 2) if row["grader"] != HEADMASTER.name else "1"
    figures = [cell(row["seconds"], 2), str(row["cases"]), cell(row["ms_per_case"], 0), ratio]
    return [row["grader"] + version, *figures, row["points"][FULL], row["points"][WRONG]]


def table(found: dict[str, Any]) -> str:
    """The rows as Markdown."""
    lines = [HEADINGS, ("---", *["---:"] * (len(HEADINGS) - 1))]
    lines += [tuple(cells(row, found["versions"])) for row in found["rows"]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(found: dict[str, Any]) -> Table:
    """The rows for a terminal."""
    load = " to ".join(f"{value:g}" for value in found["load"])
    drawn = Table(title=f"{found['command']}, {found['date']}, {found['device']}, load {load}")
    for number, heading in enumerate(HEADINGS):
        drawn.add_column(heading, justify="right" if number else "left")
    for row in found["rows"]:
        drawn.add_row(*cells(row, found["versions"]))
    return drawn


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rivals", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each grader is timed (default: 5)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the measurements as JSON")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    found = measure(options.rounds)
    keep(found, options.out)
    Console(width=None if sys.stdout.isatty() else 150).print(shown(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
