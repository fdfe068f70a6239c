"""What a verdict says, and which ones give points."""

import dataclasses

import pytest

from graders.verdict import Outcome, Reason, Verdict

pytestmark = pytest.mark.torch_free


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (Reason.PREREQUISITE, "Not judged: an earlier check that it needs failed."),
        (
            Reason.UNCONFINED,
            "Not judged: it is hidden, and this machine does not confine student code; "
            "the staff has to grade this again.",
        ),
        (
            Reason.BUDGET,
            "Not judged: the time allowed for the whole run was over before it had ended; hand in again to have it judged.",
        ),
        (
            Reason.GRADER_FAULT,
            "Not judged: the grader itself failed here; it costs no points, and the staff has been told.",
        ),
        (
            Reason.UNSETTLED,
            "Not judged: the grader itself failed here, and whose fault it is cannot be told; the staff judges it.",
        ),
        (Reason.NOT_RUN, "Not judged: it has not been run."),
        (
            Reason.NO_TEMPLATE,
            "Not judged: the template that this course hands out is not known here; the staff looks at it.",
        ),
        (Reason.NOT_HANDED_IN, "Not judged: it is optional, and not there."),
        (
            Reason.NO_ANSWERS,
            "Not judged: the answers to the test questions are not known here; the staff judges it.",
        ),
        (Reason.WAIVED, "Not judged: it is waived, and counts as passed for everybody."),
        (
            Reason.NO_RECORD,
            "Not judged: this kit holds no answer for the way in which this code works; the staff's run judges it.",
        ),
        (Reason.NOT_RIGHT, "Not judged: the time of code is taken once its answers are right."),
        (
            Reason.INCONCLUSIVE,
            "Not judged: this machine is too busy, or the time taken too near the limit, to tell; it costs no points.",
        ),
        (
            Reason.NO_SOLUTION,
            "Not judged: there is no solution here to compare its time with; it costs no points.",
        ),
        (Reason.NO_CUDA, "Not judged: this machine has no CUDA device; it costs no points."),
        (
            Reason.CUDA_NEEDED,
            "Not judged: this machine has no CUDA device; the staff has to grade this again on one that has.",
        ),
    ],
)
def test_not_judged_says_why(reason: Reason, sentence: str) -> None:
    """Protects the student from a bare `not judged`: each reason is a sentence of its own."""
    verdict = Verdict.not_judged(reason, staff="for the staff")
    expected = Verdict(Outcome.NOT_JUDGED, sentence, reason, "for the staff", "")
    assert expected == verdict


def test_each_reason_has_its_test() -> None:
    """Protects the table above: a new reason needs a sentence that somebody has read."""
    told = {
        "PREREQUISITE",
        "BUDGET",
        "GRADER_FAULT",
        "UNSETTLED",
        "NOT_RUN",
        "NO_TEMPLATE",
        "NOT_HANDED_IN",
        "UNCONFINED",
        "NO_ANSWERS",
        "WAIVED",
        "NO_RECORD",
        "NOT_RIGHT",
        "INCONCLUSIVE",
        "NO_SOLUTION",
        "NO_CUDA",
        "CUDA_NEEDED",
    }
    assert told == {reason.name for reason in Reason}


def test_a_message_of_its_own_replaces_the_reason() -> None:
    """Protects the name of the prerequisite: the reason's sentence does not overwrite what the judge knows better."""
    verdict = Verdict.not_judged(Reason.PREREQUISITE, "Not judged: it needs “It has a shape.”")
    assert (verdict.message, verdict.reason) == ("Not judged: it needs “It has a shape.”", Reason.PREREQUISITE)


def test_what_gives_points() -> None:
    """Protects the score: passed, and what is not the student's to answer for, give points; nothing else does."""
    verdicts = [Verdict(Outcome.PASSED), Verdict(Outcome.FAILED), *(Verdict.not_judged(reason) for reason in Reason)]
    free = (
        *(Reason.GRADER_FAULT, Reason.NO_TEMPLATE, Reason.NOT_HANDED_IN, Reason.WAIVED),
        *(Reason.INCONCLUSIVE, Reason.NO_SOLUTION, Reason.NO_CUDA),
    )
    assert {(Outcome.PASSED, None), *((Outcome.NOT_JUDGED, reason) for reason in free)} == {
        (verdict.outcome, verdict.reason) for verdict in verdicts if verdict.gives_points
    }


def test_a_verdict_cannot_be_changed() -> None:
    """Protects what has been concluded: nobody edits a verdict later."""
    verdict = Verdict(Outcome.FAILED)
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdict.outcome = Outcome.PASSED  # type: ignore[misc]
