"""Judging a submission once more with the seeds of an earlier run, and saying what differs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graders.catalogue import all_checks
from graders.check import Check
from graders.homework import Homework, check_ids
from graders.judge import Judge, reference_of
from graders.verdict import Verdict
from sandbox.launch import Zygote
from sandbox.self_test import self_test

from .earlier import Earlier, EarlierError, Facts
from .record import record_of
from .report import results_of
from .results import Results

GONE = "not there"


class RecordedJudge(Judge):
    """Takes the recorded seeds. A check that is new since then gets a seed as in a run at home.

    Args:
        seeds: by check.
    """

    def __init__(self, *arguments: Any, seeds: Mapping[str, int], **options: Any) -> None:
        self._seeds = seeds
        super().__init__(*arguments, **options)

    @property
    def derivation(self) -> str:
        """What seeds follow from."""
        return "recorded by an earlier run"

    def seed_of(self, check: Check) -> int:
        """The recorded seed."""
        return self._seeds[check.id] if check.id in self._seeds else super().seed_of(check)


@dataclass(frozen=True)
class CheckChange:
    """A check whose verdict is another one."""

    check: str
    number: str  # of its item; "" = none
    before: str
    after: str


@dataclass(frozen=True)
class ScoreChange:
    """An item whose score is another one; None = the item was or is not there."""

    number: str
    before: float | None
    after: float | None


def open_judge(
    earlier: Earlier, homework: Homework, name: str, submission: Path, zygote: Zygote, accept_unconfined: bool
) -> RecordedJudge:
    """Take the submission in; the judge is to be closed.

    Args:
        earlier: the run that is repeated.
        homework, name: what is graded, and how it was named: by slug or path.
        submission: the folder that was handed in.
        zygote: where workers come from.
        accept_unconfined: whether hidden checks are judged where student code is not confined.

    Raises:
        HomeworkError: the TOML names a check that does not exist.
        IntakeError: the submission cannot be taken in.
        EarlierError: these are not the files that were graded then.
    """
    check_ids(homework, [check.id for check in all_checks()])
    judge = RecordedJudge(
        homework,
        submission,
        zygote,
        seeds=earlier.extra_data.record.seed_numbers(),
        reference=reference_of(name),
        confinement=None if accept_unconfined else self_test(zygote),
    )
    recorded, found = earlier.extra_data.digest, judge.snapshot.digest
    if recorded != found:
        judge.close()
        raise EarlierError(
            f"{submission} is not what was graded then: its digest is {found[:12]}, recorded was {recorded[:12]}. "
            "Pass the very files that were handed in."
        )
    return judge


def results_again(judge: Judge) -> Results:
    """The results.json of what has been judged."""
    return results_of(
        judge.homework,
        judge.checks,
        judge.verdicts,
        finished=len(judge.verdicts) == len(judge.checks),
        staff={"record": record_of(judge).model_dump(), "digest": judge.snapshot.digest},
    )


def judge_like(judge: Judge, check: Check, after: Callable[[Check, Verdict], None]) -> None:
    """Judge one check as a whole run would: what it needs comes first."""
    for gate in judge.checks:
        if gate.task == check.task and gate.group.gates and gate.group.order < check.group.order:
            after(gate, judge.judge(gate))
    after(check, judge.judge(check))


def changed_checks(
    homework: Homework, before: Mapping[str, Facts], results: Results, only: Sequence[str] | None = None
) -> list[CheckChange]:
    """The checks whose verdict differs.

    Args:
        homework: what is graded.
        before: the recorded verdicts.
        results: what has come now.
        only: the ids of the checks that are compared, by outcome and reason alone, since a mistake's name is asked for once
            per task; None = all that there are, then or now.
    """
    now = {name: Facts.model_validate(facts) for name, facts in results.extra_data["checks"].items()}
    changes = []
    for name in only if only is not None else dict.fromkeys([*before, *now]):
        old, new = before.get(name), now.get(name)
        if only is not None and old is not None and new is not None:
            old, new = (facts.model_copy(update={"misconception": ""}) for facts in (old, new))
        if old != new:
            item = homework.item_of(name)
            told = (facts.told() if facts is not None else GONE for facts in (old, new))
            changes.append(CheckChange(name, item.number if item else "", *told))
    return changes


def changed_scores(earlier: Earlier, results: Results) -> list[ScoreChange]:
    """The items whose score differs, in the order of the handout."""
    before = {test.number: test.score for test in earlier.tests}
    after = {test.number: test.score for test in results.tests}
    return [
        ScoreChange(number, before.get(number), after.get(number))
        for number in dict.fromkeys([*before, *after])
        if before.get(number) != after.get(number)
    ]
