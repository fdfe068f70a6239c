"""What the judge believes of a worker's error reply, and what stops Hypothesis."""

import pytest

from sandbox.errors import IntakeError, Loss, SandboxError, StudentError, WorkerLost

pytestmark = pytest.mark.torch_free


def test_facts_are_cleaned_and_cut() -> None:
    """Protects reports from an error reply that carries control characters or a megabyte of text."""
    error = StudentError({"kind": "syntax", "message": "\x1b[31m", "code": "x" * 5000, "line": 3, "nearest": None})
    assert error.kind == "syntax"
    assert error.facts["message"] == "�[31m"
    assert len(error.facts["code"]) <= 2000
    assert (error.facts["line"], error.facts["nearest"]) == (3, None)


def test_facts_that_are_no_plain_values_are_left_out() -> None:
    """Protects what reads the facts from forged ones: nested structures, keys that are no strings, dirty keys."""
    error = StudentError({"message": ["\x1b"], ("a",): "b", "\x1bkey": 1, "line": {"$": 1}, "file": 2.5})
    assert error.facts == {"�key": 1, "file": 2.5}
    assert error.kind == "raised"


def test_kinds_of_exceptions() -> None:
    """Protects who is blamed: a lost worker passes `except Exception`, a student's error is no sandbox's error."""
    assert not issubclass(WorkerLost, Exception)
    assert not issubclass(StudentError, SandboxError)
    assert issubclass(IntakeError, SandboxError)
    assert str(WorkerLost(Loss.TIMEOUT, "10")) == "timeout: 10"
