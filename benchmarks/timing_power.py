"""`make timing`: how often code of known cost is called too slow, with real workers; writes the tables of docs/timing.md.

Every row is a submission that does a known multiple of the reference's work, graded again and again, each time with another
seed; of the identical one a third beside processes that keep every core busy. Nothing here has an opinion: the rows say what
was counted.
"""

import argparse
import hashlib
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.figures import add_outlets, device, hand_out
from graders.catalogue import all_checks
from graders.homework import Config, Homework, available, load
from graders.judge import Judge, reference_of
from graders.timed import Timed
from graders.timing import contest
from graders.verdict import Outcome, Reason, Verdict
from graders.workloads import WORKLOADS, Workload
from sandbox.launch import Zygote

ROOT = Path(__file__).resolve().parent.parent
PART = "make timing"  # of docs/timing.md
FAST, LOOPS = "attention_is_fast", "attention_scales_with_tokens"
GATE = 2.0  # the lowest that a homework may set
LOADED_SHARE = 3  # one grading of so many has a competing load
# what verdicts on time follow from
CODE = ("timing.py", "timing_verdict.py", "scaling.py", "median.py", "workloads.py")

_REFERENCE = (ROOT / "reference" / "attention.py").read_text(encoding="utf-8")
LOOP_OVER_TOKENS = """
import math
import torch

def attention(query, key, value, mask=None):
    outputs, weights = [], []
    for t in range(query.shape[-2]):
        scores = query[..., t : t + 1, :] @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
        weights.append(torch.softmax(scores, -1))
        outputs.append(weights[-1] @ value)
    return torch.cat(outputs, -2), torch.cat(weights, -2)
"""


@dataclass(frozen=True)
class Subject:
    """A submission of known cost.

    Attributes:
        name: of its row.
        check: which it is judged by.
        source: its attention.py.
        share: it is graded so many times for each grading of identical code.
    """

    name: str
    check: str
    source: str
    share: float


def times(factor: float) -> str:
    """The reference with `factor` times the work: whole repetitions, and one for a part of the queries.

    What they give is kept until the end: memory that is used again is faster than fresh memory, and would make the work less.
    """
    whole = int(factor) - 1
    part = factor - 1 - whole
    extra = f"""    kept = []
    for share in [1.0] * {whole} + [{part}]:
        some = query[..., : round(share * query.shape[-2]), :] @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
        kept += [some, torch.softmax(some, dim=-1)]
        kept.append(kept[-1] @ value)
"""
    place = "    d = query.shape[-1]\n"
    assert place in _REFERENCE
    return _REFERENCE.replace(place, extra + place)


SUBJECTS = (
    Subject("identical code", FAST, _REFERENCE, 1),
    *(
        Subject(f"{factor:g} times the work", FAST, times(factor), 0.2 if factor == 3 else 0.1)
        for factor in (1.2, 1.5, 2, 3, 5)
    ),
    Subject("identical code", LOOPS, _REFERENCE, 0.2),
    Subject("a loop over tokens", LOOPS, LOOP_OVER_TOKENS, 0.1),
)


def homework(check: str) -> Homework:
    """`core` with one check of time, at the lowest gate."""
    core = load("core")
    item = {"number": "1", "title": "Speed", "points": 1, "kind": "auto", "timing": [f"timing.{check}"]}
    table = {"title": "Speed", "files": core.config.files.model_dump(), "item": [item]}
    table["timing"] = {"gates": {f"timing.{check}": GATE}}
    return core.model_copy(update={"config": Config.model_validate(table)})


def outcome_of(verdict: Verdict) -> str:
    """What was said, in a word or two."""
    if verdict.outcome is Outcome.PASSED:
        return "fast enough"
    if verdict.outcome is Outcome.FAILED and "times the reference's; allowed is" in verdict.message:
        return "too slow"
    return "cannot tell" if verdict.reason is Reason.INCONCLUSIVE else f"{verdict.message} {verdict.staff}".strip()


@contextmanager
def load_on_every_core() -> Iterator[None]:
    """Processes that compute for ever, one for each core."""
    code = "while True: sum(range(100_000))"
    hogs = [subprocess.Popen([sys.executable, "-S", "-c", code]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


class Log:
    """What each grading has said, in a file, so that a run that was interrupted goes on where it was.

    Args:
        path: the file; None = nothing is kept.

    Raises:
        ValueError: the file was begun with other code.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, tuple[str, float]] = {}
        parts = [(ROOT / "graders" / name).read_bytes() for name in CODE]
        parts += [subject.source.encode() for subject in SUBJECTS]
        code = hashlib.sha256(b"".join([*parts, str(GATE).encode()])).hexdigest()
        if path is None:
            return
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"code": code}) + "\n", encoding="utf-8")
        first, *lines = path.read_text(encoding="utf-8").splitlines()
        if json.loads(first) != {"code": code}:
            raise ValueError(f"{path} was begun with other code in {', '.join(CODE)}; remove it to begin anew")
        for line in lines:
            grading, said, seconds = json.loads(line)
            self._known[grading] = said, seconds

    def known(self, grading: str) -> tuple[str, float] | None:
        """What a grading has said and how long it took, if it has been made."""
        return self._known.get(grading)

    def add(self, grading: str, said: str, seconds: float) -> None:
        """Write down what a grading has said."""
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([grading, said, seconds]) + "\n")


def graded(
    subject: Subject, load_name: str, seeds: range, zygote: Zygote, log: Log
) -> tuple[Counter[str], list[float]]:
    """Grade a submission once with each seed; what was said, and how long each took."""
    counts: Counter[str] = Counter()
    seconds = []
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "attention.py").write_text(subject.source, encoding="utf-8")
        for seed in seeds:
            grading = f"{subject.check}, {subject.name}, load: {load_name}, seed {seed}"
            known = log.known(grading)
            if known is None:
                with Judge(
                    homework(subject.check), Path(place), zygote, seed=seed, reference=reference_of("core")
                ) as judge:
                    start = time.monotonic()
                    [verdict] = judge.judge_all().values()
                    known = outcome_of(verdict), time.monotonic() - start
                log.add(grading, *known)
            counts[known[0]] += 1
            seconds.append(known[1])
    return counts, seconds


def power(n: int, console: Console, log: Log) -> list[dict[str, Any]]:
    """The rows of the table.

    Args:
        n: gradings of identical code.
        console: where progress is told.
        log: what has been measured before.
    """
    rows = []
    with Zygote() as zygote:
        zygote.wait_until_ready()
        for subject in SUBJECTS:
            whole = max(2, round(n * subject.share))
            loaded = max(1, whole // LOADED_SHARE)
            for load_name, seeds in (
                ("none", range(whole - loaded)),
                ("every core busy", range(whole, whole + loaded)),
            ):
                with load_on_every_core() if load_name != "none" else nullcontext():
                    counts, seconds = graded(subject, load_name, seeds, zygote, log)
                middle = sorted(seconds)[len(seconds) // 2]
                rows.append(
                    {
                        "check": subject.check,
                        "submission": subject.name,
                        "load": load_name,
                        "gradings": len(seeds),
                        "said": dict(counts),
                        "seconds": round(middle, 2),
                    }
                )
                console.print(
                    f"{subject.check}, {subject.name}, load: {load_name}: {dict(counts)}, {middle:.2f} s each"
                )
    return rows


def references() -> list[dict[str, Any]]:
    """What the solutions themselves take, for each check of time that a homework which ships lists."""
    rows = []
    with Zygote() as zygote:
        for slug in available():
            names = [name for item in load(slug).config.auto_items for name in item.timing]
            names = [check.id for check in all_checks() if check.task == "timing"] if slug == "core" else names
            solution = reference_of(slug)
            if not names or solution is None:
                continue
            with Judge(load(slug), solution, zygote, seed=1, reference=solution) as judge:
                for name in names:
                    workload = WORKLOADS.get(name.removeprefix("timing."))
                    if workload is not None:
                        rows.append({"homework": slug, "check": name} | _cost_of(judge, workload))
    return rows


@contextmanager
def timed_by(judge: Judge) -> Iterator[Timed]:
    """What a check of time is given."""
    student = judge._within(judge.student, float("inf"))
    with student.open(1) as worker:
        timed = student.implementation("timing", worker)
        assert isinstance(timed, Timed)
        yield timed


def _cost_of(judge: Judge, workload: Workload) -> dict[str, Any]:
    """The medians of one solution's processor time at each size, in milliseconds."""
    with timed_by(judge) as timed, contest(timed, workload, workload.sizes, random.Random(1)) as running:
        running.repeat(13)
    middles = {}
    for size, pairs in sorted(running.pairs.items()):
        costs = sorted(cost.cpu or cost.wall for pair in pairs for cost in (pair.reference, pair.again))
        middles[str(size)] = round(costs[len(costs) // 2] * 1e3, 2)
    return {"milliseconds": middles}


def report(n: int, console: Console, log: Log) -> dict[str, Any]:
    """All that is measured, and where."""
    return {
        "command": f"make timing N={n}",
        "date": date.today().isoformat(),
        "device": device(),
        "python": platform.python_version(),
        "gate": GATE,
        "power": power(n, console, log),
        "references": references(),
    }


def tables(found: dict[str, Any]) -> str:
    """The measurements as Markdown."""
    lines = [
        f"`{found['command']}`, {found['date']}, on {found['device']}, Python {found['python']}, gate {found['gate']:g}.",
        "",
        "| check | submission | load | gradings | fast enough | cannot tell | too slow | other | seconds, median |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    known = ("fast enough", "cannot tell", "too slow")
    for row in found["power"]:
        cells = [str(row["said"].get(name, 0)) for name in known]
        other = sum(count for name, count in row["said"].items() if name not in known)
        lines.append(
            f"| {row['check']} | {row['submission']} | {row['load']} | {row['gradings']} | {' | '.join(cells)} | {other} "
            f"| {row['seconds']:.2f} |"
        )
    lines += [
        "",
        "What the solutions take, in milliseconds of processor time, with the request itself:",
        "",
        "| homework | check | size: milliseconds |",
        "| --- | --- | --- |",
    ]
    for row in found["references"]:
        costs = ", ".join(f"{size}: {cost:g}" for size, cost in row["milliseconds"].items())
        lines.append(f"| {row['homework']} | {row['check']} | {costs} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timing_power", description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1000, help="gradings of identical code (default: 1000)")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="keep each grading there, and go on from those that are there"
    )
    add_outlets(parser)
    options = parser.parse_args(arguments)
    if options.n < 1:
        parser.error("--n must be at least 1")
    try:
        log = Log(options.log if options.source is None else None)
    except ValueError as error:
        parser.error(str(error))
    hand_out(options, lambda: report(options.n, Console(stderr=True), log), PART, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
