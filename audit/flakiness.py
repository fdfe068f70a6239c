"""`headmaster flakiness`: judge right submissions at many seeds, and bound the share of them that is refused."""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from graders.homework import HomeworkError

from .command import jobs_of, require_sense, with_progress
from .matrix import Row
from .specimens import Specimen, SpecimenError
from .summary import summaries
from .tables import faults_of

HELP = """Judges every wheat of a homework at many seeds. Each run of a check on a right submission is a trial; one that
fails is a false reject. Says how many there were, and the upper bound of their rate at 95 % confidence (Clopper and
Pearson, exact), for one check and for one submission. Exits with 1 if there was any."""
BATCH = 2000  # gradings between two looks at the clock, at most


@dataclass(frozen=True)
class Tally:
    """What was counted.

    Attributes:
        submissions, refused: gradings of a right submission, and those in which any check failed.
        checks, failed: runs of a check, and those that failed.
        seeds: with how many seeds each submission was judged.
    """

    submissions: int
    refused: int
    checks: int
    failed: int
    seeds: int


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status: 0 no right submission was refused, 1 one was, 2 it cannot be done."""
    parser = argparse.ArgumentParser(prog="headmaster flakiness", description=HELP)
    parser.add_argument("homework", nargs="?", help="a slug, or the path of a homework's TOML (default: all that ship)")
    parser.add_argument("--task", default="", help="only the submissions of this task")
    parser.add_argument("--submissions", type=Path, metavar="DIR", help="where they lie (as in `headmaster audit`)")
    parser.add_argument("--seeds", type=int, default=1000, metavar="N", help="default: 1000")
    parser.add_argument("--first-seed", type=int, default=1, metavar="N", help="the first of them (default: 1)")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop after so long, with as many seeds as fit")
    parser.add_argument("--processes", type=int, metavar="N", help="default: the number of CPUs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was counted here")
    options = parser.parse_args(arguments)
    console = Console()
    try:
        require_sense(options.seeds, options.processes, options.json)
        jobs = [
            (name, specimen)
            for name, specimen, _ in jobs_of(options.homework, options.task, options.submissions, 1, 1)
            if specimen.right
        ]
    except (HomeworkError, SpecimenError) as error:
        print(f"headmaster flakiness: {error}", file=sys.stderr)
        return 2
    if not jobs:
        print("headmaster flakiness: found no right submission to judge", file=sys.stderr)
        return 2
    rows: list[tuple[str, Row]] = []
    for numbered in batches(jobs, options.seeds, math.inf if options.minutes is None else 60 * options.minutes):
        batch = [(name, specimen, seed + options.first_seed - 1) for name, specimen, seed in numbered]
        rows += with_progress(console, batch, options.processes, thorough=True)
    tally = count([row for _, row in rows], len(rows) // len(jobs))
    console.print(faults_of(summaries(rows)))
    console.print(told(tally), highlight=False)
    if options.json:
        options.json.write_text(json.dumps(vars(tally)), encoding="utf-8")
    return 1 if any(row.faults for _, row in rows) else 0


def batches(
    jobs: Sequence[tuple[str, Specimen]],
    n_seeds: int,
    seconds: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[list[tuple[str, Specimen, int]]]:
    """All submissions at some seeds, then at the next ones, so that a run that ends early has judged all alike.

    Args:
        jobs: (homework, submission).
        n_seeds: the seeds are 1 to n_seeds.
        seconds: ends before a seed that would not fit, as the ones before it took; the first is judged in any case.
        clock: the time in seconds.
    """
    start, done = clock(), 0
    while done < n_seeds:
        n = min(n_seeds - done, max(1, BATCH // len(jobs)))
        spent = clock() - start
        if seconds < math.inf:
            n = min(n, int((seconds - spent) * done / spent)) if done and spent else 1
        if n < 1:
            return
        yield [(name, specimen, seed) for seed in range(done + 1, done + n + 1) for name, specimen in jobs]
        done += n


def count(rows: Sequence[Row], seeds: int) -> Tally:
    """Count gradings and runs of checks; a check that is advice counts as any other."""
    failing = [len(row.rejecting) + len(row.advising) for row in rows]
    return Tally(len(rows), sum(n > 0 for n in failing), sum(len(row.judged) for row in rows), sum(failing), seeds)


def upper_bound(failures: int, trials: int, confidence: float = 0.95) -> float:
    """The largest rate of failures that is compatible with what was seen: the exact one-sided bound of a binomial.

    The rate p at which at most `failures` of `trials` occur with probability 1 − confidence (Clopper and Pearson, 1934),
    found by bisection.
    """
    if failures >= trials:
        return 1.0
    low, high = failures / trials, 1.0
    for _ in range(100):
        p = (low + high) / 2
        if _at_most(failures, trials, p) > 1 - confidence:
            low = p
        else:
            high = p
    return high


def _at_most(k: int, n: int, p: float) -> float:
    """Probability of at most k successes in n trials."""
    if p >= 1.0:
        return 0.0
    log_p, log_q = math.log(p) if p else -math.inf, math.log1p(-p)
    terms = [
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + (i * log_p if i else 0.0) + (n - i) * log_q
        for i in range(k + 1)
    ]
    return math.fsum(math.exp(term) for term in terms)


def told(tally: Tally) -> str:
    """The result in three lines."""
    per_check = upper_bound(tally.failed, tally.checks)
    per_submission = upper_bound(tally.refused, tally.submissions)
    seeds = "seed" if tally.seeds == 1 else "seeds"
    return (
        f"{tally.submissions} gradings of right submissions at {tally.seeds} {seeds}, {tally.checks} runs of checks.\n"
        f"False rejects: {tally.failed} runs of a check; at 95 % confidence at most {per_check:.1e} of them.\n"
        f"Refused submissions: {tally.refused}; at 95 % confidence at most {per_submission:.1e} of them."
    )
