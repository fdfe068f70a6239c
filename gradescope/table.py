"""A results.json as a table that a person reads in the terminal."""

import itertools

from rich import box
from rich.markup import escape
from rich.table import Table

from .results import Results


def table_of(results: Results, title: str) -> Table:
    """One row per item: number, name, score, and the first lines of what to fix."""
    table = Table(title=escape(title), box=box.SIMPLE_HEAD, show_footer=True, title_justify="left")
    table.add_column("item", "total")
    table.add_column("name")
    table.add_column("points", f"{results.score:g} / {results.max_score:g}", justify="right")
    table.add_column("what to fix first", max_width=70)
    for test in results.tests:
        colour = "green" if test.score == test.max_score else "yellow" if test.score else "red"
        points = f"[{colour}]{test.score:g} / {test.max_score:g}[/]"
        table.add_row(escape(test.number), escape(test.name), points, escape(_first_failure(test.output)))
    return table


def _first_failure(output: str) -> str:
    """The first failed check with the beginning of its message."""
    lines = output.splitlines()
    for i, line in enumerate(lines):
        if line.startswith("✗") and "(advice" not in line:
            message = itertools.takewhile(lambda text: text.startswith("    "), lines[i + 1 : i + 4])
            return "\n".join([line, *(text.strip() for text in message)])
    return ""
