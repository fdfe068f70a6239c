"""What of a verdict a student is told, by the homework's level of feedback: whole texts, as they are read."""

from dataclasses import replace

import pytest

from graders.telling import WITHHELD, snippet_told, told
from graders.verdict import Misconception, Outcome, Reason, Verdict

DIVIDED = Misconception(
    "divides_by_d", "The scores are divided by d; it should be the root of d.", "Look at the spread of a dot product."
)
FAILED = Verdict(
    Outcome.FAILED,
    "the weights: 2 of 4 values are wrong, the first at index [1, 0].\n  expected 0.33333, got 0.25",
    staff="for the staff",
    output="printed",
    misconception=DIVIDED,
    case="The smallest case found:\n  d = 2",
    snippet="import torch\nprint(1)\n",
)
FULL = """\
the weights: 2 of 4 values are wrong, the first at index [1, 0].
  expected 0.33333, got 0.25
This looks like a known mistake: The scores are divided by d; it should be the root of d.
Hint: Look at the spread of a dot product.
The smallest case found:
  d = 2
This repeats it without the grader, in a file beside yours or in a cell below yours:

import torch
print(1)
"""
HINT = """\
the weights: 2 of 4 values are wrong, the first at index [1, 0].
This looks like a known mistake: The scores are divided by d; it should be the root of d.
Hint: Look at the spread of a dot product."""


def test_full() -> None:
    """Protects the order: what went wrong, the known mistake, the case, and the code that repeats it."""
    assert told(FAILED) == told(FAILED, "full") == FULL


def test_hint() -> None:
    """Protects the hidden case: where it went wrong and what it looks like, without numbers, case and code."""
    assert told(FAILED, "hint") == HINT


def test_verdict() -> None:
    """Protects exams: one sentence, whatever went wrong."""
    assert (
        told(FAILED, "verdict") == WITHHELD == "This check failed. This homework does not show what exactly went wrong."
    )


def test_the_snippet_can_be_shown_apart() -> None:
    """Protects the report, which must not indent code: both pieces together are the whole."""
    assert f"{told(FAILED, snippet=False)}\n{snippet_told(FAILED)}" == FULL
    assert (
        snippet_told(FAILED, "hint")
        == snippet_told(FAILED, "verdict")
        == snippet_told(replace(FAILED, snippet=""))
        == ""
    )


def test_without_the_optional_parts_nothing_is_left_of_them() -> None:
    """Protects short messages from empty lines and headings of nothing."""
    assert told(Verdict(Outcome.FAILED, "It is wrong.")) == "It is wrong."
    assert told(Verdict(Outcome.FAILED, "It is wrong.", case="The case.")) == "It is wrong.\nThe case."
    assert told(Verdict(Outcome.PASSED)) == ""


@pytest.mark.parametrize("level", ["full", "hint", "verdict"])
def test_what_blocks_is_told_in_full(level: str) -> None:
    """Protects the first contact at every level: a missing file or a dead process is no hidden case."""
    message = "attention.py, line 2: Python cannot read this file ('(' was never closed). The line is:\n    x = (1"
    assert told(Verdict(Outcome.FAILED, message, blocking=True), level) == message  # type: ignore[arg-type]
    hang = Verdict(Outcome.FAILED, "It did not return.\nLook for a loop.", case="n = 3", snippet="f(3)", blocking=True)
    shown = told(hang, level)  # type: ignore[arg-type]
    assert shown.startswith("It did not return.\nLook for a loop.")
    assert ("n = 3" in shown, "f(3)" in shown) == (level == "full",) * 2


@pytest.mark.parametrize("level", ["full", "hint", "verdict"])
def test_what_did_not_fail_is_told_in_full(level: str) -> None:
    """Protects remarks to who passes, and the reason why something was not judged."""
    for verdict in (
        Verdict(Outcome.PASSED, "Note: The first.\nNote: The second."),
        Verdict.not_judged(Reason.BUDGET),
    ):
        assert told(verdict, level) == verdict.message  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("The loss: expected 1.25, got 2.5. It is the sum.", "The loss."),
        ("The loss: expected -1.25, got 2.5.", "The loss."),
        ("The mean is 0.5; expected 0.", "The mean is 0.5."),
        ("The share of zeros is 0.1; expected 0.4 ± 0.05.", "The share of zeros is 0.1."),
        ("The activation of 1.00 must be 0.84134; the MLP gives 1.00000.", "The activation of 1.00."),
        ("encode('ab') is wrong from place 2 on:\n  expected: [1, 2]\n  got: [1, 3]", "encode('ab') is wrong from place 2 on."),
        ("What comes is\n  expected 3", "What comes is."),
        (
            "the output: expected a float32 tensor of shape (2, 3), got None.",
            "the output: expected a float32 tensor of shape (2, 3), got None.",
        ),
        ("Some weights are negative.", "Some weights are negative."),
        ("The code raised ValueError in a.py, line 3: no\n    raise", "The code raised ValueError in a.py, line 3: no."),
        ("x must be a tensor.", "x must be a tensor."),
        ("expected 3, got 4", WITHHELD),
        ("", WITHHELD),
    ],
)  # fmt: skip
def test_a_hint_holds_no_expected_value(message: str, hint: str) -> None:
    """Protects the hidden case from messages whose first line holds what is right: it ends before that."""
    assert told(Verdict(Outcome.FAILED, message), "hint") == hint
