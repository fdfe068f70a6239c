"""The table that a person reads in the terminal."""

import io
from typing import Literal

import pytest
from rich.console import Console

from gradescope.results import Results, TestEntry
from gradescope.table import table_of

pytestmark = pytest.mark.torch_free


def entry(number: str, name: str, score: float, output: str) -> TestEntry:
    """An entry worth 4 points."""
    status: Literal["passed", "failed"] = "passed" if score == 4 else "failed"
    return TestEntry(name=name, number=number, score=score, max_score=4, status=status, output=output)


def rows_of(*entries: TestEntry, title: str = "core") -> list[str]:
    """The printed lines, without trailing blanks."""
    text = io.StringIO()
    Console(file=text, width=140).print(table_of(Results(tests=list(entries)), title))
    return [line.rstrip() for line in text.getvalue().splitlines() if line.strip()]


def test_rows_and_total() -> None:
    """One row per item in order, points as earned / possible, the total at the foot."""
    rows = rows_of(
        entry("1", "Attention", 4, "✓ It agrees."), entry("2(b)", "Masks", 1.25, "✗ It has a shape.\n    got 3")
    )
    assert rows[0] == "core"
    [attention] = [row for row in rows if "Attention" in row]
    [masks] = [row for row in rows if "Masks" in row]
    assert attention.split() == ["1", "Attention", "4", "/", "4"]
    assert masks.split("  ")[-1].strip() == "✗ It has a shape."
    assert "1.25 / 4" in masks
    assert rows[-1].split() == ["total", "5.25", "/", "8"]


def test_first_failure_is_shown_with_its_message() -> None:
    """The first failed check and up to three lines of its message; passed checks and advice are passed over."""
    output = "✓ Fine.\n    Note: a\n✗ Advised. (advice, costs nothing)\n    b\n"
    output += "✗ Broken.\n    c\n    d\n    e\n    f\n✗ Later.\n    g"
    text = "\n".join(rows_of(entry("1", "Attention", 0, output)))
    for shown in ("✗ Broken.", " c", " d", " e"):
        assert shown in text
    for hidden in ("Note: a", "Advised", "Later", " f\n"):
        assert hidden not in text


def test_nothing_is_named_where_nothing_failed() -> None:
    """An item that was not judged has no failure to fix: only its points show that it counts 0."""
    rows = rows_of(entry("1", "Attention", 0, "… Agrees.\n    Not judged yet: it counts 0 until it is."))
    [row] = [row for row in rows if "Attention" in row]
    assert row.split() == ["1", "Attention", "0", "/", "4"]


def test_markup_of_the_student_is_text() -> None:
    """Square brackets in a message or a name are printed as they stand."""
    rows = rows_of(entry("[b]1[/b]", "[red]x[/red]", 0, "✗ [link=http://x]a[/link]\n    [/] [bold]"), title="[i]core")
    text = "\n".join(rows)
    for literal in ("[b]1[/b]", "[red]x[/red]", "[link=http://x]a[/link]", "[/] [bold]", "[i]core"):
        assert literal in text
