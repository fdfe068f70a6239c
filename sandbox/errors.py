"""What can go wrong with a submission or its worker.

SandboxError            the sandbox itself could not do its work
    IntakeError         the submission cannot be taken in: absent, too big
StudentError            the student's code answered with an error; the worker lives on
WorkerLost              the worker is gone: hang, crash, flood, or bytes that are no reply (a BaseException)
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from .text import clean


class SandboxError(Exception):
    """The sandbox could not do its work; no fault of the student's."""


class IntakeError(SandboxError):
    """The submission cannot be taken in; the message says what was found and what to do."""


class StudentError(Exception):
    """The student's code answered with an error.

    Attributes:
        kind: missing_module, missing_name, syntax or raised; for notebooks also missing_notebook, notebook (it cannot be read)
            and slice (a statement that is needed failed); for trained weights checkpoint.
        facts: what the worker told: strings, cleaned and cut, and plain numbers; the rest is left out. Untrusted.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts = {
            clean(key, 100): clean(value, 2000) if type(value) is str else value
            for key, value in facts.items()
            if type(key) is str and type(value) in (str, bool, int, float, type(None))
        }
        self.kind = str(self.facts.get("kind", "raised"))
        super().__init__(self.kind)


class Loss(Enum):
    """How a worker was lost."""

    TIMEOUT = "timeout"
    EXIT = "exit"
    SIGNAL = "signal"
    PROTOCOL = "protocol"


class WorkerLost(BaseException):
    """The worker is gone. A `BaseException`, so that Hypothesis stops at once.

    Attributes:
        loss: how it was lost.
        detail: for TIMEOUT the seconds allowed, for EXIT the status, for SIGNAL its name, for PROTOCOL what was wrong.
        during: what it was doing: `call`, `import`, or `check` when the time for all calls of a check was over, `run` when that
            of the whole run was.
    """

    def __init__(self, loss: Loss, detail: str, during: str = "call") -> None:
        self.loss = loss
        self.detail = detail
        self.during = during
        super().__init__(f"{loss.value}: {detail}")
