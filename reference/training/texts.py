"""Which texts a recipe trains on: generated ones, or tiny Shakespeare from an instructor's folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..corpora.character_text import make_character_text
from ..corpora.dialogues import make_dialogues
from ..loaders import SHAKESPEARE_LOOK, read_tiny_shakespeare
from ..tokenizer import CharTokenizer
from .setting import Setting

# the names under which the courses hand it out
SHAKESPEARE_NAMES = ("tiny_shakespeare.txt", "tinyshakespeare.txt", "input.txt")
HELD_OUT_SHARE = 10  # of a real text, the last 1 / 10


@dataclass(frozen=True)
class Texts:
    """A text to train on and one to measure with.

    Attributes:
        about: what they are, for the report.
        training: the text to train on.
        held_out: of the same kind; nothing is trained on it.
        least_nats: what a character of `held_out` costs a reader who knows all the rules; None where nobody knows.
    """

    about: str
    training: str
    held_out: str
    least_nats: float | None

    def figures(self) -> dict[str, Any]:
        """Where the texts come from and how long they are, for a report."""
        return {
            "about": self.about,
            "characters to train on": len(self.training),
            "characters held out": len(self.held_out),
            "nats of a held-out character at best": self.least_nats,
        }


def find_shakespeare(data: Path) -> Path | None:
    """Find tiny Shakespeare: `data` itself if it is a file, otherwise the file in it; None if there is none."""
    if data.is_file():
        return data
    return next((data / name for name in SHAKESPEARE_NAMES if (data / name).is_file()), None)


def read_shakespeare(data: Path) -> str:
    """Read tiny Shakespeare from a file or a folder.

    Raises:
        ValueError: it is not there, or looks different.
    """
    path = find_shakespeare(data)
    if path is None:
        raise ValueError(f"{data}: found none of {', '.join(SHAKESPEARE_NAMES)}; expected {SHAKESPEARE_LOOK}")
    return read_tiny_shakespeare(path)


def tokenized_texts(setting: Setting, n_notes: int) -> tuple[Texts, CharTokenizer]:
    """Texts for models of characters and the tokenizer of their characters; what is to be said of them goes into the report.

    Args:
        setting, n_notes: as in `character_texts`.

    Raises:
        ValueError: as `character_texts`.
    """
    texts = character_texts(setting, n_notes)
    tokenizer = CharTokenizer(texts.training + texts.held_out)
    setting.stage("text", lambda: {**texts.figures(), "vocabulary": "".join(tokenizer.vocab)})
    return texts, tokenizer


def character_texts(setting: Setting, n_notes: int) -> Texts:
    """Texts for models of characters: notes, or tiny Shakespeare, of which the last tenth is held out.

    Args:
        setting: says whether there are real data.
        n_notes: number of generated notes to train on; a fifth of that is held out.

    Raises:
        ValueError: the real text is not there, or looks different.
    """
    if setting.data is None:
        training = make_character_text(setting.workshop.derived("training text"), n_notes)
        held_out = make_character_text(setting.workshop.derived("held-out text"), max(2, n_notes // 5))
        return Texts("generated notes", training.text, held_out.text, held_out.nats_per_character)
    text = read_shakespeare(setting.data)
    end = len(text) - len(text) // HELD_OUT_SHARE
    return Texts("tiny Shakespeare", text[:end], text[end:], None)


@dataclass(frozen=True)
class Speeches:
    """Speeches to train on and to measure with.

    Attributes:
        about: what they are, for the report.
        training: the speeches to train on, lines and all.
        held_out: of the same kind; nothing is trained on them.
        least_nats: what one of `held_out` costs a reader who knows all the rules; None where nobody knows.
    """

    about: str
    training: tuple[str, ...]
    held_out: tuple[str, ...]
    least_nats: float | None


def speeches(setting: Setting, n_speeches: int, real: Path | None) -> Speeches:
    """Speeches, generated or of tiny Shakespeare, of which the last tenth is held out.

    Args:
        setting: what the generated ones follow from.
        n_speeches: number of generated ones to train on; a fifth of that is held out.
        real: a file or folder with tiny Shakespeare; None generates speeches.

    Raises:
        ValueError: the real text is not there, or looks different.
    """
    if real is None:
        training = make_dialogues(setting.workshop.derived("training speeches"), n_speeches)
        held_out = make_dialogues(setting.workshop.derived("held-out speeches"), max(2, n_speeches // 5))
        return Speeches("generated speeches", training.blocks, held_out.blocks, held_out.nats)
    blocks = tuple(block.strip() for block in read_shakespeare(real).split("\n\n") if block.strip())
    end = len(blocks) - max(2, len(blocks) // HELD_OUT_SHARE)
    if end < 1:
        raise ValueError(f"{find_shakespeare(real)}: found {len(blocks)} speeches; at least 3 are needed")
    return Speeches("speeches of tiny Shakespeare", blocks[:end], blocks[end:], None)
