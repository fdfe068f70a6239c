"""`headmaster audit --mutate`: wrong variants made of the solution itself, and how many of them the checks reject.

A mutant that no check rejects is put to a differential oracle that shares nothing with the checks (`equivalence.py`). If it
finds a difference, the mutant is a *survivor*: the checks are deaf to it. If not, it counts as equivalent and not at all.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from graders.homework import Homework, load
from graders.judge import Judge, reference_of
from graders.pool import pool, zygote
from graders.progress import progress_bar
from graders.scoring import carries_points
from graders.verdict import Outcome

from .equivalence import compare_all
from .mutation import Mutant, mutants
from .specimens import SpecimenError, file_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXPLAINED = Path(__file__).parent / "survivors.toml"  # file -> change -> why it is right that it survives


@dataclass(frozen=True)
class Fate:
    """What became of a mutant.

    Attributes:
        file, mutant: the file of the solution, and its change.
        tasks: whose checks were run.
        killed_by: the first check that rejects it; "" = none.
        difference: what the differential oracle found in a mutant that no check rejects; "" = nothing.
        decided: whether there is an oracle for it.
    """

    file: str
    mutant: Mutant
    tasks: tuple[str, ...]
    killed_by: str = ""
    difference: str = ""
    decided: bool = True

    @property
    def survives(self) -> bool:
        """Whether the checks are deaf to it."""
        return not self.killed_by and (bool(self.difference) or not self.decided)

    @property
    def explanation(self) -> str:
        """Why it is right that it survives; "" if nobody has said so."""
        return _explanations().get(self.file, {}).get(self.mutant.change.partition(": ")[2], "")


@dataclass(frozen=True)
class Score:
    """The mutants of some tasks that share a file."""

    title: str
    fates: tuple[Fate, ...]

    @property
    def equivalent(self) -> int:
        """Mutants that no check and no differential oracle tells from the solution."""
        return sum(not fate.killed_by and not fate.survives for fate in self.fates)

    @property
    def killed(self) -> int:
        """Mutants that a check with points rejects."""
        return sum(bool(fate.killed_by) for fate in self.fates)

    @property
    def survivors(self) -> tuple[Fate, ...]:
        """Mutants that the checks are deaf to."""
        return tuple(fate for fate in self.fates if fate.survives)

    @property
    def share(self) -> float:
        """Killed mutants among those that are not equivalent."""
        counted = len(self.fates) - self.equivalent
        return self.killed / counted if counted else 1.0


def _explanations() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))
    return found


def solution_files(name: str, homework: Homework, task: str = "") -> list[tuple[str, tuple[str, ...]]]:
    """The Python files of a homework's solution that are mutated, each with the tasks whose checks must notice.

    Raises:
        SpecimenError: there is no solution made of Python files.
    """
    tasks = [each for item in homework.config.auto_items for each in item.tasks]
    if task and task not in tasks:
        raise SpecimenError(f"{homework.slug} has no task {task!r}; it has: {', '.join(tasks)}")
    if homework.slug == "core":
        by_file: dict[str, list[str]] = {}
        for each in tasks:
            by_file.setdefault(file_of(each, homework), []).append(each)
        return [(file, tuple(own)) for file, own in by_file.items() if not task or task in own]
    solution = reference_of(name)
    files = (
        [] if solution is None else sorted(path for path in solution.rglob("*.py") if "__pycache__" not in path.parts)
    )
    if solution is None or not files:
        raise SpecimenError(f"{homework.slug} has no solution made of Python files: there is nothing to mutate")
    return [(str(path.relative_to(solution)), (task,) if task else tuple(tasks)) for path in files]


def _fate(name: str, file: str, tasks: tuple[str, ...], mutant: Mutant, seed: int) -> Fate:
    """Hand in the solution with a mutant in the place of one file, and run the checks until one rejects it."""
    homework = load(name).of_code_alone()
    solution = reference_of(name)
    assert solution is not None
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "submission"
        shutil.copytree(solution, folder, ignore=shutil.ignore_patterns("__pycache__", "homeworks"))
        (folder / file).write_text(mutant.source, encoding="utf-8")
        with Judge(homework, folder, zygote(), seed=seed, shrink_calls=0) as judge:
            for check in judge.checks:
                if check.task not in tasks or not carries_points(homework, check):
                    continue
                if check.run(judge.student, judge.seed_of(check), shrink_calls=0).outcome is Outcome.FAILED:
                    return Fate(file, mutant, tasks, check.id)
    return Fate(file, mutant, tasks)


def fates(
    name: str,
    files: Sequence[tuple[str, tuple[str, ...]]],
    seed: int,
    n_processes: int | None,
    after: Callable[[Fate], None] = lambda fate: None,
    begin: Callable[[int], None] = lambda count: None,
) -> list[Fate]:
    """Judge every mutant of some files of a homework's solution.

    Args:
        name: the homework: a slug, or the path of its TOML.
        files: as `solution_files` gives them.
        seed: of the cases.
        n_processes: default: as many as there are CPUs.
        after: called with each mutant that has been judged.
        begin: called with their number.
    """
    solution = reference_of(name)
    assert solution is not None
    jobs = [
        (file, tasks, mutant)
        for file, tasks in files
        for mutant in mutants((solution / file).read_text(encoding="utf-8"))
    ]
    begin(len(jobs))
    found: dict[int, Fate] = {}
    with pool(len(jobs), n_processes) as processes:
        futures = {processes.submit(_fate, name, *job, seed): i for i, job in enumerate(jobs)}
        for future in as_completed(futures):
            found[futures[future]] = future.result()
            after(future.result())
    return _decided([found[i] for i in range(len(jobs))], name, solution)


def _decided(found: Sequence[Fate], name: str, solution: Path) -> list[Fate]:
    """Put those that no check rejects to the differential oracle of their tasks."""
    if name != "core":
        return [replace(fate, decided=bool(fate.killed_by)) for fate in found]
    originals = {path.name: path.read_text(encoding="utf-8") for path in sorted(solution.glob("*.py"))}
    differences: dict[tuple[str, str], str] = {}  # of a file and a mutant
    for task in dict.fromkeys(task for fate in found for task in fate.tasks):
        open_ones = [fate for fate in found if task in fate.tasks and not fate.killed_by]
        changed = {fate.mutant.name: {fate.file: fate.mutant.source} for fate in open_ones}
        if changed:
            file = open_ones[0].file
            for name_of_mutant, compared in compare_all(task, originals, changed):
                differences[file, name_of_mutant] = differences.get((file, name_of_mutant)) or compared.difference or ""
    return [replace(fate, difference=differences.get((fate.file, fate.mutant.name), "")) for fate in found]


def scores(found: Sequence[Fate]) -> list[Score]:
    """Sum up by file."""
    groups: dict[str, list[Fate]] = {}
    for fate in found:
        groups.setdefault(fate.file, []).append(fate)
    return [Score(f"{file} ({', '.join(group[0].tasks)})", tuple(group)) for file, group in groups.items()]


def as_json(found: Sequence[Fate]) -> list[dict[str, Any]]:
    """The fates as plain data."""
    return [
        {
            "file": fate.file,
            "tasks": list(fate.tasks),
            "name": fate.mutant.name,
            "change": fate.mutant.change,
            "killed_by": fate.killed_by or None,
            "difference": fate.difference or None,
            "survives": fate.survives,
            "explanation": fate.explanation or None,
        }
        for fate in found
    ]


def main(options: argparse.Namespace, console: Console) -> int:
    """Run `headmaster audit --mutate`; returns 1 if a mutant survives that nobody has explained."""
    name = options.homework or "core"
    files = solution_files(name, load(name), options.task)
    with progress_bar(console) as progress:
        bar = progress.add_task("judging mutants", total=None)
        found = fates(
            name,
            files,
            options.first_seed,
            options.processes,
            after=lambda fate: progress.advance(bar),
            begin=lambda count: progress.update(bar, total=count),
        )
    table = Table(title=f"Mutants of {name}'s solution", title_justify="left")
    table.add_column("file (tasks)")
    for column in ("mutants", "equivalent", "killed", "survivors", "score"):
        table.add_column(column, justify="right")
    for each in scores(found):
        share = Text(f"{each.share:.1%}", style="green" if each.share >= 0.95 else "yellow")
        counts = (len(each.fates), each.equivalent, each.killed, len(each.survivors))
        table.add_row(each.title, *map(str, counts), share)
    console.print(table)
    for fate in found:
        if fate.survives:
            console.print(Text.assemble((f"{fate.file}, {fate.mutant.change}", "bold")))
            console.print(Text(f"    {fate.difference or 'there is no oracle for it: read it'}"))
            console.print(Text(f"    {fate.explanation or 'NOT EXPLAINED'}"))
    if options.json:
        options.json.write_text(json.dumps(as_json(found), indent=1), encoding="utf-8")
    return 1 if any(fate.survives and not fate.explanation for fate in found) else 0
