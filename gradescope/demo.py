"""The demo: three submissions of `cmu_birthplaces`, graded end to end as Gradescope would."""

import shutil
import tempfile
from pathlib import Path

from rich.console import Console

from .autograder import main as grade

HOMEWORK = "cmu_birthplaces"
ROOT = Path(__file__).resolve().parent.parent
SOLUTION = ROOT / "reference" / "homeworks" / HOMEWORK
TEMPLATE = ROOT / "student_template" / HOMEWORK

# A mistake that students really make: the rotation uses 10000^(+2(i−1)/dim), so that the angles grow with i.
BUG = ("10000 ** (-2 * (i - 1) / dim)", "1 / 10000 ** (-2 * (i - 1) / dim)")


def run(out: Path) -> int:
    """Grade the solution, the untouched template and a solution with one bug; results go to out/<name>/results.json.

    Returns:
        0 if all three were graded to the end, else 1.
    """
    console = Console()
    with tempfile.TemporaryDirectory(prefix="headmaster-demo-") as folder:
        buggy = Path(folder) / "buggy"
        shutil.copytree(SOLUTION, buggy)
        attention = buggy / "src" / "attention.py"
        source = attention.read_text(encoding="utf-8")
        if BUG[0] not in source:
            raise RuntimeError(
                f"the demo's bug does not fit the solution any more: {BUG[0]!r} is not in {attention.name}"
            )
        attention.write_text(source.replace(*BUG), encoding="utf-8")
        submissions = (
            ("reference", SOLUTION, "the solution"),
            ("template", TEMPLATE, "the template, nothing written yet"),
            ("buggy", buggy, "the solution with one bug: RoPE's angles grow with i"),
        )
        worst = 0
        for name, submission, description in submissions:
            results = out / name / "results.json"
            console.rule(f"{description}  →  {results}", align="left")
            arguments = [f"--homework={HOMEWORK}", f"--submission={submission}", f"--results={results}", "--quiet"]
            worst = max(worst, grade(arguments))
    return worst
