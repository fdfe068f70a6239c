"""Files of predictions and of an accuracy: what is odd about them is said in words, and what can be read is read."""

import codecs

import pytest

from graders.trained_files import MAX_BYTES, Questions, read_accuracy, read_predictions, right_lines
from graders.verdict import CheckFailed

PLACES = ("London", "Paris", "Rome", "Oslo", "Riga", "Lima", "Bonn", "Kiel", "Graz", "Linz")
DEV = Questions("dev.tsv", tuple(f"q{i}" for i in range(10)), PLACES)
OTHER = Questions("test.tsv", tuple(f"t{i}" for i in range(8)), None)
TEXT = "".join(f"{place}\n" for place in PLACES)


def faults(data: bytes, asked: Questions = DEV, other: Questions = OTHER) -> str:
    """All that is wrong with a file."""
    return " ".join(read_predictions("p", data, asked, other).faults)


def remarks(data: bytes) -> str:
    """What is odd about a file, which must have no faults."""
    found = read_predictions("p", data, DEV, OTHER)
    assert (found.faults, found.fits) == ((), True)
    return " ".join(found.remarks)


@pytest.mark.parametrize(
    ("data", "remark"),
    [
        (TEXT.encode(), ""),
        (TEXT.removesuffix("\n").encode(), ""),
        (TEXT.replace("\n", "  \n").encode(), ""),
        (TEXT.replace("\n", "\r\n").encode(), "CRLF"),
        (codecs.BOM_UTF8 + TEXT.encode(), "byte order mark"),
        ((TEXT + "\n\n").encode(), "ends with empty lines, which were left out"),
        (TEXT.replace("Rome", "").encode(), "1 of 10 lines of p are empty; they count as wrong"),
        (b"London\n" * 10, "All 10 lines of p are 'London': has this model been trained?"),
    ],
)
def test_what_is_accepted(data: bytes, remark: str) -> None:
    """Protects honest files: line ends, a mark, space and empty lines cost nothing."""
    assert remark in remarks(data)
    assert bool(remarks(data)) == bool(remark)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (
            ("Accuracy\n" + TEXT).encode(),
            "Its first line is one too many ('Accuracy'), and shifts all others: remove it.",
        ),
        (
            (TEXT + "Wien\n").encode(),
            "p has 11 lines, expected 10: one for each question of dev.tsv. Are there line breaks",
        ),
        (
            TEXT.replace("Rome\n", "").encode(),
            "p has 9 lines, expected 10: one for each question of dev.tsv. Has the run",
        ),
        (b"Rome\n" * 8, "8 is the number of questions in test.tsv: have two files changed places?"),
        (
            ("\n" + TEXT.removesuffix("Linz\n")).encode(),
            "stand one line below where they belong: 9 would be right there",
        ),
        ((TEXT.removeprefix("London\n") + "x\n").encode(), "stand one line above where they belong: 9 would be right"),
        (TEXT.encode("utf-16"), "p is UTF-16, as PowerShell and some editors write; expected UTF-8."),
        (TEXT.encode("utf-16-le"), "p is UTF-16"),
        (TEXT.encode("utf-16-be"), "p is UTF-16"),
        ("".join(f"q{i}\t{place}\n" for i, place in enumerate(PLACES)).encode(), "Line 1 of p holds a tab"),
    ],
)
def test_what_is_named(data: bytes, fault: str) -> None:
    """Protects students from a low score without a reason: each way in which a file goes wrong has its own sentence."""
    assert fault in faults(data)


def test_the_other_files_answers() -> None:
    """Protects students who mix up two names where both files have as many questions."""
    other = Questions("test.tsv", DEV.questions, tuple(reversed(PLACES)))
    text = "".join(f"{place}\n" for place in reversed(PLACES))
    assert "p answers the questions of test.tsv rather than those of dev.tsv" in faults(text.encode(), DEV, other)


def test_lines_are_read_though_the_form_is_wrong() -> None:
    """Protects a model's points from the form of a file: what is behind a tab, or in UTF-16, counts."""
    for data in (TEXT.encode("utf-16"), "".join(f"q\t{place}\n" for place in PLACES).encode()):
        found = read_predictions("p", data, DEV, OTHER)
        assert right_lines(found.lines, PLACES) == list(range(10))


def test_what_counts_as_right() -> None:
    """Protects the figure: exact but for space behind; shifted answers count only where they are looked for."""
    assert right_lines(["London ", "paris", " Rome"], ["London", "Paris", "Rome"]) == [0]
    assert right_lines(["x", "London", "Paris"], ["London", "Paris", "Rome"], 1) == [0, 1]
    assert right_lines([], ["London"]) == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "p is empty."),
        (b"\n\n  \n", "p is empty."),
        (b"London\xff\n", "p is not UTF-8: the byte at place 6 cannot be read."),
        (b"x" * (MAX_BYTES + 1), "at most 1048576 are read"),
        (b"\xff\xfe\x00", "is not UTF-8"),
    ],
)
def test_what_is_no_text(data: bytes, message: str) -> None:
    """Protects the judge: bytes that are no text are refused in words."""
    with pytest.raises(CheckFailed) as caught:
        read_predictions("p", data, DEV, OTHER)
    assert message in str(caught.value)


def test_terminal_commands_in_predictions() -> None:
    """Protects reports: a line of a student's is quoted without its control characters."""
    assert "\x1b" not in remarks(b"\x1b[31mRome\n" * 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5.0", (5.0, 1)),
        ("5", (5.0, 0)),
        ("5,0 %", (5.0, 1)),
        ("Correct: 25.0 out of 500.0: 5.0%", (5.0, 1)),
        ("data\nCorrect: 25.0 out of 500.0: 5.25%\n", (5.25, 2)),
        ("London on 500 lines: 5.0%", (5.0, 1)),
        ("0.05", (0.05, 2)),
    ],
)
def test_accuracies(text: str, expected: tuple[float, int]) -> None:
    """Protects students: a number, with or without a sign, and the line that evaluation prints."""
    assert read_accuracy("a.txt", text.encode())[:2] == expected


def test_no_accuracy() -> None:
    """Protects students from a crash: a text without a number is quoted."""
    with pytest.raises(CheckFailed, match="holds no number: 'TODO'"):
        read_accuracy("a.txt", b"TODO")
