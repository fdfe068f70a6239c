"""`headmaster regrade`: judge a folder of earlier submissions with the graders of today, and list whose score changes."""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from graders.homework import HomeworkError
from graders.pool import pool, zygote
from graders.progress import progress_bar
from sandbox.errors import IntakeError
from sandbox.text import clean

from .again import CheckChange, ScoreChange, changed_checks, changed_scores, open_judge, results_again
from .earlier import EarlierError, Place, find, homework_of
from .results import Results, write

HELP = """Judges each submission of a folder of earlier results again, with the recorded seeds. --compare lists whose score
changes, --out writes the new results.json files; nothing is overwritten. Exits with 0 if no score changes, 1 if one does or a
submission could not be judged again, 2 if nothing can be done. The folder holds NAME/results.json and NAME/submission/ for
each submission, or is Gradescope's export with its submission_metadata.yml."""


@dataclass(frozen=True)
class Regraded:
    """What came out for one submission.

    Attributes:
        name: of its folder.
        problem: why it could not be judged again; "" = it was.
        before, after: the points of all items.
        scores: the items whose score changes.
        checks: the checks whose verdict changes.
    """

    name: str
    problem: str = ""
    before: float = 0.0
    after: float = 0.0
    scores: tuple[ScoreChange, ...] = ()
    checks: tuple[CheckChange, ...] = ()

    def responsible(self, number: str) -> list[str]:
        """The checks of an item whose verdicts change, in words."""
        return [f"{each.check}: {each.before} → {each.after}" for each in self.checks if each.number == number]


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status: 0 no score changes, 1 one does or is not known, 2 it cannot be done."""
    parser = argparse.ArgumentParser(prog="headmaster regrade", description=HELP)
    parser.add_argument("folder", type=Path, help="the earlier results")
    parser.add_argument("--submissions", type=Path, metavar="DIR", help="where NAME/ is what was handed in")
    parser.add_argument("--homework", help="the path of the homework's TOML, if it is none that ships")
    parser.add_argument("--compare", action="store_true", help="list whose score changes, and the checks responsible")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write NAME/results.json here; it must be new or empty")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the comparison here")
    parser.add_argument("--processes", type=int, metavar="N", help="default: the number of CPUs")
    parser.add_argument(
        "--accept-unconfined", action="store_true", help="judge hidden checks too where student code is not confined"
    )
    options = parser.parse_args(arguments)
    console = Console()
    try:
        _require_sense(options)
        places = find(options.folder, options.submissions)
    except EarlierError as error:
        print(f"headmaster regrade: {error}", file=sys.stderr)
        return 2
    rows = run(places, options, console)
    changed = [row for row in rows if row.scores]
    failed = [row for row in rows if row.problem]
    if options.compare and changed:
        console.print(_table(changed))
    for row in failed:
        console.print(f"{row.name} is not judged again: {row.problem}", style="red", markup=False, highlight=False)
    console.print(
        f"{len(rows)} submissions: {len(changed)} with another score, {len(rows) - len(changed) - len(failed)} with the same, "
        f"{len(failed)} not judged again.",
        highlight=False,
    )
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    return 1 if changed or failed else 0


def _require_sense(options: argparse.Namespace) -> None:
    """Refuse options that cannot be followed, before anything is judged."""
    if not (options.compare or options.out or options.json):
        raise EarlierError("nothing is asked for: pass --compare, --out DIR or --json FILE")
    if options.processes is not None and options.processes < 1:
        raise EarlierError(f"--processes must be 1 or more, found {options.processes}")
    if options.out is not None and options.out.exists() and (not options.out.is_dir() or any(options.out.iterdir())):
        raise EarlierError(f"--out {options.out} is there already and not an empty folder: nothing is overwritten")
    if options.json is not None and (options.json.exists() or not options.json.parent.is_dir()):
        raise EarlierError(f"--json {options.json}: expected the name of a new file in a folder that is there")


def run(places: Sequence[Place], options: argparse.Namespace, console: Console) -> list[Regraded]:
    """Judge them all side by side behind a progress bar; in the order of the names."""
    rows: dict[int, Regraded] = {}
    with pool(len(places), options.processes) as processes, progress_bar(console) as progress:
        bar = progress.add_task("judging", total=len(places))
        futures = {
            processes.submit(regrade, place, options.homework, options.accept_unconfined): i
            for i, place in enumerate(places)
        }
        for future in as_completed(futures):
            i = futures[future]
            rows[i], results = future.result()
            if results is not None and options.out is not None:
                write(results, options.out / places[i].name / "results.json")
            progress.advance(bar)
    return [rows[i] for i in range(len(places))]


def regrade(place: Place, name: str | None, accept_unconfined: bool) -> tuple[Regraded, Results | None]:
    """Judge one submission again, in a process of the pool.

    Args:
        place: the earlier run.
        name: the homework, by slug or path; None = as recorded.
        accept_unconfined: whether hidden checks are judged where student code is not confined.
    """
    shown = clean(place.name, 100)
    try:
        earlier = place.read()
        homework = homework_of(earlier, name)
        with open_judge(
            earlier, homework, name or homework.slug, place.submission, zygote(), accept_unconfined
        ) as judge:
            judge.judge_all()
            results = results_again(judge)
    except (EarlierError, HomeworkError, IntakeError) as error:
        return Regraded(shown, problem=str(error)), None
    before = round(sum(test.score for test in earlier.tests), 2)
    scores = tuple(changed_scores(earlier, results))
    checks = tuple(changed_checks(homework, earlier.extra_data.checks, results))
    return Regraded(shown, "", before, results.score, scores, checks), results


def _table(rows: Sequence[Regraded]) -> Table:
    table = Table(title="whose score changes", box=box.SIMPLE_HEAD, title_justify="left")
    for column in ("submission", "item"):
        table.add_column(column)
    for column in ("then", "now"):
        table.add_column(column, justify="right")
    table.add_column("because of")
    for row in rows:
        table.add_row(escape(row.name), "all", f"{row.before:g}", f"{row.after:g}", "")
        for change in row.scores:
            because = row.responsible(change.number) or ["no verdict changed: its points did"]
            points = ("–" if score is None else f"{score:g}" for score in (change.before, change.after))
            table.add_row("", escape(change.number), *points, escape("\n".join(because)))
    return table
