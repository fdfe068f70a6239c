"""The tables of an audit, for a terminal and for a page."""

import io
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from .matrix import Row
from .summary import Summary

MAX_FAULTS = 40
# under this policy nothing on the page can run or load, whatever it holds
_POLICY = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">"""


def overview(found: Sequence[Summary]) -> Table:
    """One line for each task or homework."""
    table = Table(title="Right and wrong submissions", title_justify="left")
    table.add_column("task")
    for column in ("wheats", "chaffs", "killed", "named", "sole", "idle", "faults", "s"):
        table.add_column(column, justify="right")
    for each in found:
        faults = Text(str(len(each.faults)), style="bold red" if each.faults else "green")
        table.add_row(
            Text(each.title),
            str(each.wheats),
            str(each.chaffs),
            Text(str(each.rejected), style="green" if each.rejected == each.chaffs else "bold red"),
            str(each.named),
            str(each.sole),
            str(len(each.idle)),
            faults,
            f"{each.seconds:.0f}",
        )
    return table


def checks_table(summary: Summary) -> Table:
    """What each check of a task rejects."""
    table = Table(title=Text(f"Checks of {summary.title}"), title_justify="left")
    table.add_column("check")
    table.add_column("rejects", justify="right")
    table.add_column("alone")
    for check in summary.checks:
        style = "" if check.kills else "yellow"
        table.add_row(Text(check.id, style=style), str(check.kills), Text(", ".join(check.sole)))
    return table


def matrix_table(rows: Sequence[Row], summary: Summary) -> Table:
    """Every wrong submission of a task against every check: ● rejects it, ◉ must reject it and does."""
    table = Table(title=Text(f"Kill matrix of {summary.title}"), title_justify="left")
    table.add_column("chaff")
    for check in summary.checks:
        table.add_column(check.id.partition(".")[2], justify="center")
    for row in rows:
        if row.specimen.right or row.seed != summary.seeds[0]:
            continue
        marks = [_mark(row, check.id) for check in summary.checks]
        table.add_row(Text(row.specimen.name.rpartition("/")[2]), *marks)
    return table


def _mark(row: Row, check: str) -> str:
    if check not in row.rejecting:
        return "!" if check == row.specimen.rejected_by else ""
    return "◉" if check == row.specimen.rejected_by else "●"


def faults_of(found: Sequence[Summary]) -> RenderableType:
    """What is not as it must be, one paragraph each."""
    faults = [(each.title, *fault) for each in found for fault in each.faults]
    lines: list[RenderableType] = [
        Text.assemble((f"{title}: {name}, seed {seed}: ", "bold"), fault)
        for title, name, seed, fault in faults[:MAX_FAULTS]
    ]
    if len(faults) > MAX_FAULTS:
        lines.append(Text(f"… and {len(faults) - MAX_FAULTS} more"))
    return Group(*lines)


def page(rows: Sequence[tuple[str, Row]], found: Sequence[Summary]) -> str:
    """All tables as one HTML page."""
    console = Console(record=True, width=240, file=io.StringIO())
    console.print(overview(found))
    console.print(faults_of(found))
    for each in found:
        own = [row for homework, row in rows if homework == each.homework and row.specimen.task == each.task]
        console.print(checks_table(each))
        if each.task:
            console.print(matrix_table(own, each))
    return console.export_html().replace("<head>", f"<head>\n{_POLICY}", 1)
