"""The same checks without isolation: requests are carried out in this process, and nothing crosses a wire.

What a grader costs that imports the submission beside itself, as others do: the floor that isolation is measured against.
It is for solutions: here nothing keeps a submission from the judge.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from graders.homework import Homework
from graders.judge import Judge
from graders.student import Student
from graders.verdict import Outcome, Verdict
from sandbox import worker
from sandbox.channel import Channel
from sandbox.client import Submission
from sandbox.errors import StudentError
from sandbox.launch import Zygote

NEED_PROCESSES = frozenset({"timing", "commands"})  # tasks that judge processes: they have no form without


class _Opened(worker.Worker):
    """Answers requests; a submission is opened once, and its modules are imported once, whatever asks for them."""

    def __init__(self) -> None:
        super().__init__({})

    def open(self, root: str, working_directory: str, aliases: list[str], top: str) -> None:
        """Make the submission importable."""
        if not self.root:
            super().open(root, working_directory, aliases, top)


class Direct:
    """Stands in for a `Channel`: a request is a call."""

    output = b""

    def __init__(self, answering: worker.Worker) -> None:
        self._worker = answering

    def request(self, operation: str, arguments: dict[str, Any], seconds: float, max_payload: int) -> Any:
        """See `Channel.request`; nothing is limited."""
        status, value = self._worker.answer([operation, _without_graph(arguments)])
        if status == "error":
            raise StudentError(value)
        return _without_graph(value)

    def close(self) -> None:
        """Keep nothing that a check has made."""
        self._worker.objects.clear()


@dataclass(frozen=True)
class Unconfined(Submission):
    """A submission that is opened in this process."""

    opened: _Opened = field(default_factory=_Opened)

    def _channel(self) -> Channel:
        return cast(Channel, Direct(self.opened))


class _NoZygote:
    """What a judge asks of its zygote when no worker is made."""

    deaths = 0


class InProcess(Judge):
    """Judges what can be judged without processes, in this one. One at a time: the submission is made importable."""

    def __init__(self, homework: Homework, submission: Path, **arguments: Any) -> None:
        super().__init__(homework, submission, cast(Zygote, _NoZygote()), **arguments)
        self.checks = [check for check in self.checks if check.task not in NEED_PROCESSES]

    def _take(self, folder: Path, stack: ExitStack) -> Student:
        student = super()._take(folder, stack)
        parts = {part.name: getattr(student.submission, part.name) for part in fields(Submission)}
        return replace(student, submission=Unconfined(**parts))


def require_no_failure(name: str, verdict: Verdict) -> None:
    """Raise RuntimeError if the solution fails a check, or the judge stumbles: then its time means nothing."""
    if verdict.outcome is Outcome.FAILED or verdict.staff:
        raise RuntimeError(f"{name} did not pass on the solution: {verdict.message} {verdict.staff}")


def _without_graph(value: Any) -> Any:
    """A value whose tensors do not know where they came from, as after the wire."""
    if isinstance(value, Tensor):
        return value.detach()
    if type(value) in (tuple, list):
        return type(value)(_without_graph(item) for item in value)
    if type(value) is dict:
        return {key: _without_graph(item) for key, item in value.items()}
    return value
