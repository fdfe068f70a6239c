"""The kill matrix: every check of a task against every right and wrong submission of it, on all cores."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, fields
from pathlib import Path

from graders.check import Check, Group
from graders.homework import Homework, load
from graders.judge import Judge, reference_of
from graders.misconceptions import banks, named
from graders.pool import pool, zygote
from graders.scoring import carries_points, failed_advice, lost_items
from graders.student import Student
from graders.verdict import Outcome, Reason, Verdict
from sandbox.errors import IntakeError
from sandbox.launch import Zygote

from .handing_in import hand_in
from .reach import Reach, WatchedStudent, code_reached
from .specimens import Specimen

MAX_TEXT = 1500


@dataclass(frozen=True)
class Row:
    """What the checks concluded about one submission at one seed.

    Attributes:
        specimen: the submission.
        seed: all cases follow from it.
        judged: the ids of the checks that judged it, in order.
        rejecting: those that failed and carry points.
        lost: the items without full points; only where the whole homework was graded.
        misconceptions: the names that the feedback gives.
        faults: what is not as it must be; empty = all is well.
        seconds: how long it took.
        advising: the ids of the checks that failed and carry no points.
    """

    specimen: Specimen
    seed: int
    judged: tuple[str, ...]
    rejecting: tuple[str, ...]
    lost: frozenset[str]
    misconceptions: tuple[str, ...]
    faults: tuple[str, ...]
    seconds: float
    advising: tuple[str, ...] = ()


Known = dict[str, tuple[Reach, str]]  # by check: what the solution's code was when it passed


def solution_known(name: str, seed: int, zygote: Zygote) -> Known:
    """What the checks reach in a homework's solution, for those that pass it; empty if there is none.

    Args:
        name: the homework.
        seed: as in `judge_specimen`.
        zygote: where workers come from.
    """
    solution = reference_of(name)
    if solution is None:
        return {}
    with tempfile.TemporaryDirectory() as place:
        folder = hand_in(name, Path(place) / "submission")
        homework = load(name).of_code_alone()
        with Judge(homework, folder, zygote, seed=seed, shrink_calls=0) as judge:
            student = WatchedStudent(**{field.name: getattr(judge.student, field.name) for field in fields(Student)})
            known = {}
            for check in judge.checks:
                passed = check.run(student, judge.seed_of(check), shrink_calls=0).outcome is Outcome.PASSED
                reach = student.reach()
                if passed:
                    known[check.id] = (reach, code_reached(folder, student.submission.code, reach))
    return {check: (reach, code) for check, (reach, code) in known.items() if code}


def judge_specimen(name: str, specimen: Specimen, seed: int, zygote: Zygote, known: Known | None = None) -> Row:
    """Hand in one submission and judge it: a file of one task by all checks of the task, each for itself, the rest as in class.

    Args:
        name: the homework: a slug, or the path of its TOML.
        specimen: the submission.
        seed: the same cases for every submission.
        zygote: where workers come from.
        known: checks that the solution passes at this seed. Where the submission has the same code there, they are passed.
    """
    start = time.monotonic()
    homework = load(name).of_code_alone()
    with tempfile.TemporaryDirectory() as place:
        folder = specimen.write(homework, name, Path(place) / "submission")
        with Judge(homework, folder, zygote, seed=seed, reference=reference_of(name), shrink_calls=0) as judge:
            if specimen.task:
                verdicts = {
                    check.id: check.run(judge.student, judge.seed_of(check), shrink_calls=0)
                    for check in judge.checks
                    if check.task == specimen.task
                }
                # a name is asked for as it is in a grading: at the first failure behind the interface; of a wheat in any case
                asking = next(
                    (
                        check
                        for check in judge.checks
                        if check.id in verdicts and _failed(verdicts[check.id]) and check.group is not Group.INTERFACE
                    ),
                    judge.checks[0] if specimen.right else None,
                )
                found = []
                if specimen.task in banks() and asking is not None:
                    found = [named(judge.student, specimen.task, judge.seed_of(asking))]
                lost: frozenset[str] = frozenset()
            else:
                verdicts = judge.verdicts
                counting = {check.task for check in judge.checks if carries_points(homework, check)}
                for check in judge.checks:
                    if not specimen.right and check.task not in counting:
                        continue  # nothing that is all advice can reject it
                    reach, code = (known or {}).get(check.id, (None, ""))
                    if reach is not None and code_reached(folder, judge.student.submission.code, reach) == code:
                        verdicts[check.id] = Verdict(Outcome.PASSED)
                    else:
                        judge.judge(check)
                found = list(judge.misconceptions.values())
                lost = frozenset(lost_items(homework, judge.checks, verdicts))
            checks = [check for check in judge.checks if check.id in verdicts]
    failed = [check for check in checks if _failed(verdicts[check.id])]
    rejecting = tuple(check.id for check in failed if carries_points(homework, check))
    advising = tuple(check.id for check in failed if not carries_points(homework, check))
    # a mistake in what two tasks share has its name in both
    names = tuple(dict.fromkeys(each.name for each in found if each is not None))
    faults = [*_outcome_faults(specimen, homework, checks, verdicts, rejecting, lost)]
    if names != ((specimen.misconception,) if specimen.misconception else ()):
        expected = specimen.misconception or "no name"
        faults.append(f"its feedback names {', '.join(names) or 'no misconception'}, expected {expected}")
    seconds = time.monotonic() - start
    return Row(specimen, seed, tuple(verdicts), rejecting, lost, names, tuple(faults), seconds, advising)


def _failed(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.FAILED


def _outcome_faults(
    specimen: Specimen,
    homework: Homework,
    checks: Sequence[Check],
    verdicts: dict[str, Verdict],
    rejecting: Sequence[str],
    lost: frozenset[str],
) -> Iterator[str]:
    for check in checks:
        if verdicts[check.id].reason is Reason.GRADER_FAULT:
            yield f"{check.id} stumbled itself: {verdicts[check.id].staff[-MAX_TEXT:]}"
    if specimen.right:
        for name in rejecting:
            yield f"{name} refuses it: {verdicts[name].message[:MAX_TEXT]}"
        for name in failed_advice(homework, checks, verdicts):
            yield f"{name} (advice) finds fault with it: {verdicts[name].message[:MAX_TEXT]}"
        if lost and not rejecting:
            yield f"it does not get all points in {', '.join(sorted(lost))}"
        for check in checks:
            reason = verdicts[check.id].reason
            if reason is not None and not reason.gives_points and reason is not Reason.PREREQUISITE:
                yield f"{check.id} has not judged it: {reason.value}"
        return
    if specimen.loses is not None and lost != specimen.loses:
        yield f"it loses points in {', '.join(sorted(lost)) or 'nothing'}, expected {', '.join(sorted(specimen.loses))}"
    if not specimen.rejected_by:
        return
    if specimen.rejected_by not in verdicts:
        yield f"{specimen.rejected_by} is no check of {homework.slug}, or was not run"
    elif specimen.rejected_by not in rejecting:
        others = f"only by {', '.join(rejecting)}" if rejecting else "by no check: it survives"
        yield f"it must be rejected by {specimen.rejected_by}, and is rejected {others}"


def _judge(name: str, specimen: Specimen, seed: int, known: Known) -> Row:
    try:
        return judge_specimen(name, specimen, seed, zygote(), known)
    except IntakeError as error:
        return Row(specimen, seed, (), (), frozenset(), (), (f"it cannot be taken in: {error}",), 0.0)


def _known(name: str, seed: int) -> Known:
    return solution_known(name, seed, zygote())


def run(
    jobs: Sequence[tuple[str, Specimen, int]],
    n_processes: int | None = None,
    after: Callable[[str, Row], None] = lambda name, row: None,
    thorough: bool = False,
) -> list[tuple[str, Row]]:
    """Judge many submissions in parallel.

    Args:
        jobs: (homework, submission, seed); the homework by slug or path.
        n_processes: default: as many as there are CPUs.
        after: called with the homework and each row, as it comes.
        thorough: also judge what an edit does not reach, where the solution's verdict would be taken.

    Returns:
        (homework, row) in the order of the jobs.
    """
    rows: dict[int, tuple[str, Row]] = {}
    with pool(len(jobs), n_processes) as processes:
        whole = {(name, seed) for name, specimen, seed in jobs if specimen.edit is not None} if not thorough else set()
        known = dict(zip(whole, processes.map(_known, *zip(*whole, strict=True)), strict=True)) if whole else {}
        # whole homeworks take longest: first, so that no core waits for the last one
        order = sorted(range(len(jobs)), key=lambda i: bool(jobs[i][1].task))
        # what is no edit may differ in other files, too
        of = [known.get((name, seed), {}) if specimen.edit is not None else {} for name, specimen, seed in jobs]
        futures = {processes.submit(_judge, *jobs[i], of[i]): i for i in order}
        for future in as_completed(futures):
            i = futures[future]
            rows[i] = (jobs[i][0], future.result())
            after(*rows[i])
    return [rows[i] for i in range(len(jobs))]
