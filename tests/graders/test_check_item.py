"""The pytest shell of a check: what makes a run fail."""

from types import SimpleNamespace
from typing import Any

import pytest

from graders.catalogue import all_checks
from graders.check_item import CheckFailedError, CheckItem
from graders.homework import config_of
from graders.verdict import Outcome, Reason, Verdict


@pytest.mark.parametrize(
    ("verdict", "advice", "raises"),
    [
        (Verdict(Outcome.PASSED), False, False),
        (Verdict(Outcome.FAILED, "wrong"), False, True),
        (Verdict.not_judged(Reason.BUDGET), False, True),
        (Verdict.not_judged(Reason.GRADER_FAULT), False, True),
        (Verdict.not_judged(Reason.WAIVED), False, False),
        (Verdict(Outcome.FAILED, "wrong"), True, False),
        (Verdict.not_judged(Reason.BUDGET), True, False),
    ],
)
def test_what_makes_a_run_fail(verdict: Verdict, advice: bool, raises: bool) -> None:
    """Anything failed or not judged makes the exit status 1; a check that is advice or waived never does."""
    check = next(check for check in all_checks() if check.id == "mask.shapes")
    item = config_of("core").auto_items[1]
    if advice:
        item = item.model_copy(update={"advice": (check.id,)})
    homework = SimpleNamespace(item_of=lambda task: item)
    node: Any = object.__new__(CheckItem)
    node.check = check
    node.grading = SimpleNamespace(judge=SimpleNamespace(homework=homework))
    node.verdict = verdict
    if raises:
        with pytest.raises(CheckFailedError):
            node.runtest()
    else:
        node.runtest()
