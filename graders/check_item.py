"""The pytest shell of a check: it fails like a test, and shows what students are told in the place of a traceback."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .check import Check
    from .plugin import Grading
    from .verdict import Verdict


class CheckFailedError(Exception):
    """Carries a verdict that is not `passed` to the report."""


class CheckItem(pytest.Item):
    """The pytest shell of a check."""

    def __init__(self, *, check: "Check", grading: "Grading", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check = check
        self.grading = grading
        self.verdict: Verdict | None = None

    @property
    def number(self) -> str:
        """The number of the item that the check belongs to."""
        item = self.grading.judge.homework.item_of(self.check.id)
        return item.number if item else ""

    @property
    def is_advice(self) -> bool:
        """Whether it costs no points."""
        from .scoring import weight_of

        item = self.grading.judge.homework.item_of(self.check.id)
        return item is not None and weight_of(item, self.check) == 0

    def judge(self) -> None:
        """Judge the check, if no earlier process of this run has."""
        judge = self.grading.judge
        if self.verdict is None and self.check.id in judge.verdicts:
            self.verdict = judge.verdicts[self.check.id]
            return
        self.verdict = judge.judge(self.check)
        if self.grading.progress is not None:
            self.grading.progress.add(self.check.id, self.verdict)
        self.config.hook.pytest_headmaster_judged(judge=judge, check=self.check, verdict=self.verdict)

    def runtest(self) -> None:
        """Fail if its verdict is not `passed`, unless it is advice or waived."""
        from .verdict import Outcome, Reason

        assert self.verdict is not None
        is_fine = self.verdict.outcome is Outcome.PASSED or self.verdict.reason is Reason.WAIVED
        if not is_fine and not self.is_advice:
            raise CheckFailedError

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the student's message in the place of a traceback."""
        if not excinfo.errisinstance(CheckFailedError) or self.verdict is None:
            return super().repr_failure(excinfo)
        from .telling import snippet_told, told

        level = self.grading.level
        # the bar keeps a line of the student's from looking like one of ours, a verdict say
        quoted = [f"  │ {line}" for line in told(self.verdict, level, snippet=False).splitlines()]
        snippet = snippet_told(self.verdict, level)
        return "\n".join([self.check.sentence, "", *quoted, *([snippet] if snippet else [])])

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Name the check by its item and id."""
        return self.path, None, f"{self.number} {self.check.id}".strip()
