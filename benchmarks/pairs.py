"""Every check of one homework on its solution, in a worker and without isolation, in turn.

    python -m benchmarks.pairs HOMEWORK ROUNDS [CHECK …]

It prints, as JSON, the seconds of each check both ways, how many examples Hypothesis made of it, and what it takes to
judge all of them in as many lanes as there are cores. The zygote is there before: this is what grading costs when all is
warm.
"""

import functools
import json
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import torch

from benchmarks.in_process import InProcess, require_no_failure
from graders.check import Check
from graders.homework import load
from graders.judge import Judge, reference_of
from graders.lanes import usual_lanes
from sandbox.launch import Zygote


@dataclass
class Pair:
    """What one check took.

    Attributes:
        examples: that Hypothesis made; 0 where the check draws none.
        confined, in_process: seconds of each round.
    """

    examples: int = 0
    confined: list[float] = field(default_factory=list)
    in_process: list[float] = field(default_factory=list)


def pairs(slug: str, rounds: int, only: Collection[str] = ()) -> tuple[dict[str, Pair], list[float]]:
    """Measure.

    Args:
        slug: of the homework.
        rounds: how often, each time with another seed; one more is made before, to warm up.
        only: ids of checks; all that need no processes if there are none.

    Returns:
        the pairs by check, and the seconds of all checks in lanes for each round.

    Raises:
        RuntimeError: a check does not pass.
    """
    torch.set_num_threads(1)
    homework, solution = load(slug), reference_of(slug)
    assert solution is not None
    found: dict[str, Pair] = {}
    in_lanes = []
    with ExitStack() as stack:
        zygote = stack.enter_context(Zygote())
        zygote.wait_until_ready()
        for seed in range(rounds + 1):
            judges = {
                "confined": stack.enter_context(Judge(homework, solution, zygote, seed=seed)),
                "in_process": stack.enter_context(InProcess(homework, solution, seed=seed)),
            }
            if seed == 0:
                in_process = judges["in_process"].student  # its modules stay imported, as in one run
            judges["in_process"].student = in_process
            checks = [check for check in judges["in_process"].checks if not only or check.id in only]
            for check in checks:
                for place, judge in sorted(judges.items(), reverse=seed % 2 == 1):
                    examples, seconds = measured(check, judge)
                    if seed > 0:
                        pair = found.setdefault(check.id, Pair())
                        getattr(pair, place).append(seconds)
                        pair.examples = examples
            ahead = stack.enter_context(Judge(homework, solution, zygote, seed=seed))
            ahead.checks = checks
            start = time.perf_counter()
            ahead.judge_ahead(usual_lanes())
            ahead.judge_all()
            if seed > 0:
                in_lanes.append(time.perf_counter() - start)
    return found, in_lanes


def measured(check: Check, judge: Judge) -> tuple[int, float]:
    """Examples and seconds of one check."""
    with counted(check) as examples:
        start = time.perf_counter()
        verdict = judge.judge(check)
        seconds = time.perf_counter() - start
    require_no_failure(check.id, verdict)
    return len(examples), seconds


@contextmanager
def counted(check: Check) -> Iterator[list[None]]:
    """A list that grows by one with each example that Hypothesis makes for a check."""
    examples: list[None] = []
    if not hypothesis.is_hypothesis_test(check.function):
        yield examples
        return
    inner = check.function.hypothesis.inner_test  # type: ignore[attr-defined]

    @functools.wraps(inner)
    def counting(*args: Any, **kwargs: Any) -> None:
        examples.append(None)
        inner(*args, **kwargs)

    check.function.hypothesis.inner_test = counting  # type: ignore[attr-defined]
    try:
        yield examples
    finally:
        check.function.hypothesis.inner_test = inner  # type: ignore[attr-defined]


def main() -> None:
    """Measure what the command line names, and print it."""
    slug, rounds, *only = sys.argv[1:]
    found, in_lanes = pairs(slug, int(rounds), only)
    print(json.dumps({"pairs": {name: vars(pair) for name, pair in found.items()}, "in_lanes": in_lanes}))


if __name__ == "__main__":
    main()
