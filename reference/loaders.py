"""The real data sets, read from where an instructor has put them: texts, and questions about birth places.

`cifar.py` reads the images. Whatever is missing or looks different is a ValueError that names the file and says what it
should look like.
"""

import json
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from .corpora.birth_places import DEV, TEST_INPUTS, TRAIN, WIKI, BirthPlaces, name_in, question

SHAKESPEARE_LOOK = (
    "tiny Shakespeare: UTF-8 text of about 1.1 million characters, speeches with empty lines between them, each under a "
    "line with the speaker's name and a colon"
)
WIKI_LOOK = "the pretraining text: UTF-8, a document `Name. Text .` on each line"
ANSWERED_LOOK = f"questions with places: UTF-8, `{question('NAME')}<tab>PLACE` on each line"
UNANSWERED_LOOK = f"questions alone: UTF-8, `{question('NAME')}` on each line"
PILE_LOOK = (
    "the sample of The Pile: a folder or a .zip with one file each for train, dev (or val) and test in its name, .txt "
    "with a document on each line, or .jsonl with a field `text` in each line"
)
# the words that a file's name may call a part by
PARTS = {"train": {"train", "training"}, "dev": {"dev", "val", "valid", "validation"}, "test": {"test", "testing"}}


@dataclass(frozen=True)
class Documents:
    """A corpus of documents in three parts.

    Attributes:
        train, dev, test: the documents' texts; none is empty.
    """

    train: tuple[str, ...]
    dev: tuple[str, ...]
    test: tuple[str, ...]


def read_tiny_shakespeare(path: Path) -> str:
    """Read tiny Shakespeare, or another text of its layout. Here as in the other texts, line ends of Windows become \\n.

    Raises:
        ValueError: the file is missing, unreadable or of another layout.
    """
    text = _text(_read(path, SHAKESPEARE_LOOK), path, SHAKESPEARE_LOOK)
    for block in re.split(r"\n(?:[ \t]*\n)+", text.strip()):
        heading = block.split("\n")[0].rstrip()
        if not heading.endswith(":"):
            raise _wrong(path, f"a speech that begins with {_shown(heading)}", SHAKESPEARE_LOOK)
    return text


def read_birth_places(folder: Path, key: Path | None = None) -> BirthPlaces:
    """Read the files of CMU's homework 3.

    Args:
        folder: holds wiki.txt, birth_places_train.tsv, birth_dev.tsv and birth_test_inputs.tsv.
        key: the test questions with their places, which staff may have; None if there is no such file.

    Returns:
        The same as `make_birth_places`.

    Raises:
        ValueError: a file is missing, unreadable or of another form, or the key answers other questions.
    """
    wiki_path, train_path, dev_path, test_path = (folder / name for name in (WIKI, TRAIN, DEV, TEST_INPUTS))
    wiki = _text(_read(wiki_path, WIKI_LOOK), wiki_path, WIKI_LOOK)
    texts = {path: _answered(path) for path in (train_path, dev_path)}
    test_inputs = _text(_read(test_path, UNANSWERED_LOOK), test_path, UNANSWERED_LOOK)
    for number, line in _numbered_lines(test_inputs):
        if name_in(line) is None:
            raise _wrong(test_path, f"in line {number} {_shown(line)}", UNANSWERED_LOOK)
    test_key = None if key is None else _answered(key)
    if key is not None and test_key is not None:
        asked = [line for _, line in _numbered_lines(test_inputs)]
        if [line.split("\t")[0] for _, line in _numbered_lines(test_key)] != asked:
            raise ValueError(f"{key} must answer the questions of {test_path}, all of them in the same order")
    return BirthPlaces(wiki, texts[train_path], texts[dev_path], test_inputs, test_key)


def read_pile(path: Path) -> Documents:
    """Read the sample of The Pile, or another corpus of its form.

    Args:
        path: a folder, or a .zip, with a file for each part, at any depth.

    Raises:
        ValueError: there is nothing at `path`, a part is missing, empty, there twice or unreadable.
    """
    files = _files(path)
    parts = {}
    for part, words in PARTS.items():
        matching = [name for name in files if words & set(re.split("[^a-z]+", Path(name).stem.lower()))]
        if len(matching) != 1:
            found = ", ".join(matching) or f"none among {', '.join(files) or 'no files at all'}"
            raise _wrong(path, f"for {part} {found}", PILE_LOOK)
        parts[part] = _documents(files[matching[0]], path / matching[0])
    return Documents(parts["train"], parts["dev"], parts["test"])


def _files(path: Path) -> dict[str, bytes]:
    """Read the files of a folder or a .zip that may hold documents; what macOS puts into archives does not.

    Raises:
        ValueError: it is neither, or cannot be read.
    """

    def may_hold_documents(name: str) -> bool:
        inside = Path(name)
        is_hidden = any(part.startswith((".", "__MACOSX")) for part in inside.parts)
        return inside.suffix in (".txt", ".jsonl") and not is_hidden

    if path.is_dir():
        inside = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*")) if file.is_file()}
        return {name: _read(file, PILE_LOOK) for name, file in inside.items() if may_hold_documents(name)}
    if not zipfile.is_zipfile(path):
        raise _wrong(path, "a file of another kind" if path.exists() else "nothing", PILE_LOOK)
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in sorted(archive.namelist()) if may_hold_documents(name)}
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise _wrong(path, f"an archive that cannot be read ({error})", PILE_LOOK) from None


def _documents(content: bytes, path: Path) -> tuple[str, ...]:
    documents = []
    for number, line in _numbered_lines(_text(content, path, PILE_LOOK)):
        document = line
        if path.suffix == ".jsonl":
            try:
                document = json.loads(line)["text"].strip()
            except (ValueError, KeyError, TypeError, AttributeError):
                raise _wrong(path, f"in line {number} {_shown(line)}", 'a JSON object with a text in "text"') from None
        if document:
            documents.append(document)
    if not documents:
        raise _wrong(path, "no document", PILE_LOOK)
    return tuple(documents)


def _answered(path: Path) -> str:
    """Read a file of questions with places."""
    text = _text(_read(path, ANSWERED_LOOK), path, ANSWERED_LOOK)
    for number, line in _numbered_lines(text):
        asked, tab, place = line.partition("\t")
        if name_in(asked) is None or not tab or not place.strip() or "\t" in place:
            raise _wrong(path, f"in line {number} {_shown(line)}", ANSWERED_LOOK)
    return text


def _numbered_lines(text: str) -> list[tuple[int, str]]:
    """Number the lines from 1, and leave out empty ones. Only line feeds end a line, as for the homeworks' own code."""
    return [(number, line.strip(" \r")) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]


def _read(path: Path, look: str) -> bytes:
    """Read a file.

    Raises:
        ValueError: it is missing, a folder, or may not be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _wrong(path, "nothing", look) from None
    except IsADirectoryError:
        raise _wrong(path, "a folder", look) from None
    except OSError as error:
        raise _wrong(path, f"a file that cannot be read ({error.strerror})", look) from None


def _text(content: bytes, path: Path, look: str) -> str:
    """Decode a file's content.

    Raises:
        ValueError: it is not UTF-8, or nothing but white space.
    """
    try:
        text = content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _wrong(path, f"a byte that is not UTF-8, at place {error.start}", look) from None
    if not text.strip():
        raise _wrong(path, "an empty file", look)
    return text


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


def _wrong(path: Path, found: str, look: str) -> ValueError:
    return ValueError(f"{path}: found {found}; expected {look}. Put the file there, or give the path where it is.")
