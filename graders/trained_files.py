"""Text files that students hand in beside their models: predictions, a line for each question, and one accuracy.

What is odd about a file is said in words. A *fault* costs the points for the file's form; a *remark* costs nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.text import clean

from .verdict import CheckFailed

MAX_BYTES = 1 << 20
_LINE = re.compile(r"correct:\s*([\d.]+)\s+out of\s+([\d.]+)", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?|\.\d+")
_ASIDE = re.compile(r"\([^()]*\)")  # 5.0 (25 of 500)
_HOW = 'Write it with open(path, "w", encoding="utf-8")'


@dataclass(frozen=True)
class Questions:
    """What a file of predictions answers.

    Attributes:
        file: the questions' file.
        questions: one for each line.
        places: their answers; None where they are not known.
    """

    file: str
    questions: tuple[str, ...]
    places: tuple[str, ...] | None


@dataclass(frozen=True)
class Predictions:
    """A file of predictions.

    Attributes:
        name: of the file.
        lines: the answers, one for each line.
        faults, remarks: sentences for the student.
        fits: whether there are as many lines as questions, so that they can be compared.
    """

    name: str
    lines: tuple[str, ...]
    faults: tuple[str, ...]
    remarks: tuple[str, ...]
    fits: bool


def right_lines(lines: Sequence[str], places: Sequence[str], shift: int = 0) -> list[int]:
    """The numbers of the questions whose answer is right, exactly but for space behind it; answers may be shifted."""
    return [i for i, place in enumerate(places) if 0 <= i + shift < len(lines) and lines[i + shift].rstrip() == place]


def read_predictions(name: str, data: bytes, asked: Questions, other: Questions) -> Predictions:
    """Read a file of predictions.

    Args:
        name: of the file.
        data: its bytes.
        asked: the questions that it answers.
        other: those that it might have been mistaken for: the test's in the place of the dev's, or the reverse.

    Raises:
        CheckFailed: it is no text, or far too long.
    """
    text, faults, remarks = _decoded(name, data)
    lines, n = text.removesuffix("\n").split("\n"), len(asked.questions)
    if len(lines) > n and not any(lines[n:]):
        del lines[n:]
        remarks.append(f"{name} ends with empty lines, which were left out.")
    if any("\t" in line for line in lines):
        number = next(i for i, line in enumerate(lines, start=1) if "\t" in line)
        faults.append(
            f"Line {number} of {name} holds a tab: each line is the predicted place alone, without the question. What "
            "stands behind the tab was taken."
        )
        lines = [line.rpartition("\t")[2] for line in lines]
    if len(lines) != n:
        faults.append(_count_fault(name, lines, asked, other))
    elif asked.places is not None and (fault := _shift_fault(name, lines, asked, other)):
        faults.append(fault)
    if len(lines) == n and (empty := sum(not line.strip() for line in lines)):
        if empty == n:
            faults.append(f"All {n} lines of {name} are empty.")
        else:
            remarks.append(f"{empty} of {n} lines of {name} are empty; they count as wrong.")
    elif n > 1 and len(set(lines)) == 1:
        remarks.append(f"All {len(lines)} lines of {name} are {clean(lines[0], 60)!r}: has this model been trained?")
    return Predictions(name, tuple(lines), tuple(faults), tuple(remarks), len(lines) == n)


def _count_fault(name: str, lines: Sequence[str], asked: Questions, other: Questions) -> str:
    found, n = len(lines), len(asked.questions)
    text = f"{name} has {found} lines, expected {n}: one for each question of {asked.file}."
    if found == len(other.questions):
        return f"{text} {found} is the number of questions in {other.file}: have two files changed places?"
    places = asked.places or ()
    if found == n + 1 and len(right_lines(lines, places, 1)) > len(right_lines(lines, places)):
        return f"{text} Its first line is one too many ({clean(lines[0], 60)!r}), and shifts all others: remove it."
    more = "Are there line breaks within predictions, or a headline?" if found > n else "Has the run ended early?"
    return f"{text} {more}"


def _shift_fault(name: str, lines: Sequence[str], asked: Questions, other: Questions) -> str:
    """What is wrong where the number of lines is right, but the answers stand at other places."""
    assert asked.places is not None
    found = len(right_lines(lines, asked.places))
    for shift, where in ((1, "below"), (-1, "above")):
        elsewhere = len(right_lines(lines, asked.places, shift))
        if elsewhere >= 5 and elsewhere > 2 * found + 3:
            return (
                f"The answers of {name} stand one line {where} where they belong: {elsewhere} would be right there, {found} "
                f"are right here. Is there {'a line too many' if shift == 1 else 'a line missing'} near its beginning?"
            )
    if other.places is not None and len(other.places) == len(lines):
        elsewhere = len(right_lines(lines, other.places))
        if elsewhere >= 5 and elsewhere > 2 * found + 3:
            return (
                f"{name} answers the questions of {other.file} rather than those of {asked.file}: have two files changed "
                "places?"
            )
    return ""


def read_accuracy(name: str, data: bytes) -> tuple[float, int, list[str]]:
    """Read an accuracy in percent: `5.0`, `5.0%`, or the line `Correct: 25.0 out of 500.0: 5.0%`.

    Returns:
        The number, how many decimals it has, and remarks.

    Raises:
        CheckFailed: it is no text, or holds no number.
    """
    text, faults, remarks = _decoded(name, data)
    rest = text
    if line := _LINE.search(text):
        rest = text[line.end() :]
    percent = re.findall(rf"({_NUMBER.pattern})\s*%", rest)
    numbers = percent or _NUMBER.findall(_ASIDE.sub(" ", rest)) or _NUMBER.findall(rest)
    if not numbers:
        raise CheckFailed(
            f"{name} holds no number: {clean(text.strip(), 100)!r}. Expected the accuracy in percent, such as 12.5, or the "
            "line that evaluation prints."
        )
    number = numbers[-1].replace(",", ".")
    return float(number), len(number.partition(".")[2]), [*faults, *remarks]


def _decoded(name: str, data: bytes) -> tuple[str, list[str], list[str]]:
    """The text of a file with line breaks of one kind, faults and remarks.

    Raises:
        CheckFailed: it is no text, empty, or far too long.
    """
    faults: list[str] = []
    remarks: list[str] = []
    if len(data) > MAX_BYTES:
        raise CheckFailed(
            f"{name} has {len(data)} bytes, at most {MAX_BYTES} are read: it should hold short lines of text."
        )
    if not data.strip():
        raise CheckFailed(f"{name} is empty.")
    try:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data.count(0) > len(data) // 4:
            codec = (
                "utf-16"
                if data[:2] in (b"\xff\xfe", b"\xfe\xff")
                else "utf-16-le"
                if data[1:2] == b"\0"
                else "utf-16-be"
            )
            text = data.decode(codec)
            faults.append(f"{name} is UTF-16, as PowerShell and some editors write; expected UTF-8. {_HOW}.")
        else:
            text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CheckFailed(f"{name} is not UTF-8: the byte at place {error.start} cannot be read. {_HOW}.") from None
    if text.startswith("\ufeff"):
        text = text[1:]
        remarks.append(f"{name} begins with a byte order mark, which was left out.")
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
        remarks.append(f"{name} has Windows' line ends (CRLF), which are taken as line ends.")
    return text, faults, remarks
