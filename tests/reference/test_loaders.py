"""The real data sets' readers, on tiny files of their form; what is missing or wrong is said in words."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reference.corpora.birth_places import make_birth_places
from reference.corpora.dialogues import make_dialogues
from reference.loaders import (
    ANSWERED_LOOK,
    PILE_LOOK,
    SHAKESPEARE_LOOK,
    UNANSWERED_LOOK,
    WIKI_LOOK,
    Documents,
    read_birth_places,
    read_pile,
    read_tiny_shakespeare,
)

pytestmark = pytest.mark.torch_free

MADE = make_birth_places(0, n_train=6, n_dev=4, n_test=3)
PLAY = "First Citizen:\nBefore we proceed, hear me.\n\nAll:\nSpeak, speak.\n"


def message_of(read: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    with pytest.raises(ValueError) as caught:
        read(*arguments, **named)
    return str(caught.value)


def said(path: Path, found: str, look: str) -> str:
    return f"{path}: found {found}; expected {look}. Put the file there, or give the path where it is."


# -------------------------------------------------------------------------------------------------------- Shakespeare


def test_tiny_shakespeare(tmp_path: Path) -> None:
    """Protects the text: every character arrives, and line ends of Windows become line feeds."""
    path = tmp_path / "input.txt"
    path.write_bytes(PLAY.encode())
    assert read_tiny_shakespeare(path) == PLAY
    path.write_bytes(PLAY.replace("\n", "\r\n").encode())
    assert read_tiny_shakespeare(path) == PLAY


def test_generated_dialogues_can_stand_in_for_it(tmp_path: Path) -> None:
    """Protects the claim that generated speeches have the real layout."""
    text = make_dialogues(0, 50).text
    path = tmp_path / "input.txt"
    path.write_text(text, encoding="utf-8")
    assert read_tiny_shakespeare(path) == text


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b" \n\n", "an empty file"),
        (b"All:\nSp\xe9ak.\n", "a byte that is not UTF-8, at place 7"),
        (b"<!DOCTYPE html>\n<html>\n", "a speech that begins with '<!DOCTYPE html>'"),
        (PLAY.encode() + b"\nNo speaker here\n", "a speech that begins with 'No speaker here'"),
        (b"a" * 100, f"a speech that begins with '{'a' * 60}…'"),
    ],
)
def test_another_text_is_no_shakespeare(tmp_path: Path, content: bytes, found: str) -> None:
    """Protects against training on a saved web page or a broken file: what was found, and what it should look like."""
    path = tmp_path / "input.txt"
    path.write_bytes(content)
    assert message_of(read_tiny_shakespeare, path) == said(path, found, SHAKESPEARE_LOOK)


def test_missing_file(tmp_path: Path) -> None:
    """Protects who has put the file elsewhere: the path that was looked at, and what belongs there."""
    path = tmp_path / "nowhere" / "input.txt"
    assert message_of(read_tiny_shakespeare, path) == said(path, "nothing", SHAKESPEARE_LOOK)
    assert message_of(read_tiny_shakespeare, tmp_path) == said(tmp_path, "a folder", SHAKESPEARE_LOOK)
    (tmp_path / "file").write_bytes(b"x")
    below = tmp_path / "file" / "input.txt"
    assert "found a file that cannot be read (Not a directory); expected" in message_of(read_tiny_shakespeare, below)


# -------------------------------------------------------------------------------------------------------- birth places


def test_birth_places_are_what_was_written(tmp_path: Path) -> None:
    """Protects that generated and real files are read alike, with the key and without."""
    MADE.write(tmp_path)
    MADE.write_key(tmp_path / "key.tsv")
    assert read_birth_places(tmp_path, tmp_path / "key.tsv") == MADE
    assert read_birth_places(tmp_path).test_key is None


def test_real_peculiarities_are_read(tmp_path: Path) -> None:
    """Protects the real files: letters beyond ASCII, names of one and of four words, places of several."""
    MADE.write(tmp_path)
    lines = "Where was Marvano born?\tSaint-Éloi, Québec\nWhere was A. B. C. Ó Dá born?\tNew York\n"
    (tmp_path / "birth_dev.tsv").write_bytes(lines.encode())
    assert read_birth_places(tmp_path).dev == lines


@pytest.mark.parametrize(
    ("name", "look"),
    [
        ("wiki.txt", WIKI_LOOK),
        ("birth_places_train.tsv", ANSWERED_LOOK),
        ("birth_dev.tsv", ANSWERED_LOOK),
        ("birth_test_inputs.tsv", UNANSWERED_LOOK),
    ],
)
def test_each_file_is_missed_by_name(tmp_path: Path, name: str, look: str) -> None:
    """Protects who has some of the files: which one is missing, and what it should hold."""
    MADE.write(tmp_path)
    (tmp_path / name).unlink()
    assert message_of(read_birth_places, tmp_path) == said(tmp_path / name, "nothing", look)


@pytest.mark.parametrize(
    ("name", "line", "look"),
    [
        ("birth_dev.tsv", "Where was Ada Kavel born? Rome", ANSWERED_LOOK),
        ("birth_dev.tsv", "Where was Ada Kavel born?\t", ANSWERED_LOOK),
        ("birth_dev.tsv", "Where was Ada Kavel born?\tRome\tItaly", ANSWERED_LOOK),
        ("birth_places_train.tsv", "What is the birthplace of Ada Kavel?\tRome", ANSWERED_LOOK),
        ("birth_test_inputs.tsv", "Where was Ada Kavel born?\tRome", UNANSWERED_LOOK),
    ],
)
def test_lines_of_another_form_are_named(tmp_path: Path, name: str, line: str, look: str) -> None:
    """Protects against scores that are wrong by a shifted or broken line: its number and text are told."""
    MADE.write(tmp_path)
    with (tmp_path / name).open("ab") as file:
        number = len((tmp_path / name).read_text(encoding="utf-8").splitlines()) + 2
        file.write(f"\n{line}\n".encode())
    shown = repr(line.strip(" \r") if len(line) <= 60 else f"{line[:60]}…")
    assert message_of(read_birth_places, tmp_path) == said(tmp_path / name, f"in line {number} {shown}", look)


def test_the_key_must_answer_the_test_questions(tmp_path: Path) -> None:
    """Protects the test score: a key for other questions, or in another order, would grade everybody wrongly."""
    MADE.write(tmp_path)
    key = tmp_path / "key.tsv"
    assert MADE.test_key is not None
    lines = MADE.test_key.splitlines(keepends=True)
    for wrong in (lines[::-1], lines[:-1], [*lines, lines[0]], MADE.dev.splitlines(keepends=True)):
        key.write_text("".join(wrong), encoding="utf-8")
        expected = (
            f"{key} must answer the questions of {tmp_path / 'birth_test_inputs.tsv'}, all of them in the same order"
        )
        assert message_of(read_birth_places, tmp_path, key) == expected
    assert message_of(read_birth_places, tmp_path, tmp_path / "none.tsv").startswith(
        f"{tmp_path / 'none.tsv'}: found no"
    )


# ---------------------------------------------------------------------------------------------------------------- Pile


def write_pile(folder: Path, suffix: str = ".txt") -> Documents:
    documents = Documents(("one", "two words"), ("three",), ("fo\u2028ur", "5"))
    for part, name in (("train", "pile_train"), ("dev", "pile_val"), ("test", "pile_test")):
        texts = getattr(documents, part)
        lines = [json.dumps({"text": text, "meta": 1}) if suffix == ".jsonl" else text for text in texts]
        (folder / f"{name}{suffix}").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return documents


def zipped(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    return archive


@pytest.mark.parametrize("suffix", [".txt", ".jsonl"])
def test_pile_from_folder_and_archive(tmp_path: Path, suffix: str) -> None:
    """Protects both forms and both containers, at any depth, under a hidden folder, beside what macOS leaves."""
    inside = tmp_path / ".hidden" / "pile" / "data"
    inside.mkdir(parents=True)
    documents = write_pile(inside, suffix)
    (inside / "__MACOSX").mkdir()
    for rubbish in ("._pile_train.txt", "readme_test.md", "__MACOSX/pile_train.txt"):
        (inside / rubbish).write_bytes(b"\xff")
    assert read_pile(inside.parent) == documents
    assert read_pile(zipped(inside.parent, tmp_path / "pile.zip")) == documents


def test_pile_misses_a_part(tmp_path: Path) -> None:
    """Protects against a part that is not there, or there twice; "latest" in a name is no "test"."""
    write_pile(tmp_path)
    (tmp_path / "pile_test.txt").rename(tmp_path / "latest.txt")
    found = "for test none among latest.txt, pile_train.txt, pile_val.txt"
    assert message_of(read_pile, tmp_path) == said(tmp_path, found, PILE_LOOK)
    (tmp_path / "test.txt").write_bytes(b"x\n")
    (tmp_path / "dev.txt").write_bytes(b"x\n")
    assert message_of(read_pile, tmp_path) == said(tmp_path, "for dev dev.txt, pile_val.txt", PILE_LOOK)


def test_pile_is_something_else(tmp_path: Path) -> None:
    """Protects who gives another path: nothing there, an empty folder, a text, a damaged archive."""
    missing, folder, text, broken = (tmp_path / name for name in ("missing", "empty", "pile.txt", "broken.zip"))
    folder.mkdir()
    text.write_bytes(b"a document\n")
    write_pile(tmp_path)
    content = bytearray(zipped(tmp_path, broken).read_bytes())
    content[content.index(b"one")] ^= 1
    broken.write_bytes(content)
    assert message_of(read_pile, missing) == said(missing, "nothing", PILE_LOOK)
    assert message_of(read_pile, folder) == said(folder, "for train none among no files at all", PILE_LOOK)
    assert message_of(read_pile, text) == said(text, "a file of another kind", PILE_LOOK)
    assert message_of(read_pile, broken).startswith(f"{broken}: found an archive that cannot be read (Bad CRC-32")


@pytest.mark.parametrize("line", ["no JSON", '{"content": "x"}', '["text"]', '{"text": 3}', '"text"'])
def test_pile_has_a_line_of_another_form(tmp_path: Path, line: str) -> None:
    """Protects against a traceback from a line that is no JSON object with a text."""
    write_pile(tmp_path, ".jsonl")
    path = tmp_path / "pile_val.jsonl"
    path.write_text(f'{{"text": "x"}}\n{line}\n', encoding="utf-8")
    assert message_of(read_pile, tmp_path) == said(path, f"in line 2 {line!r}", 'a JSON object with a text in "text"')


def test_pile_has_an_empty_part(tmp_path: Path) -> None:
    """Protects against a perplexity of nothing."""
    write_pile(tmp_path, ".jsonl")
    (tmp_path / "pile_val.jsonl").write_bytes(b'{"text": " "}\n')
    assert message_of(read_pile, tmp_path) == said(tmp_path / "pile_val.jsonl", "no document", PILE_LOOK)
    (tmp_path / "pile_val.jsonl").write_bytes(b"")
    assert message_of(read_pile, tmp_path) == said(tmp_path / "pile_val.jsonl", "an empty file", PILE_LOOK)
