"""Judging one submission: which checks, in which order, with which seeds, and what a failed prerequisite means."""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from sandbox import intake
from sandbox.client import Patience, Submission
from sandbox.confine import Limits
from sandbox.launch import Zygote
from sandbox.self_test import Confinement

from .catalogue import checks_of
from .check import SHRINK_CALLS, Check, Group, derive
from .deadline import Deadline
from .homework import Homework, toml_of
from .known_mistakes import banks, named
from .lanes import ALONE, Lanes
from .recorded import record_here
from .secret import DEFAULT_SECRET
from .student import Student, find_code
from .verdict import Misconception, Outcome, Reason, Verdict

HERE = Path(__file__).resolve().parent.parent
KEY = HERE / "reference"
# tasks of which the solution has nothing to judge, so that it cannot tell whose fault it is when the grader stumbles
NOT_IN_THE_SOLUTION = frozenset({"trained"})


class Judge:
    """Judges one submission of one homework. A context manager that removes the snapshots it has made.

    Args:
        homework: what is graded.
        submission: the folder that was handed in.
        zygote: where workers come from; it stays open.
        secret: seeds follow from it, the submission's digest and the check.
        seed: if given, seeds follow from it and the check alone: the same cases for every submission. In the students' kit
            it is that of the record.
        reference: the folder of the homework's solution, asked for a second opinion when the grader itself stumbles;
            None where there is none (in the students' kit).
        shrink_calls: cases tried to make a failing one smaller; the verdicts' outcomes do not depend on it.
        confinement: what the self-test has found; hidden checks are refused if it does not hold. None = do not ask.
        seconds: for the whole run, from now on; None = what the homework's TOML says.

    Raises:
        IntakeError: the submission cannot be taken in.
    """

    def __init__(
        self,
        homework: Homework,
        submission: Path,
        zygote: Zygote,
        *,
        secret: str = DEFAULT_SECRET,
        seed: int | None = None,
        reference: Path | None = None,
        shrink_calls: int = SHRINK_CALLS,
        confinement: Confinement | None = None,
        seconds: float | None = None,
    ) -> None:
        # cases are small: a second thread only waits for the first, and on a busy machine for its turn
        torch.set_num_threads(1)
        self.homework = homework
        self.checks = checks_of(homework)
        self.verdicts: dict[str, Verdict] = {}
        self.seconds: dict[str, float] = {}
        self.misconceptions: dict[str, Misconception | None] = {}  # by task, where one of its checks has failed
        self.zygote = zygote
        self._lanes: Lanes | None = None
        self._secret = secret
        record = record_here()
        self._seed = seed if record is None else record.seed
        self._own = frozenset() if record is None else record.own  # of the kit, in whose folder students work
        self._reference = reference
        self._shrink_calls = shrink_calls
        self.confinement = confinement
        self._stack = ExitStack()
        self._deadline = Deadline(
            homework.config.limits.seconds_in_all if seconds is None else seconds,
            {check.id: item.number for check in self.checks if (item := homework.item_of(check.id)) is not None},
        )
        self.student = self._take(submission, self._stack)

    def __enter__(self) -> "Judge":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End the lanes, remove the snapshots."""
        self.end_lanes()
        self._stack.close()

    def judge_ahead(self, lanes: int, checks: Sequence[Check] | None = None) -> None:
        """From now on judge in so many processes side by side, ahead of whoever asks for verdicts; see `lanes`.

        Args:
            lanes: how many.
            checks: which will be asked for; None = all.
        """
        self._lanes = Lanes(self, lanes, self.checks if checks is None else checks)

    def end_lanes(self) -> None:
        """End what judges ahead; what is not judged yet is judged here."""
        if self._lanes is not None:
            self._lanes.close()
            self._lanes = None

    def use(self, zygote: Zygote) -> None:
        """Take workers from another zygote, in a lane: there the solution is not asked for a second opinion.

        Its files would lie beside other lanes' student code, and what made the grader stumble may be that code's doing.
        """
        self.zygote, self._lanes, self._reference = zygote, None, None
        self.student = replace(self.student, submission=replace(self.student.submission, zygote=zygote))

    @property
    def snapshot(self) -> intake.Snapshot:
        """The copy of the submission."""
        return self.student.submission.snapshot

    def _take(self, folder: Path, stack: ExitStack) -> Student:
        config = self.homework.config
        own = self._own if folder.resolve() == HERE else frozenset()
        snapshot = stack.enter_context(intake.take(folder, leave_out=own))
        submission = Submission(
            self.zygote,
            snapshot,
            find_code(snapshot.files, config.files.names, config.files.folder),
            Limits(memory_bytes=config.limits.memory_mib << 20),
            Patience(config.limits.seconds_per_import, config.limits.seconds_per_call, config.limits.seconds_per_check),
        )
        homework = self.homework
        return Student(
            submission, homework.binding, config.rules, homework.slug, homework.folder, config.trained, config.timing
        )

    @property
    def derivation(self) -> str:
        """What seeds follow from, in words; the secret itself is never told."""
        return "secret, digest, check" if self._seed is None else f"--seed {self._seed}, check"

    def seed_of(self, check: Check) -> int:
        """The seed of a check: 63 bits of a SHA-256."""
        origin = f"{self._secret}:{self.snapshot.digest}" if self._seed is None else f"seed {self._seed}"
        return derive(origin, check.id)

    def carry_on(self, verdicts: Mapping[str, Verdict]) -> None:
        """Take over verdicts of an earlier process that judged the same submission, but for those that come again."""
        for check in self.checks:
            verdict = verdicts.get(check.id)
            if verdict is not None and verdict.reason is not Reason.BUDGET:
                self._take_over(check, verdict)

    def _take_over(self, check: Check, verdict: Verdict) -> None:
        """Remember a verdict of another process."""
        self.verdicts[check.id] = verdict
        if verdict.outcome is Outcome.FAILED and self._can_be_named(check):
            self.misconceptions[check.task] = verdict.misconception

    def judge(self, check: Check) -> Verdict:
        """Judge one check and remember the verdict; wait for it if a lane judges it."""
        ahead = None if self._lanes is None else self._lanes.verdict(check)
        if ahead is not None:
            verdict, seconds = ahead
            self._take_over(check, verdict)
        else:
            if self._lanes is not None and check.task in ALONE:
                self._lanes.finish()
            start = time.monotonic()
            verdict = self._waived(check) or self._prerequisite(check) or self._run(check)
            self.verdicts[check.id] = verdict
            seconds = time.monotonic() - start
        self.seconds[check.id] = self.seconds.get(check.id, 0.0) + seconds
        return verdict

    def comes_again(self, check: Check) -> bool:
        """Whether a check that has been judged is to be judged once more: the share of its question has cut it short.

        Whoever judges lets it come again after all others, once `begin_again` has been called.
        """
        verdict = self.verdicts.get(check.id)
        cut = verdict is not None and verdict.reason is Reason.BUDGET
        return cut and not self._deadline.is_final and not self._deadline.is_over

    def begin_again(self) -> None:
        """Say that from now on the checks come that have been cut short: they get the time that was left over."""
        self._deadline.begin_again()

    def judge_all(self, after: Callable[[Check, Verdict], None] = lambda check, verdict: None) -> dict[str, Verdict]:
        """Judge every check in order, those that were cut short once more at the end.

        Args:
            after: called with each check and its verdict.
        """
        for check in self.checks:
            if check.id not in self.verdicts:
                after(check, self.judge(check))
        again = [check for check in self.checks if self.comes_again(check)]
        self.begin_again()
        for check in again:
            after(check, self.judge(check))
        return self.verdicts

    def _waived(self, check: Check) -> Verdict | None:
        """The verdict that a waiver in the TOML decides. What is waived is not run, and gates nothing."""
        reason = self.homework.config.waived(check.id)
        if not reason:
            return None
        return Verdict.not_judged(Reason.WAIVED, f"Waived, so it counts as passed for everybody: {reason}")

    def _prerequisite(self, check: Check) -> Verdict | None:
        """The verdict that an earlier failure decides. A gate that was not run counts as met."""
        for gate in self.checks:
            if gate.task != check.task or not gate.group.gates or gate.group.order >= check.group.order:
                continue
            verdict = self.verdicts.get(gate.id)
            if verdict is not None and verdict.outcome is Outcome.FAILED:
                return Verdict.not_judged(Reason.PREREQUISITE, f"Not judged: it needs “{gate.sentence}”")
        return None

    def _run(self, check: Check) -> Verdict:
        if self._deadline.is_over:
            return Verdict.not_judged(Reason.BUDGET)
        if self.confinement is not None and not self.confinement.holds and self._is_hidden(check):
            return Verdict.not_judged(Reason.UNCONFINED, staff=self.confinement.summary)
        until = self._deadline.until(check.id, self._waiting())
        student = self._within(self.student, until)
        deaths = self.zygote.deaths
        verdict = check.run(student, self.seed_of(check), shrink_calls=self._shrink_calls)
        if verdict.outcome is not Outcome.PASSED and self.zygote.deaths != deaths:
            # the workers died with it, which was not the code's doing
            verdict = check.run(student, self.seed_of(check), shrink_calls=self._shrink_calls)
        if verdict.reason is Reason.GRADER_FAULT and self._reference is not None:
            verdict = self._second_opinion(check, verdict, self._reference, until)
        if verdict.outcome is Outcome.FAILED:
            verdict = self._with_misconception(check, verdict, student)
        return verdict

    def _is_hidden(self, check: Check) -> bool:
        item = self.homework.item_of(check.id)
        return item is not None and item.is_hidden

    def _waiting(self) -> list[str]:
        """The checks that are to be judged in this round."""
        if self._deadline.is_final:
            return [name for name, verdict in self.verdicts.items() if verdict.reason is Reason.BUDGET]
        return [check.id for check in self.checks if check.id not in self.verdicts]

    def _within(self, student: Student, until: float) -> Student:
        """The same submission, whose workers must have ended by then, and so must those of the solution."""
        submission = student.submission
        return replace(
            student,
            submission=replace(submission, patience=replace(submission.patience, until=until)),
            solution=None if self._reference is None else partial(self._solution, self._reference, until),
        )

    @contextmanager
    def _solution(self, reference: Path, until: float) -> Iterator[Student]:
        """The solution as a submission; its snapshot is gone at the end."""
        with ExitStack() as stack:
            yield self._within(self._take(reference, stack), until)

    def _with_misconception(self, check: Check, verdict: Verdict, student: Student) -> Verdict:
        """The verdict with the name of the mistake, if it is a known one; asked once per task, at its first failure."""
        if not self._can_be_named(check):
            return verdict
        try:
            found = named(student, check.task, self.seed_of(check))
        except Exception:  # the verdict stands without a name, and the staff is told
            self.misconceptions[check.task] = None
            return replace(verdict, staff=f"{verdict.staff}\n{traceback.format_exc()}".strip())
        self.misconceptions[check.task] = found
        return replace(verdict, misconception=found)

    def _can_be_named(self, check: Check) -> bool:
        """Whether this is the failure at which the task's known mistakes are asked."""
        return check.group is not Group.INTERFACE and check.task in banks() and check.task not in self.misconceptions

    def _second_opinion(self, check: Check, verdict: Verdict, reference: Path, until: float) -> Verdict:
        """Whose fault it is that the grader stumbled: if the solution passes, what the student's code sent is to blame.

        Otherwise a submission could buy points by sending values that make the judge raise.
        """
        if check.task in NOT_IN_THE_SOLUTION:
            return Verdict.not_judged(Reason.UNSETTLED, staff=verdict.staff)
        # the solution's snapshot goes at once: the student's next worker might read it
        with self._solution(reference, until) as solution:
            opinion = check.run(solution, self.seed_of(check))
        if opinion.reason is Reason.BUDGET:
            return opinion
        if opinion.outcome is not Outcome.PASSED:
            return verdict
        message = (
            "What came back from this code could not be compared. Return plain tensors, numbers, strings and lists."
        )
        return Verdict(Outcome.FAILED, message, staff=verdict.staff, output=verdict.output)


def reference_of(name: str) -> Path | None:
    """The folder of a homework's solution, as it is handed in; None where the answer key is not there.

    Args:
        name: the slug of a homework that ships, or the path of an instructor's TOML, whose solution lies in a folder
            `solution` beside it.
    """
    slug = name
    if name.endswith(".toml"):
        own = toml_of(name).parent / "solution"
        return own if own.is_dir() else None
    folder = KEY if slug == "core" else KEY / "homeworks" / slug
    if (folder / "handed_in").is_dir():
        folder = folder / "handed_in"
    return folder if folder.is_dir() else None
