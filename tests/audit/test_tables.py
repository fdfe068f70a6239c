"""The tables of an audit: what a person sees of it."""

import io
from dataclasses import replace
from pathlib import Path

from rich.console import Console, RenderableType

from audit.matrix import Row
from audit.specimens import Specimen
from audit.summary import summaries
from audit.tables import MAX_FAULTS, checks_table, faults_of, matrix_table, overview, page

CHECKS = ("mask.shapes", "mask.agrees")
RIGHT = Row(Specimen("mask/right", True, "", Path("r"), "mask"), 1, CHECKS, (), frozenset(), (), (), 1.0)
KILLED = Row(
    Specimen("mask/triu", False, "", Path("t"), "mask", CHECKS[1]), 1, CHECKS, CHECKS, frozenset(), (), (), 1.0
)
ALIVE = Row(
    Specimen("mask/strict", False, "", Path("s"), "mask", CHECKS[1]),
    *(1, CHECKS, CHECKS[:1], frozenset[str](), ()),
    ("it must be rejected by mask.agrees [or/not]",),
    1.0,
)
ROWS = [("core", row) for row in (RIGHT, KILLED, ALIVE)]
[SUMMARY] = summaries(ROWS)


def text(what: RenderableType, width: int = 120) -> list[str]:
    """The lines that a terminal shows, without the frames of tables."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    with console.capture() as capture:
        console.print(what)
    lines = [" ".join(line.translate(str.maketrans("│┃", "  ")).split()) for line in capture.get().splitlines()]
    return [line for line in lines if line.strip("┏━┳┓┡╇┩└─┴┘├┼┤ ")]


def test_the_overview_has_all_counts() -> None:
    """Protects the line that everybody reads: wheats, chaffs, killed, named, sole killers, idle checks, faults, seconds."""
    assert text(overview([SUMMARY]))[-1] == "core: mask 1 2 2 0 1 0 1 3"


def test_the_table_of_checks_names_sole_killers() -> None:
    """Protects the value of each check: how much it rejects, and what would be missed without it."""
    assert text(checks_table(SUMMARY))[-2:] == ["mask.shapes 2 mask/strict", "mask.agrees 1"]


def test_the_matrix_marks_who_must_reject() -> None:
    """Protects the picture: ◉ the check of the header, ● another one, ! the check of the header that is deaf."""
    lines = text(matrix_table([RIGHT, KILLED, ALIVE, replace(KILLED, seed=2)], SUMMARY))
    assert lines[-3:] == ["chaff shapes agrees", "triu ● ◉", "strict ● !"]


def test_faults_are_told_as_they_are() -> None:
    """Protects the sentence that a person acts on: with submission and seed, and brackets are no markup."""
    assert text(faults_of([SUMMARY])) == [
        "core: mask: mask/strict, seed 1: it must be rejected by mask.agrees [or/not]"
    ]


def test_many_faults_are_cut_and_counted() -> None:
    """Protects the terminal from thousands of lines, and the reader from thinking that these are all."""
    [many] = summaries([("core", replace(ALIVE, seed=seed)) for seed in range(MAX_FAULTS + 3)])
    lines = text(faults_of([many]))
    assert (len(lines), lines[-1]) == (MAX_FAULTS + 1, "… and 3 more")


def test_odd_names_are_no_markup() -> None:
    """Protects against a crash at the very end: the path of a homework may hold brackets."""
    row = replace(ALIVE, specimen=replace(ALIVE.specimen, name="mask/[red]"))
    [odd] = summaries([("[b]own[i].toml", row)])
    assert text(overview([odd]))[-1].startswith("[b]own[i]: mask 0 1")
    assert text(checks_table(odd))[0] == "Checks of [b]own[i]: mask"
    assert text(checks_table(odd))[2] == "mask.shapes 1 mask/[red]"
    assert text(matrix_table([row], odd))[-1] == "[red] ● !"


def test_the_page_has_every_table() -> None:
    """Protects the HTML: counts, faults, checks and the matrix, of each task its own, and special characters escaped."""
    other = [("lm", replace(RIGHT, specimen=Specimen("<a>", True, "", Path("a")), faults=("<b> & co",)))]
    html = page([*ROWS, *other], summaries([*ROWS, *other]))
    assert html.startswith("<!DOCTYPE html>")
    for part in ("core: mask", "Checks of lm", "Kill matrix of core: mask", "◉", "strict", "&lt;b&gt; &amp; co"):
        assert part in html
    assert "Kill matrix of lm" not in html
    assert "<b>" not in html
