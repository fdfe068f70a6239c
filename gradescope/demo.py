"""The demo: three submissions of a homework, graded end to end as Gradescope would."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from graders.homework import HomeworkError, config_of
from graders.judge import reference_of

from .autograder import main as grade

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Mistake:
    """A mistake that students really make: one text of the solution replaced by another."""

    sentence: str
    file: str
    old: str
    new: str


MISTAKES = {
    "core": Mistake("the scores are not divided by √d", "attention.py", " / math.sqrt(d)", ""),
    "cmu_birthplaces": Mistake(
        "RoPE's angles grow with i",
        "src/attention.py",
        "10000 ** (-2 * (i - 1) / dim)",
        "1 / 10000 ** (-2 * (i - 1) / dim)",
    ),
    "jhu_tinygpt": Mistake(
        "the scores are divided by √n_embd in place of √head_size",
        "Homework7.ipynb",
        "k.mT / math.sqrt(d_k)",
        "k.mT / math.sqrt(n_embd)",
    ),
    "mit_dialoguegpt": Mistake(
        "one attention head stands n times in the list, with one set of weights",
        "homework3.ipynb",
        "nn.ModuleList(AttentionHead(dim, n_hidden) for _ in range(num_heads))",
        "nn.ModuleList([AttentionHead(dim, n_hidden)] * num_heads)",
    ),
    "transformers_from_scratch": Mistake(
        "the heads are cut out of the projection without moving their axis",
        "transformers.py",
        "projected.view(B, T, self.num_heads, self.head_dim).transpose(1, 2)",
        "projected.view(B, self.num_heads, T, self.head_dim)",
    ),
    "tugraz_charlm": Mistake(
        "the sampler multiplies the logits by the temperature",
        "assignment3.ipynb",
        "scaled = (last - last.amax(dim=-1, keepdim=True)) / temperature",
        "scaled = last * temperature",
    ),
}


def run(homework: str, out: Path) -> int:
    """Grade the solution, the untouched template and a solution with one bug; results go to out/<name>/results.json.

    Returns:
        0 if all three were graded to the end, 1 if not, 2 if there is no such demo.
    """
    console = Console()
    try:
        config_of(homework)
    except HomeworkError as error:
        console.print(str(error), style="red", markup=False)
        return 2
    solution = reference_of(homework)
    if solution is None or homework not in MISTAKES:
        console.print(f"{homework} has no demo: there are {', '.join(MISTAKES)}", style="red", markup=False)
        return 2
    mistake = MISTAKES[homework]
    with tempfile.TemporaryDirectory(prefix="headmaster-demo-") as folder:
        buggy = Path(folder) / "buggy"
        shutil.copytree(solution, buggy, ignore=shutil.ignore_patterns("homeworks", "__pycache__"))
        file = buggy / mistake.file
        source = file.read_text(encoding="utf-8")
        if source.count(mistake.old) != 1:
            raise RuntimeError(f"the demo's bug does not fit the solution any more: {mistake.old!r} in {mistake.file}")
        file.write_text(source.replace(mistake.old, mistake.new), encoding="utf-8")
        submissions = (
            ("reference", solution, "the solution"),
            ("template", ROOT / "student_template" / homework, "the template, nothing written yet"),
            ("buggy", buggy, f"the solution with one bug: {mistake.sentence}"),
        )
        worst = 0
        for name, submission, description in submissions:
            results = out / homework / name / "results.json"
            console.rule(f"{description}  →  {results}", align="left")
            arguments = [f"--homework={homework}", f"--submission={submission}", f"--results={results}", "--quiet"]
            worst = max(worst, grade(arguments))
    return worst
