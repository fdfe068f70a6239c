"""`make bench`: what isolation costs, and how long grading takes; writes the tables of docs/timing.md.

All figures are ratios of things that are measured side by side in this run, so that a slow machine does not matter:

- a solution's checks through workers, against the same checks without isolation: examples per second, and whole grades when
  everything is warm (`pairs.py`);
- `run_autograder` from cold, against the same checks in one fresh interpreter that imports torch once (`floor.py`);
- the memory of all processes of a run together (`memory.py`);
- the same questions asked by the graders that a course would take instead (`rivals.py`).
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks import rivals
from benchmarks.figures import add_outlets, cell, device, hand_out, spread
from benchmarks.in_process import NEED_PROCESSES
from benchmarks.memory import peak_of
from graders.homework import available
from graders.judge import reference_of

ROOT = Path(__file__).resolve().parent.parent
PART = "make bench"


def python(*arguments: str) -> str:
    """What a module of ours prints, in a fresh interpreter."""
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def warm(slug: str, rounds: int) -> dict[str, Any]:
    """A homework's checks both ways, when all is warm.

    Returns:
        ratios of the time without isolation to the time with it, of each round: of all checks with examples, so of examples
        per second; of whole grades; of whole grades in lanes; and by check.
    """
    told = json.loads(python("benchmarks.pairs", slug, str(rounds)))
    found = told["pairs"]
    drawn = {name: pair for name, pair in found.items() if pair["examples"]}
    floors = [sum(pair["in_process"][i] for pair in found.values()) for i in range(rounds)]
    return {
        "homework": slug,
        "checks": len(found),
        "examples": sum(pair["examples"] for pair in drawn.values()),
        "rates": spread(_ratios(drawn.values(), rounds)),
        "grades": spread(_ratios(found.values(), rounds)),
        "in_lanes": spread(floor / seconds for floor, seconds in zip(floors, told["in_lanes"], strict=True)),
        "by_check": {name: spread(_ratios([pair], rounds)) for name, pair in drawn.items()},
    }


def _ratios(found: Iterable[dict[str, Any]], rounds: int) -> list[float]:
    """Of each round, the time of some checks without isolation over that with it."""
    kept = list(found)
    return [sum(p["in_process"][i] for p in kept) / sum(p["confined"][i] for p in kept) for i in range(rounds)]


def cold(slug: str, rounds: int) -> dict[str, Any]:
    """`run_autograder` on a homework's solution, and its floor, in turn; seconds of whole processes.

    What judges processes (time, the homework's own commands) has no form without them, and is taken off the first by the
    seconds that it took there.
    """
    grades, floors, processes = [], [], []
    for _ in range(rounds):
        start = time.perf_counter()
        python("benchmarks.floor", slug)
        floors.append(time.perf_counter() - start)
        with tempfile.TemporaryDirectory() as folder:
            command = command_of(slug, Path(folder))
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            grades.append(time.perf_counter() - start)
            seconds = json.loads((Path(folder) / "results.json").read_text())["extra_data"]["seconds"]
        processes.append(sum(value for name, value in seconds.items() if name.partition(".")[0] in NEED_PROCESSES))
    return {
        "homework": slug,
        "floor": spread(floors),
        "grade": spread(grades),
        "of_processes": spread(processes),
        "ratio": spread((g - p) / f for g, p, f in zip(grades, processes, floors, strict=True)),
    }


def command_of(slug: str, folder: Path) -> list[str]:
    """What grades a homework's solution."""
    return [
        *(sys.executable, "-I", str(ROOT / "run_autograder"), "--quiet", f"--homework={slug}", "--seed=1"),
        *(f"--submission={reference_of(slug)}", f"--results={folder / 'results.json'}"),
    ]


def memory(slug: str) -> dict[str, Any]:
    """The most memory that all processes of a run have together, in MiB, and the most processes."""
    with tempfile.TemporaryDirectory() as folder:
        peak = peak_of(command_of(slug, Path(folder)))
    return {"homework": slug, "mib": round(peak.bytes / 2**20), "processes": peak.processes}


def report(slugs: Sequence[str], rounds: int, console: Console) -> dict[str, Any]:
    """All that is measured, and where."""
    found: dict[str, Any] = {
        "command": "make bench",
        "date": date.today().isoformat(),
        "device": device(),
        "python": platform.python_version(),
        "torch": torch.__version__.partition("+")[0],
        "rounds": rounds,
    }
    for name, measured in (("warm", warm), ("cold", cold), ("memory", lambda slug, rounds: memory(slug))):
        found[name] = []
        for slug in slugs:
            row = measured(slug, rounds)
            found[name].append(row)
            console.print(f"{name}: { {key: value for key, value in row.items() if key != 'by_check'} }", markup=False)
    found["rivals"] = rivals.measure(rounds)
    return found


def tables(found: dict[str, Any]) -> str:
    """The measurements as Markdown."""
    peaks = {row["homework"]: row["mib"] for row in found["memory"]}
    lines = [
        f"`{found['command']}`, {found['date']}, on {found['device']}, Python {found['python']}, torch {found['torch']}; "
        f"medians of {found['rounds']} rounds (least to greatest).",
        "",
        "Of each homework's checks on its solution, cases per second in workers ÷ without isolation; whole grades likewise, "
        "one check after the other and in as many lanes as there are cores (up to 4):",
        "",
        "| homework | checks | cases | cases per second | warm grades per second | the same in lanes |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {row['homework']} | {row['checks']} | {row['examples']} | {cell(row['rates'])} | {cell(row['grades'])} "
            f"| {cell(row['in_lanes'])} |"
            for row in found["warm"]
        ),
        "",
        "`run_autograder` from cold ÷ the same checks in one fresh interpreter without isolation. What checks of time and of "
        "the homework's own commands took is not in the ratio: there is no form of them without processes.",
        "",
        "| homework | cold grade ÷ floor | cold grade, s | of these, time and commands | floor, s | peak memory, MiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {row['homework']} | {cell(row['ratio'])} | {cell(row['grade'], 1)} | {cell(row['of_processes'], 1)} "
            f"| {cell(row['floor'], 1)} | {peaks[row['homework']]} |"
            for row in found["cold"]
        ),
    ]
    lines += ["", "The same questions asked by other graders:", "", rivals.table(found["rivals"])]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement (default: 5)")
    parser.add_argument("--homework", action="append", help="only this one; may be repeated")
    add_outlets(parser)
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    slugs = options.homework or available()
    hand_out(options, lambda: report(slugs, options.rounds, Console(stderr=True)), PART, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
