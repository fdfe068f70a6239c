"""`headmaster audit`: judge right and wrong submissions, and say where the checks are deaf or unfair."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from graders.catalogue import all_checks, checks_of
from graders.homework import HomeworkError, available, check_ids, load
from graders.progress import progress_bar
from graders.scoring import scores

from .matrix import Row, run
from .specimens import Specimen, SpecimenError, folder_of, specimens
from .summary import as_json, summaries
from .tables import checks_table, faults_of, overview, page

HELP = """Judges every wheat (a right submission) and every chaff (a wrong one) of a homework by every check. Exits with 1 if a
wheat is refused, or if a chaff survives, is not rejected by the check that its header names, or gets a wrong name."""


def parser() -> argparse.ArgumentParser:
    """The options."""
    options = argparse.ArgumentParser(prog="headmaster audit", description=HELP)
    options.add_argument(
        "homework", nargs="?", help="a slug, or the path of a homework's TOML (default: all that ship)"
    )
    options.add_argument("--task", default="", help="only the submissions of this task")
    options.add_argument(
        "--submissions", type=Path, metavar="DIR", help="where they lie (default: tests/, or submissions/ by the TOML)"
    )
    options.add_argument("--seeds", type=int, default=1, metavar="N", help="judge at N different seeds (default: 1)")
    options.add_argument("--first-seed", type=int, default=1, metavar="N", help="the first of them (default: 1)")
    options.add_argument("--thorough", action="store_true", help="also judge what an edit of the solution cannot reach")
    options.add_argument(
        "--mutate", action="store_true", help="make chaffs of the solution by changing its syntax tree"
    )
    options.add_argument("--processes", type=int, metavar="N", help="default: the number of CPUs")
    options.add_argument("--json", type=Path, metavar="FILE", help="write the whole matrix here")
    options.add_argument("--html", type=Path, metavar="FILE", help="write a page with all tables here")
    options.add_argument("--checks", action="store_true", help="also print what each check rejects")
    return options


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status: 0 all is well, 1 a fault was found, 2 it cannot be done."""
    options = parser().parse_args(arguments)
    console = Console()
    try:
        require_sense(options.seeds, options.processes, options.json, options.html)
        if options.mutate:
            from .mutants import main as mutate

            return mutate(options, console)
        jobs = jobs_of(options.homework, options.task, options.submissions, options.first_seed, options.seeds)
    except (HomeworkError, SpecimenError) as error:
        print(f"headmaster audit: {error}", file=sys.stderr)
        return 2
    start = time.monotonic()
    rows = with_progress(console, jobs, options.processes, options.thorough)
    found = summaries(rows)
    console.print(overview(found))
    if options.checks:
        for each in found:
            console.print(checks_table(each))
    console.print(faults_of(found))
    console.print(f"{len(rows)} gradings in {time.monotonic() - start:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(as_json(rows), indent=1), encoding="utf-8")
    if options.html:
        options.html.write_text(page(rows, found), encoding="utf-8")
    return 1 if any(each.faults for each in found) else 0


def require_sense(seeds: int, processes: int | None, *files: Path | None) -> None:
    """Refuse options that cannot be followed, before anything is judged.

    Raises:
        SpecimenError: with a message for whoever typed the command.
    """
    if seeds < 1:
        raise SpecimenError(f"--seeds must be 1 or more, found {seeds}")
    if processes is not None and processes < 1:
        raise SpecimenError(f"--processes must be 1 or more, found {processes}")
    for file in files:
        if file is not None and (file.is_dir() or not file.parent.is_dir()):
            raise SpecimenError(f"{file}: expected the name of a file in a folder that is there")


def jobs_of(
    homework: str | None, task: str, folder: Path | None, first_seed: int, n_seeds: int
) -> list[tuple[str, Specimen, int]]:
    """What is to be judged: (homework, submission, seed).

    Args:
        homework: slug or path; None = all that ship.
        task: only this one; "" = all.
        folder: where the submissions lie; None = where they usually do.
        first_seed, n_seeds: the seeds.

    Raises:
        HomeworkError, SpecimenError: with a message for whoever typed the command.
    """
    if folder is not None and homework is None:
        raise SpecimenError("--submissions needs the homework that they were handed in for")
    names = [homework] if homework else sorted(available(), key=lambda name: name != "core")
    jobs = []
    for name in names:
        loaded = load(name)
        check_ids(loaded, [check.id for check in all_checks()])
        scores(loaded, checks_of(loaded), {})  # raises where an item's points cannot be shared among its checks
        if task and homework is None and name != "core":
            continue  # submissions of single tasks are `core`'s
        for specimen in specimens(loaded, folder or folder_of(name), task):
            specimen.check_edit(name)
            jobs += [(name, specimen, seed) for seed in range(first_seed, first_seed + n_seeds)]
    if not jobs:
        raise SpecimenError(f"no homework that ships has submissions of the task {task!r}")
    return jobs


def with_progress(
    console: Console, jobs: Sequence[tuple[str, Specimen, int]], n_processes: int | None, thorough: bool = False
) -> list[tuple[str, Row]]:
    """Judge them all behind a progress bar."""
    with progress_bar(console) as progress:
        bar = progress.add_task("judging", total=len(jobs))

        def after(homework: str, row: Row) -> None:
            progress.advance(bar)
            if row.faults:
                where = f" {homework}: {row.specimen.name}, seed {row.seed}"
                progress.console.print(Text.assemble(("✗", "red"), where), highlight=False)

        return run(jobs, n_processes, after, thorough)
