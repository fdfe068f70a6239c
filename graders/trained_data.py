"""The staff's data for judging trained models: a folder beside the TOML. Read by the judge only; needs no torch.

Each kind of model has its own files (docs/trained-models.md). A folder that is there must be whole: a file that is missing
or spoilt is an error for the staff, never a lower score for a student.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .trained_table import TrainedTable

WIKI, DEV, TEST, KEY = "wiki.txt", "birth_dev.tsv", "birth_test_inputs.tsv", "birth_test_key.tsv"
DIGESTS = "reference_digests.json"
IMAGES = "test_batch.bin"
RECORD = 1 + 3 * 32 * 32
TOKENS = "heldout.ids"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class DataError(Exception):
    """The staff's data cannot be used; the message names the file, what was found and what was expected."""


@dataclass(frozen=True)
class BirthPlaces:
    """Questions and their answers.

    Attributes:
        characters: of the pretraining text, sorted: the vocabulary behind padding and ⁇.
        dev, test: the questions.
        dev_places: their answers.
        test_places: those of the test questions; None where they are not there.
        digests: name of a parameter → SHA-256 digests that it has in models of the staff's.
    """

    characters: tuple[str, ...]
    dev: tuple[str, ...]
    dev_places: tuple[str, ...]
    test: tuple[str, ...]
    test_places: tuple[str, ...] | None
    digests: Mapping[str, frozenset[str]] = field(default_factory=dict)


def look_at(folder: Path, table: TrainedTable) -> list[str]:
    """Check that a folder holds all that a table needs; returns what the staff should know of it.

    Raises:
        DataError: it does not.
    """
    if not folder.is_dir():
        raise DataError(f"{folder.name} is no folder; expected a folder with the staff's data")
    remarks = []
    if table.birth_places is not None and read_birth_places(folder).test_places is None:
        remarks.append(f"{folder.name} has no {KEY}: checks on the answers to the test questions are not judged")
    if table.images is not None:
        read_images(folder)
    if table.text is not None:
        read_tokens(folder, table.text.context)
    return remarks


def read_birth_places(folder: Path) -> BirthPlaces:
    """Read the files about birth places.

    Raises:
        DataError: a file is missing, is not UTF-8, or has not the form that it should have.
    """
    # read as students' code does, which keeps a mark at its beginning: it is in their vocabulary
    wiki = _text(folder, WIKI, "the pretraining text, a document on each line")
    dev = _pairs(folder, DEV)
    test = [line for line in _text(folder, TEST, "a question on each line").split("\n") if line]
    if spoilt := next((line for line in test if "\t" in line), None):
        raise DataError(
            f"{folder.name}/{TEST}: found {spoilt[:80]!r}; expected a question on each line, without answers"
        )
    unknown = {c for question in [*test, *(question for question, _ in dev)] for c in question} - set(wiki)
    if unknown:
        raise DataError(
            f"{folder.name}/{WIKI}: found none of {' '.join(sorted(unknown))[:80]!r}, which the questions have; expected the "
            "text that the models were pretrained with, whose characters are all that they know"
        )
    key = None
    if (folder / KEY).exists():
        pairs = _pairs(folder, KEY)
        if [question for question, _ in pairs] != test:
            raise DataError(
                f"{folder.name}/{KEY}: found {len(pairs)} questions that are not those of {TEST}, which has {len(test)}; "
                "expected the same questions in the same order, each with a tab and its place"
            )
        key = tuple(place for _, place in pairs)
    return BirthPlaces(
        tuple(sorted(set(wiki))),
        tuple(question for question, _ in dev),
        tuple(place for _, place in dev),
        tuple(test),
        key,
        _digests(folder) if (folder / DIGESTS).exists() else {},
    )


def read_images(folder: Path) -> bytes:
    """Read CIFAR-10's test images in its binary version: records of a label and 3 × 32 × 32 pixels.

    Raises:
        DataError: the file is missing, cut off, or another one.
    """
    expected = f"expected CIFAR-10's file of this name, binary version: whole records of {RECORD} bytes"
    data = _bytes(folder, IMAGES, expected)
    if len(data) % RECORD:
        raise DataError(f"{folder.name}/{IMAGES}: found {len(data)} bytes; {expected}")
    if max(data[::RECORD]) > 9:
        raise DataError(
            f"{folder.name}/{IMAGES}: found a label {max(data[::RECORD])}; {expected}, and labels from 0 to 9"
        )
    return data


def read_tokens(folder: Path, context: int) -> tuple[int, ...]:
    """Read a text that no student has trained on, as the ids that the course's tokenizer gives it.

    Raises:
        DataError: the file is missing, holds something else than numbers, or fewer than a model sees at once.
    """
    text = _text(folder, TOKENS, "the ids of a text's tokens, separated by spaces or line breaks")
    words = text.split()
    if wrong := next((word for word in words if not (word.isascii() and word.isdigit() and len(word) < 10)), None):
        raise DataError(f"{folder.name}/{TOKENS}: found {wrong[:40]!r}; expected ids, numbers from 0 on")
    if len(words) <= context:
        raise DataError(f"{folder.name}/{TOKENS}: found {len(words)} ids; expected more than {context}, the context")
    return tuple(map(int, words))


def _bytes(folder: Path, name: str, expected: str) -> bytes:
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise DataError(f"{folder.name}/{name}: {error.strerror}; {expected}") from None
    if not data:
        raise DataError(f"{folder.name}/{name}: found an empty file; {expected}")
    return data


def _text(folder: Path, name: str, what: str) -> str:
    data = _bytes(folder, name, f"expected {what}, in UTF-8")
    try:
        return data.decode("utf-8" if name == WIKI else "utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{folder.name}/{name}: found no UTF-8, at byte {error.start}; expected {what}") from None


def _pairs(folder: Path, name: str) -> list[tuple[str, str]]:
    what = "a question, a tab and its place on each line"
    pairs = []
    for number, line in enumerate(_text(folder, name, what).split("\n"), start=1):
        question, tab, place = line.partition("\t")
        if line and (not question or not tab or not place or "\t" in place):
            raise DataError(f"{folder.name}/{name}, line {number}: found {line[:80]!r}; expected {what}")
        if line:
            pairs.append((question, place.strip()))
    return pairs


def _digests(folder: Path) -> dict[str, frozenset[str]]:
    expected = 'expected {"name of a parameter": ["SHA-256 of its bytes", …], …}'
    try:
        found = json.loads(_text(folder, DIGESTS, expected))
    except (ValueError, RecursionError):
        raise DataError(f"{folder.name}/{DIGESTS}: found no JSON; {expected}") from None
    if not isinstance(found, dict):
        raise DataError(f"{folder.name}/{DIGESTS}: found a {type(found).__name__}; {expected}")
    for name, digests in found.items():
        if not isinstance(digests, list) or not all(isinstance(d, str) and _SHA256.fullmatch(d) for d in digests):
            raise DataError(f"{folder.name}/{DIGESTS}: found something else at {name[:80]!r}; {expected}")
    return {name: frozenset(digests) for name, digests in found.items()}
