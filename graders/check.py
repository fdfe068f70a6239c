"""A check: one judged property of one task.

    @check(task="attention", group="agreement")
    @given(case=attention_cases())
    def test_agrees_with_reference(attention, case):
        \"\"\"Attention weights and output equal softmax(QKᵀ/√d)V.\"\"\"
        assert_agrees(...)

The docstring's first paragraph is the sentence that the student reads. The function's first parameter is the student's
implementation in the task's canonical form (see `tasks`), living in a fresh worker. The others are drawn by Hypothesis; a
function without `@given` runs once and gets a `random.Random` in their place.
"""

import hashlib
import inspect
import random
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky, HypothesisWarning
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from sandbox.errors import Loss, StudentError, WorkerLost
from sandbox.journal import Entry
from sandbox.text import clean

from . import feedback
from .recorded import record_here
from .snippets import snippet_of
from .student import Student
from .verdict import CannotJudge, CheckFailed, Outcome, Reason, Verdict

SHRINK_CALLS = 300  # cases tried after the first failure; counted in calls, so that the result does not depend on time


class Group(Enum):
    """Kinds of checks, in the order in which they run and in which feedback leads with them."""

    INTERFACE = "interface"
    SHAPE = "shape"
    AGREEMENT = "agreement"
    PROPERTY = "property"
    INVARIANCE = "invariance"
    ROBUSTNESS = "robustness"

    @property
    def order(self) -> int:
        """Position in the order."""
        return list(Group).index(self)

    @property
    def gates(self) -> bool:
        """Whether the checks of later groups need it."""
        return self in (Group.INTERFACE, Group.SHAPE)

    @property
    def needs_agreement(self) -> bool:
        """Whether it earns points only beside a passed agreement check: a stub can satisfy it."""
        return self in (Group.INTERFACE, Group.SHAPE, Group.INVARIANCE)


@dataclass(frozen=True)
class Check:
    """One judged property.

    Attributes:
        task: the task's name.
        name: unique within the task.
        group: its kind.
        sentence: what the student reads.
        requires: capabilities that the homework's binding must list for this task; without them the check is absent.
        weight: its share of the question's points, relative to the question's other checks.
        function: the test function, wrapped by Hypothesis or plain.
    """

    task: str
    name: str
    group: Group
    sentence: str
    requires: frozenset[str]
    weight: float
    function: Callable[..., None] = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        """`task.name`."""
        return f"{self.task}.{self.name}"

    def run(self, student: Student, seed: int, *, shrink_calls: int = SHRINK_CALLS) -> Verdict:
        """Judge a submission; never raises for anything that the submission does.

        Args:
            student: the submission behind the homework's binding.
            seed: all randomness of the cases and of the worker follows from it.
            shrink_calls: cases tried after the first failure, to find a smaller one. Whether the check fails does not
                depend on it. With 0 it ends at the first failure, for whoever counts verdicts: the case is not tried again
                in a fresh worker, and there is no snippet.
        """
        search = _Search(self, student, seed, shrink_calls)
        try:
            verdict = search.verdict()
        except Exception:
            verdict = Verdict.not_judged(Reason.GRADER_FAULT, staff=traceback.format_exc())
        return verdict


def check(
    *, task: str, group: str, requires: tuple[str, ...] = (), weight: float = 1.0, examples: int = 25
) -> Callable[[Callable[..., None]], Check]:
    """Make a check of a test function named `test_<name>`.

    Args:
        task: the task it judges.
        group: a value of `Group`.
        requires: capabilities without which it is absent.
        weight: default weight, which a homework's TOML may override.
        examples: number of cases that Hypothesis draws.
    """

    def decorate(function: Callable[..., None]) -> Check:
        if hypothesis.is_hypothesis_test(function):
            function = _profile(examples)(function)
        sentence = " ".join((function.__doc__ or "").strip().partition("\n\n")[0].split())
        if not sentence.endswith("."):
            raise ValueError(f"{function.__name__}: the docstring must be the sentence that the student reads")
        name = function.__name__.removeprefix("test_")
        return Check(task, name, Group(group), sentence, frozenset(requires), weight, function)

    return decorate


# Hypothesis collects constants from the source of whichever modules are loaded and mixes them into its draws. The cases of a
# seed would depend on which plugins and test modules happen to be there.
providers._get_local_constants = Constants


def _profile(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,  # an explicit seed wins over it
        database=None,
        deadline=None,
        print_blob=False,
        report_multiple_bugs=False,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


def derive(origin: int | str, purpose: str) -> int:
    """An independent seed of 63 bits, from a seed or a secret, for a purpose: none can be told from another."""
    return int.from_bytes(hashlib.sha256(f"{origin}:{purpose}".encode()).digest()[:8], "big") >> 1


class _CaseFailed(Exception):
    """Raised from one line only, so that Hypothesis sees one bug and shrinks one case."""


class _ShrunkEnough(BaseException):
    """The budget of calls for shrinking is spent."""


def _is_cut(lost: WorkerLost) -> bool:
    """Whether the time of the whole run has ended it, and nothing that it did."""
    return lost.loss is Loss.TIMEOUT and lost.during == "run"


class _Search:
    """One run of a check: look for a failing case, shrink it, replay it in a fresh worker, say what is wrong."""

    def __init__(self, check: Check, student: Student, seed: int, shrink_calls: int) -> None:
        self.check = check
        self.student = student
        self.seed = seed
        self.shrink_calls = shrink_calls
        self.calls = 0
        self.smallest: tuple[int, dict[str, Any]] | None = None
        self.calls_at_failure = 0  # number of the first case that failed
        self.calls_at_smallest = 0
        self.error: CheckFailed | StudentError | None = None  # of the smallest case
        self.current: dict[str, Any] = {}
        self.output = ""
        self.notes: list[str] = []
        self.staff: list[str] = []  # what the implementation has to say to the staff alone
        self.journal: list[Entry] = []  # of the worker in which the failing case is repeated
        self.opened_at: int | None = None  # how long it was when the implementation was there

    def verdict(self) -> Verdict:
        plain = not hypothesis.is_hypothesis_test(self.check.function)
        try:
            self._with_worker(self._find, record=plain and self.shrink_calls > 0)
        except (CheckFailed, StudentError) as error:  # while it was opened, or outside a case
            return self._failed(error)
        except CannotJudge as without:
            return Verdict.not_judged(without.reason, without.message, staff="\n".join(self.staff))
        except WorkerLost as lost:
            if self.smallest is None and _is_cut(lost):
                return Verdict.not_judged(Reason.BUDGET)
            if self.smallest is None or lost.during not in ("check", "run"):
                return self._failed(lost, self.current)
            # a slow submission ran out of time while its failing case was made smaller: the one that is known is shown
        if self.smallest is None:
            told = "\n".join(f"Note: {note}" for note in self.notes)
            return Verdict(Outcome.PASSED, told, staff="\n".join(self.staff), output=self.output)
        if self.shrink_calls == 0:
            assert self.error is not None
            return self._failed(self.error, self.smallest[1])
        return self._replay(self.smallest[1])

    def _with_worker(self, use: Callable[[Any], None], *, record: bool) -> None:
        """Open the student's implementation in a fresh worker and use it; record what is asked of it."""
        with self.student.open(derive(self.seed, "worker")) as worker:
            try:
                if record:
                    worker.journal = self.journal
                implementation = self.student.implementation(self.check.task, worker)
                self.opened_at = len(self.journal)
                self.staff = getattr(implementation, "staff", [])
                use(implementation)
                self.notes = list(getattr(implementation, "notes", ()))
            finally:
                worker.close()
                self.output = clean(worker.channel.output.decode(errors="replace"), 16 * 1024)

    def _find(self, implementation: Any) -> None:
        function = self.check.function
        if not hypothesis.is_hypothesis_test(function):
            function(implementation, random.Random(derive(self.seed, "cases")))
            return
        inner = function.hypothesis.inner_test  # type: ignore[attr-defined]
        record = record_here()
        if record is not None:
            self._go_through(implementation, inner, record.cases_of(self.check.id))
            return
        function.hypothesis.inner_test = self._recorder(inner)  # type: ignore[attr-defined]
        try:
            with warnings.catch_warnings():
                # Hypothesis warns of cases that are long to print; it prints them nowhere here
                warnings.simplefilter("ignore", HypothesisWarning)
                hypothesis.seed(derive(self.seed, "cases"))(function)(implementation)
        except (_CaseFailed, _ShrunkEnough):
            pass
        except Flaky:  # a case that failed once and passed when it came again: the replay tells what to say
            if self.smallest is None:
                raise
        finally:
            function.hypothesis.inner_test = inner  # type: ignore[attr-defined]

    def _go_through(self, implementation: Any, inner: Callable[..., None], cases: Iterable[dict[str, Any]]) -> None:
        """Try recorded cases; the smallest that fails is kept, as in shrinking."""
        parameter = next(iter(inspect.signature(inner).parameters))
        tried = self._recorder(inner)
        unanswered: CannotJudge | None = None
        for case in cases:
            try:
                tried(**{parameter: implementation}, **case)
            except _CaseFailed:
                if self.shrink_calls == 0:
                    return
            except CannotJudge as without:
                unanswered = without
        if unanswered is not None and self.smallest is None:
            raise unanswered

    def _recorder(self, inner: Callable[..., None]) -> Callable[..., None]:
        """Wrap the test so that failing cases are kept and shrinking has a budget."""

        parameter = next(iter(inspect.signature(inner).parameters))

        def recorded(**arguments: Any) -> None:
            implementation = arguments[parameter]
            case = {name: value for name, value in arguments.items() if name != parameter}
            self.calls += 1
            if self.smallest is not None and self.calls - self.calls_at_failure > self.shrink_calls:
                raise _ShrunkEnough
            self.current = case
            try:
                inner(implementation, **case)
                return
            except (CheckFailed, StudentError) as error:
                size = feedback.size_of(case)
                if self.smallest is None:
                    self.calls_at_failure = self.calls
                if self.smallest is None or size < self.smallest[0]:
                    self.smallest, self.error = (size, case), error
                    self.calls_at_smallest = self.calls
            raise _CaseFailed

        return recorded

    def _replay(self, case: dict[str, Any]) -> Verdict:
        """Run the smallest case in a fresh worker; only what fails there is the case's own fault."""
        inner = self.check.function.hypothesis.inner_test  # type: ignore[attr-defined]
        self.opened_at = None
        try:
            self._with_worker(lambda implementation: inner(implementation, **case), record=True)
        except (CheckFailed, StudentError, WorkerLost) as error:
            if isinstance(error, WorkerLost) and _is_cut(error) and self.error is not None:
                return self._failed(self.error, case)
            return self._failed(error, case)
        message = (
            f"This case, number {self.calls_at_smallest} of those tried, went wrong and is right in a fresh process: the "
            "result depends on more than the inputs. Look for something kept between calls (caches, counters, default "
            "arguments that are changed) and for randomness that should not be there."
        )
        return Verdict(Outcome.FAILED, message, output=self.output, case=feedback.of_case(case))

    def _failed(self, error: CheckFailed | StudentError | WorkerLost, case: dict[str, Any] | None = None) -> Verdict:
        case = case or {}
        snippet, staff = self._snippet(error, case)
        return Verdict(
            Outcome.FAILED,
            feedback.of_loss(error) if isinstance(error, WorkerLost) else feedback.of_error(error),
            staff="\n".join(filter(None, [*self.staff, staff])),
            output=self.output,
            case=feedback.of_case(case),
            snippet=snippet,
            blocking=self.check.group is Group.INTERFACE or self.opened_at is None or feedback.is_blocking(error),
            credit=error.credit if isinstance(error, CheckFailed) else 0.0,
        )

    def _snippet(self, error: CheckFailed | StudentError | WorkerLost, case: dict[str, Any]) -> tuple[str, str]:
        """Code that repeats the failing case, and for the staff what went wrong while it was written."""
        if self.opened_at is None or self.shrink_calls == 0 or not self.journal:
            return "", ""
        try:
            return snippet_of(self.journal, self.opened_at, case, error), ""
        except Exception:  # the verdict stands without it
            return "", traceback.format_exc()
