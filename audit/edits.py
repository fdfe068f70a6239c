"""Right and wrong submissions written down as edits of the solution's text: the tables `BUGS` and `VARIANTS`.

from audit.edits import Bug

BUGS = (Bug("no_scaling", "The scores are not scaled.", " / math.sqrt(d)", "", frozenset({"1(a)"})),)
"""

from collections.abc import Sequence
from dataclasses import dataclass


def replaced(source: str, edits: Sequence[tuple[str, str]], name: str) -> str:
    """Replace texts of a solution, each of them found there exactly once.

    Raises:
        ValueError: a text is not there, or more than once.
    """
    for old, new in edits:
        if source.count(old) != 1:
            found = source.count(old)
            raise ValueError(f"{name}: the text must occur once in the solution, found {found} times: {old!r}")
        source = source.replace(old, new)
    return source


@dataclass(frozen=True)
class Bug:
    """A mistake that students make.

    Attributes:
        name: a short identifier.
        sentence: what the student did.
        old, new: the text of the solution that it replaces, found there exactly once, and its replacement.
        loses: the items that do not get all their points; the others keep them.
        file: the file that it is in, where the solution has several.
        misconception: the name that the feedback must give, if it is a known one.
    """

    name: str
    sentence: str
    old: str
    new: str
    loses: frozenset[str]
    file: str = ""
    misconception: str = ""

    def applied_to(self, source: str) -> str:
        """Put the bug in the solution's text."""
        return replaced(source, [(self.old, self.new)], self.name)


@dataclass(frozen=True)
class Variant:
    """A right solution that is written in another way.

    Attributes:
        name: a short identifier.
        sentence: how it differs.
        edits: (old, new) texts, each old one found exactly once.
        file: the file that they are in, where the solution has several.
    """

    name: str
    sentence: str
    edits: tuple[tuple[str, str], ...]
    file: str = ""

    def applied_to(self, source: str) -> str:
        """Write the solution in this way."""
        return replaced(source, self.edits, self.name)
