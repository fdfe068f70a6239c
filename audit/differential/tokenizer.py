"""Drives `CharTokenizer` and `WordTokenizer`."""

import re
from typing import Any

import torch

from .drawing import Draw
from .observing import Journal, Load

LETTERS = "abcdeXYZ éß_09\n\t.,!?-—'Ж漢<>"
WORDS = (
    "the",
    "The",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "über",
    "x_1",
    "42",
    "don't",
    "<pad>",
    "<unk>",
    "<bos>",
    "<eos>",
    "pad",
)
MARKS = (" ", " ", " ", ", ", ". ", "!", " - ", "\n", "—", "?? ", "\t")


def observe(load: Load, seed: int, journal: Journal) -> None:
    """Vocabularies, round trips, unknown characters, words and ids, several tokenizers side by side."""
    module = load("tokenizer")
    draw = Draw(seed)
    _characters(module.CharTokenizer, draw, journal)
    for _ in range(3):
        text = _text(draw, 40)
        journal.step("building a WordTokenizer")
        tokenizer = module.WordTokenizer(text)
        journal.note("vocabulary", tokenizer.vocab)
        n = len(tokenizer.vocab)
        _encode(tokenizer, text, draw, journal)
        _decode(tokenizer, n, draw, journal)
        for max_vocab in (4, 5, 6, n - 1, n, n + 1, n + 10):
            smaller = module.WordTokenizer(text, max_vocab)
            journal.note(f"vocabulary of at most {max_vocab}", smaller.vocab)
            _encode(smaller, text, draw, journal)
            _decode(smaller, len(smaller.vocab), draw, journal)
        journal.note("max_vocab by its name", module.WordTokenizer(text, max_vocab=7).vocab)
        journal.call("the first one again", tokenizer.encode, text)
    long = "".join(chr(0x4E00 + i) + draw.choice(MARKS) for i in draw.integers(0, 2000, 3000).tolist())
    for tokenizer in (module.WordTokenizer(long), module.CharTokenizer(long)):
        ids = journal.call("encoding a long text", tokenizer.encode, long)
        journal.call("decoding a long text", tokenizer.decode, ids)
        journal.note("a large vocabulary", tokenizer.vocab)
    empty = module.WordTokenizer("")
    journal.note("vocabulary of no text", empty.vocab)
    journal.call("encoding with no words", empty.encode, "one two", bos=True, eos=True)


def _characters(CharTokenizer: Any, draw: Draw, journal: Journal) -> None:
    for length in (0, 1, 5, 40):
        text = "".join(LETTERS[i] for i in draw.integers(0, len(LETTERS) - 1, length).tolist())
        journal.step("building a CharTokenizer")
        tokenizer = CharTokenizer(text)
        other = CharTokenizer("qwertz")
        label = f"characters, {length}"
        journal.note(f"{label}: vocabulary", tokenizer.vocab)
        ids = journal.call(f"{label}: encode", tokenizer.encode, text)
        journal.call(f"{label}: decode", tokenizer.decode, ids)
        journal.call(f"{label}: decode a tensor", tokenizer.decode, torch.tensor(ids, dtype=torch.int64))
        journal.call(f"{label}: decode backwards", tokenizer.decode, ids[::-1])
        journal.call(f"{label}: encode nothing", tokenizer.encode, "")
        journal.call(f"{label}: decode nothing", tokenizer.decode, [])
        for strange in ("#", text + "#", "#" + text, text[: length // 2] + "\u20ac" + text):
            journal.attempt(f"{label}: encode unknown", tokenizer.encode, strange)
        for bad in _bad_ids(len(tokenizer.vocab)):
            journal.attempt(f"{label}: decode {bad}", tokenizer.decode, bad)
            journal.attempt(f"{label}: decode tensor {bad}", tokenizer.decode, torch.tensor(bad))
        journal.note(f"{label}: vocabulary afterwards", tokenizer.vocab)
        journal.note(f"{label}: another tokenizer", [other.vocab, other.encode("trewq")])


def _text(draw: Draw, n_words: int) -> str:
    """Words of very different frequency, so that there are ties too."""
    chosen = [min(draw.integer(0, len(WORDS) - 1), draw.integer(0, len(WORDS) - 1)) for _ in range(n_words)]
    return "".join(WORDS[i] + draw.choice(MARKS) for i in chosen)


def _encode(tokenizer: Any, text: str, draw: Draw, journal: Journal) -> None:
    before = list(tokenizer.vocab)
    for sample in (text, _text(draw, 8), "new words, the cat", "<pad> <bos>", "", " \n ", "a"):
        journal.call("encode", tokenizer.encode, sample)
        journal.call("encode, bos", tokenizer.encode, sample, True)
        journal.call("encode, eos", tokenizer.encode, sample, eos=True)
        journal.call("encode, both", tokenizer.encode, sample, bos=True, eos=True)
        known = [word in before for word in re.findall(r"\w+|[^\w\s]", sample)]
        journal.note("known words", known)
    journal.note("vocabulary unchanged", tokenizer.vocab == before)


def _decode(tokenizer: Any, n: int, draw: Draw, journal: Journal) -> None:
    for length in (0, 1, 6, 20):
        ids = draw.integers(0, n - 1, length)
        journal.call("decode a tensor", tokenizer.decode, ids)
        journal.call("decode a list", tokenizer.decode, ids.tolist())
    journal.call("decode specials", tokenizer.decode, [2, 0, 1, 3, 0, n - 1, 3, 1])
    journal.call("decode each", lambda: [tokenizer.decode([i]) for i in range(n)])
    for bad in _bad_ids(n):
        journal.attempt(f"decode {bad}", tokenizer.decode, bad)
        journal.attempt(f"decode tensor {bad}", tokenizer.decode, torch.tensor(bad))


def _bad_ids(n: int) -> list[list[int]]:
    """Lists with an id that stands for nothing."""
    return [[n], [-1], [n + 50], [-n - 1], [0] * (n > 0) + [n], [-1] + [0] * (n > 0)]
