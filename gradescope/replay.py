"""`headmaster replay`: judge a submission again with the recorded seeds, and say what comes out differently."""

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from graders.homework import HomeworkError
from graders.judge import Judge
from graders.progress import progress_bar
from sandbox.errors import IntakeError
from sandbox.launch import Zygote

from .again import CheckChange, changed_checks, changed_scores, judge_like, open_judge, results_again
from .earlier import Earlier, EarlierError, homework_of, read_earlier
from .record import other_versions, versions_of
from .results import Results

HELP = """Judges a submission again, or one check of it, with the seeds that its results.json has recorded. Exits with 0 if
every verdict is the same, 1 if one differs, 2 if it cannot be done."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status: 0 the same, 1 something differs, 2 it cannot be done."""
    parser = argparse.ArgumentParser(prog="headmaster replay", description=HELP)
    parser.add_argument("results", type=Path, help="the results.json of the earlier run")
    parser.add_argument("submission", type=Path, help="the folder that was handed in")
    parser.add_argument("--check", metavar="ID", help="only this check, such as attention.shapes")
    parser.add_argument("--homework", help="the path of the homework's TOML, if it is none that ships")
    parser.add_argument(
        "--accept-unconfined", action="store_true", help="judge hidden checks too where student code is not confined"
    )
    options = parser.parse_args(arguments)
    console = Console()
    try:
        earlier = read_earlier(options.results)
        homework = homework_of(earlier, options.homework)
        if options.check is not None:
            _require_judged(earlier, options.check)
        for line in other_versions(earlier.extra_data.record.versions, versions_of(homework)):
            console.print(f"Other versions than then, so that results may differ: {line}", style="yellow", markup=False)
        name = options.homework or homework.slug
        with (
            Zygote() as zygote,
            open_judge(earlier, homework, name, options.submission, zygote, options.accept_unconfined) as judge,
        ):
            results = _judge(judge, earlier, options.check, console)
    except (EarlierError, HomeworkError, IntakeError) as error:
        print(f"headmaster replay: {error}", file=sys.stderr)
        return 2
    return _tell(earlier, judge, results, options.check, console)


def _require_judged(earlier: Earlier, check: str) -> None:
    """Refuse a check that the earlier run has not judged."""
    if check in earlier.judged:
        return
    near = difflib.get_close_matches(check, earlier.judged, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise EarlierError(f"the earlier run has judged no check {check!r}{hint}")


def _judge(judge: Judge, earlier: Earlier, only: str | None, console: Console) -> Results:
    wanted = [check for check in judge.checks if check.id in (earlier.judged if only is None else (only,))]
    if only is not None and not wanted:
        raise EarlierError(f"{judge.homework.slug} has no check {only!r} any more")
    with progress_bar(console) as progress:
        bar = progress.add_task("judging", total=len(wanted))
        for check in wanted:
            if only is None:
                judge.judge(check)
            else:
                judge_like(judge, check, lambda check, verdict: None)
            progress.advance(bar)
    return results_again(judge)


def _tell(earlier: Earlier, judge: Judge, results: Results, only: str | None, console: Console) -> int:
    names = [only] if only is not None else None
    changes = changed_checks(judge.homework, earlier.extra_data.checks, results, names)
    scores = changed_scores(earlier, results) if only is None else []
    if changes:
        console.print(_table(changes))
    for change in scores:
        console.print(f"Item {change.number}: {change.before} points then, {change.after} now.", markup=False)
    if only is not None and not changes:
        console.print(f"{only}: {earlier.judged[only].told()}, as then.", markup=False, highlight=False)
    elif not changes and not scores:
        console.print(f"The same: {len(judge.verdicts)} checks, {results.score:g} of {results.max_score:g} points.")
    return 1 if changes or scores else 0


def _table(changes: Sequence[CheckChange]) -> Table:
    table = Table(title="what differs", box=box.SIMPLE_HEAD, title_justify="left")
    for column in ("item", "check", "then", "now"):
        table.add_column(column)
    for change in changes:
        table.add_row(*map(escape, (change.number, change.check, change.before, change.after)))
    return table
