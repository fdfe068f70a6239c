"""What a check concludes."""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any


class Outcome(Enum):
    """Passed, failed, or not judged."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_JUDGED = "not judged"


class Reason(Enum):
    """Why a check was not judged; the value is what the student reads."""

    PREREQUISITE = "an earlier check that it needs failed"
    BUDGET = "the time allowed for the whole run was over before it had ended; hand in again to have it judged"
    GRADER_FAULT = "the grader itself failed here; it costs no points, and the staff has been told"
    UNSETTLED = "the grader itself failed here, and whose fault it is cannot be told; the staff judges it"
    NOT_RUN = "it has not been run"
    UNCONFINED = "it is hidden, and this machine does not confine student code; the staff has to grade this again"
    NO_TEMPLATE = "the template that this course hands out is not known here; the staff looks at it"
    NOT_HANDED_IN = "it is optional, and not there"
    NO_ANSWERS = "the answers to the test questions are not known here; the staff judges it"
    WAIVED = "it is waived, and counts as passed for everybody"
    NOT_RIGHT = "the time of code is taken once its answers are right"
    INCONCLUSIVE = "this machine is too busy, or the time taken too near the limit, to tell; it costs no points"
    NO_SOLUTION = "there is no solution here to compare its time with; it costs no points"
    NO_CUDA = "this machine has no CUDA device; it costs no points"
    CUDA_NEEDED = "this machine has no CUDA device; the staff has to grade this again on one that has"
    NO_RECORD = "this kit holds no answer for the way in which this code works; the staff's run judges it"

    @property
    def gives_points(self) -> bool:
        """Whether the check counts as passed in the score."""
        return self in (
            *(Reason.GRADER_FAULT, Reason.NO_TEMPLATE, Reason.NOT_HANDED_IN, Reason.WAIVED),
            *(Reason.INCONCLUSIVE, Reason.NO_SOLUTION, Reason.NO_CUDA),
        )


@dataclass(frozen=True)
class Misconception:
    """A known wrong variant of a task (see `graders/misconceptions`).

    Attributes:
        name: identifies it within its task; for the staff.
        explanation: one or two sentences: what the code does, and what it should do.
        hint: where to look; it does not give the code away.
    """

    name: str
    explanation: str
    hint: str


@dataclass(frozen=True)
class Verdict:
    """The conclusion of one check on one submission.

    Attributes:
        outcome: passed, failed or not judged.
        message: what the student reads; empty when passed without a remark. Plain text.
        reason: why it was not judged.
        staff: what only the staff may see.
        output: the first 16 KiB of what the student's code printed while it was judged; untrusted.
        misconception: what the student seems to have misunderstood; with the first failed check of a task only.
        case: the smallest failing case that was found, in words; empty where there is none.
        snippet: Python code that repeats the failing case without the grader; empty where there is none.
        credit: of a check that has failed, the share of its points that is earned all the same.
        blocking: whether it keeps the submission from being graded at all: a missing file, a wrong signature, a process
            that died. Such a message is told in full whatever the homework's level of feedback.
    """

    outcome: Outcome
    message: str = ""
    reason: Reason | None = None
    staff: str = ""
    output: str = ""
    misconception: Misconception | None = None
    case: str = ""
    snippet: str = ""
    blocking: bool = False
    credit: float = 0.0

    @classmethod
    def not_judged(cls, reason: Reason, message: str = "", staff: str = "") -> "Verdict":
        """A check without a conclusion."""
        return cls(Outcome.NOT_JUDGED, message or f"Not judged: {reason.value}.", reason, staff)

    @property
    def gives_points(self) -> bool:
        """Whether the check's weight is earned."""
        return self.outcome is Outcome.PASSED or (self.reason is not None and self.reason.gives_points)

    @property
    def share(self) -> Fraction:
        """The share of the check's weight that is earned; a credit counts as it is written, 0.35 as 35 of 100."""
        return Fraction(1) if self.gives_points else Fraction(str(self.credit))


class CheckFailed(Exception):
    """A case violates the property; the text says what was expected and what came.

    Attributes:
        got: the value that was compared, as it came; None where it was made of several, or is not known.
        expected: what it was compared with.
        credit: the share of the check's points that is earned all the same.
    """

    def __init__(self, message: str, got: Any = None, expected: Any = None, credit: float = 0.0) -> None:
        super().__init__(message)
        self.got = got
        self.expected = expected
        self.credit = credit


class CannotJudge(Exception):
    """A check has no conclusion, for a reason that lies neither in the submission nor in the grader.

    Attributes:
        reason: why.
        message: what the student reads; empty = the reason.
    """

    def __init__(self, reason: Reason, message: str = "") -> None:
        self.reason = reason
        self.message = message
        super().__init__(message or reason.value)
