"""`make bench`: what isolation costs, and how long grading takes from cold.

Two figures, each a ratio of things measured side by side in this run, so that a slow machine does not matter:

- property examples per second through the worker, against the same checks on the same solution in this process;
- the wall time of grading the cmu_birthplaces solution from cold, against importing torch once in a fresh interpreter.
"""

import argparse
import functools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.in_process import IN_PROCESS
from graders.catalogue import all_checks
from graders.check import Check, derive
from graders.homework import load
from graders.student import Student
from graders.verdict import Outcome
from sandbox import intake
from sandbox.client import Submission, Worker
from sandbox.launch import Zygote

ROOT = Path(__file__).resolve().parent.parent
CHECKS = (
    "attention.agrees_with_reference",
    "attention.masked_keys_have_no_effect",
    "mask.padding_agrees",
    "multi_head.agrees_with_reference",
    "multi_head.no_future_leak",
    "rope.agrees_with_reference",
    "rope.explicit_positions",
)


class InProcess(Student):
    """The solution without a sandbox: what the same checks cost when nothing is isolated."""

    @contextmanager
    def open(self, seed: int) -> Any:
        """There is no worker."""
        yield _NoWorker()

    def implementation(self, task: str, worker: Worker) -> Any:
        """The solution itself."""
        return IN_PROCESS[task]


class _NoWorker:
    class channel:
        output = b""

    def close(self) -> None:
        pass


def seconds(action: Callable[[], object]) -> float:
    """Wall time of an action."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def examples_per_second(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Examples per second of each check, isolated and in process, in turn; one worker per run is part of the price."""
    torch.set_num_threads(1)
    checks = {check.id: check for check in all_checks()}
    binding = load("core").binding
    rates: dict[str, dict[str, list[float]]] = {name: {"worker": [], "in process": []} for name in CHECKS}
    with Zygote() as zygote, intake.take(ROOT / "reference") as snapshot:
        students = {
            "worker": Student(Submission(zygote, snapshot), binding),
            "in process": InProcess(Submission(zygote, snapshot), binding),
        }
        for round_number in range(-1, rounds):  # the first one warms up
            for name in CHECKS:
                for kind, student in students.items():
                    rate = _rate(checks[name], student, derive(round_number + 1, name))
                    if round_number >= 0:
                        rates[name][kind].append(rate)
    return rates


def _rate(check: Check, student: Student, seed: int) -> float:
    counted = 0
    inner = check.function.hypothesis.inner_test  # type: ignore[attr-defined]

    @functools.wraps(inner)
    def counting(*args: Any, **kwargs: Any) -> None:
        nonlocal counted
        counted += 1
        inner(*args, **kwargs)

    check.function.hypothesis.inner_test = counting  # type: ignore[attr-defined]
    try:
        start = time.perf_counter()
        verdict = check.run(student, seed)
        duration = time.perf_counter() - start
    finally:
        check.function.hypothesis.inner_test = inner  # type: ignore[attr-defined]
    if verdict.outcome is not Outcome.PASSED:
        raise RuntimeError(f"{check.id} did not pass on the solution: {verdict.message} {verdict.staff}")
    return counted / duration


def cold_grades(rounds: int) -> dict[str, list[float]]:
    """Seconds of `run_autograder` on the cmu_birthplaces solution, and of `import torch`, in turn."""
    times: dict[str, list[float]] = {"grade": [], "import torch": []}
    with tempfile.TemporaryDirectory() as folder:
        grade = [
            *(sys.executable, "-I", str(ROOT / "run_autograder"), "--quiet", "--homework=cmu_birthplaces"),
            f"--submission={ROOT / 'reference' / 'homeworks' / 'cmu_birthplaces'}",
            f"--results={folder}/results.json",
        ]
        for _ in range(rounds):
            times["import torch"].append(seconds(lambda: _run([sys.executable, "-I", "-c", "import torch"])))
            times["grade"].append(seconds(lambda: _run(grade)))
    return times


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and greatest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"))
    parser.add_argument("--rounds", type=int, default=7, help="rounds of the paired measurement")
    parser.add_argument("--grades", type=int, default=3, help="cold gradings")
    options = parser.parse_args()
    rates = examples_per_second(options.rounds)
    ratios = {
        name: [a / b for a, b in zip(kinds["worker"], kinds["in process"], strict=True)]
        for name, kinds in rates.items()
    }
    all_ratios = [ratio for values in ratios.values() for ratio in values]
    cold = cold_grades(options.grades)
    report = {
        "examples_per_second": {n: {k: spread(v) for k, v in kinds.items()} for n, kinds in rates.items()},
        "ratio_worker_to_in_process": {n: spread(v) for n, v in ratios.items()} | {"all": spread(all_ratios)},
        "seconds": {name: spread(values) for name, values in cold.items()},
        "ratio_grade_to_import": spread([g / i for g, i in zip(cold["grade"], cold["import torch"], strict=True)]),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1), encoding="utf-8")
    _print(report)
    return 0


def _print(report: dict[str, Any]) -> None:
    def cell(values: dict[str, float]) -> str:
        return f"{values['median']:.3g} ({values['min']:.3g} to {values['max']:.3g})"

    table = Table(title="property examples per second: median (min to max)", title_justify="left")
    for heading in ("check", "through the worker", "in process", "paired ratio"):
        table.add_column(heading)
    for name, kinds in report["examples_per_second"].items():
        ratio = report["ratio_worker_to_in_process"][name]
        table.add_row(name, cell(kinds["worker"]), cell(kinds["in process"]), cell(ratio))
    table.add_row("all", "", "", cell(report["ratio_worker_to_in_process"]["all"]))
    console = Console()
    console.print(table)
    times = report["seconds"]
    console.print(f"cold grade of cmu_birthplaces: {cell(times['grade'])} s")
    console.print(f"import torch, once:            {cell(times['import torch'])} s")
    console.print(f"paired ratio:                  {cell(report['ratio_grade_to_import'])}")


if __name__ == "__main__":
    sys.exit(main())
