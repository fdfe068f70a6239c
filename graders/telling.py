"""What of a verdict a student is told: message, misconception, case and snippet, by the homework's level of feedback.

Levels: `full` tells everything; `hint` says what is wrong and where, and names a misconception, but shows no expected value
and no case; `verdict` says that something is wrong. What keeps a submission from being graded at all is told at every level.
"""

import re
from collections.abc import Iterator

from .homework import Level
from .verdict import Misconception, Outcome, Verdict

WITHHELD = "This check failed. This homework does not show what exactly went wrong."
HOW_TO_REPEAT = "This repeats it without the grader, in a file beside yours or in a cell below yours:"
# from here on, the first line of a message gives away what is right
_EXPECTED = re.compile(
    r"""[\s,;:(—–]*\b(?:
        expected:?\s+(?=[-+'"“\[(\d]|nan|inf|True|False)  # "expected 0.5, got 0.3", but not "expected a float32 tensor"
        | (?:must|should)\s+be\s+(?=[-+]?[\d.]+\d)        # "must be 0.84134"
        | (?:got|expected)\s*:?\s*$                       # what was to follow stands on the next line
    ).*$""",
    re.VERBOSE | re.DOTALL,
)


def told(verdict: Verdict, level: Level = "full", *, snippet: bool = True) -> str:
    """Everything that a student is told of one verdict, as plain text; empty where there is nothing to say.

    Args:
        verdict: of any check.
        level: the homework's level of feedback.
        snippet: with the snippet at the end; see `snippet_told` for showing it apart.
    """
    parts = list(_parts(verdict, level))
    if snippet and (code := snippet_told(verdict, level)):
        parts.append(code)
    return "\n".join(part for part in parts if part)


def snippet_told(verdict: Verdict, level: Level = "full") -> str:
    """A sentence and the snippet below it, which runs as it stands if its lines are not indented; empty without one."""
    return f"{HOW_TO_REPEAT}\n\n{verdict.snippet}" if verdict.snippet and level == "full" else ""


def _parts(verdict: Verdict, level: Level) -> Iterator[str]:
    hidden = level != "full" and verdict.outcome is Outcome.FAILED and not verdict.blocking
    if hidden and level == "verdict":
        yield WITHHELD
        return
    yield _without_expected(verdict.message) if hidden else verdict.message
    if verdict.misconception is not None and level != "verdict":
        yield _of_misconception(verdict.misconception)
    if level == "full":
        yield verdict.case


def _of_misconception(misconception: Misconception) -> str:
    return f"This looks like a known mistake: {misconception.explanation}\nHint: {misconception.hint}"


def _without_expected(message: str) -> str:
    """The first line of a message, up to where it would tell what is right."""
    line = message.partition("\n")[0].rstrip()
    kept = _EXPECTED.sub("", line).rstrip(" ,;:(—–")
    if not kept:
        return WITHHELD
    return kept if kept.endswith((".", "!", "?")) else f"{kept}."
