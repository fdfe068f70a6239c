"""Submissions written down as replacements in the solution's text."""

import pytest

from audit.edits import Bug, Variant, replaced

pytestmark = pytest.mark.torch_free

SOURCE = "scores = q @ k / root\nreturn scores @ v\n"


def test_replacements_follow_each_other() -> None:
    """Protects variants of several edits: a later one finds what an earlier one has written."""
    assert replaced(SOURCE, [(" / root", " * scale"), ("* scale", "* d**-0.5")], "it").startswith(
        "scores = q @ k * d**-0.5\n"
    )


@pytest.mark.parametrize(("old", "count"), [("softmax", 0), ("scores", 2)], ids=["absent", "twice"])
def test_a_text_that_is_not_found_once_is_refused(old: str, count: int) -> None:
    """Protects against a table that has lost its solution: an edit that changes nothing, or too much, is no chaff."""
    with pytest.raises(ValueError, match=rf"^no_softmax: .* once in the solution, found {count} times: '{old}'$"):
        replaced(SOURCE, [(old, "")], "no_softmax")


def test_bugs_and_variants_are_applied() -> None:
    """Protects both tables: each changes the text as it says, and leaves the rest alone."""
    bug = Bug("no_root", "The scores are not scaled.", " / root", "", frozenset({"1"}))
    variant = Variant("renamed", "Another name.", (("scores = q", "s = q"), ("scores @ v", "s @ v")))
    assert bug.applied_to(SOURCE) == "scores = q @ k\nreturn scores @ v\n"
    assert variant.applied_to(SOURCE) == "s = q @ k / root\nreturn s @ v\n"
