"""Drives `corrupt_span`.

The function is random. What is written down of each draw is whether it keeps to the form that docs/core.md gives it, and
of many draws which lengths occur, how long the content is on average, and whether it may stand at either end.
"""

import random
import string
from typing import Any

import torch

from .drawing import Draw
from .observing import Journal, Load

MASK, PAD = "\u2047", "\u25a1"
N = 600  # draws for a distribution


def observe(load: Load, seed: int, journal: Journal) -> None:
    """The form of every draw, for short and long documents, and distributions over many."""
    corrupt_span = load("span_corruption").corrupt_span
    draw = Draw(seed)
    corruption = _Corruption(corrupt_span, draw, journal)
    for block_size in (16, 17, 24, 61):
        for length in (4, 5, 9, block_size, 150):
            lengths = {n for n, _, _ in corruption.many(_document(draw, length), block_size, 40)}
            if length == 4:
                journal.note(f"block size {block_size}, document of 4: lengths", sorted(lengths))
    triples = corruption.many(_document(draw, 200), 20, N)
    journal.note("block size 20: lengths", sorted({n for n, _, _ in triples}))
    triples = corruption.many(_document(draw, 14), 61, N)
    journal.note("document of 14: lengths", sorted({n for n, _, _ in triples}))
    places = [sum(start == 0 for _, start, _ in triples), sum(start + hidden == n for n, start, hidden in triples)]
    journal.note("at the beginning, at the end, in between", [places[0] > 0, places[1] > 0, sum(places) < len(triples)])

    triples = [triple for triple in corruption.many(_document(draw, 300), 64, 4 * N) if triple[0] >= 16]
    shares = torch.tensor([hidden / n for n, _, hidden in triples])
    # a quarter of the text, within what docs/core.md leaves to rounding, and six standard errors of two runs
    journal.note("mean share of the content", ("share", float(shares.mean())), within=0.03)
    journal.note("the content's length is random", float(shares.std()) > 0.02)
    journal.note("the content's place is random", len({start / n for n, start, _ in triples}) > 10)
    _randomness(corrupt_span, draw, journal)


class _Corruption:
    """Calls the function with an encoder of the driver's own, and reads its results."""

    def __init__(self, corrupt_span: Any, draw: Draw, journal: Journal) -> None:
        self.corrupt_span, self.journal = corrupt_span, journal
        self.rng = random.Random(draw.integer(0, 10**9))
        alphabet = [MASK, PAD, *string.ascii_letters]
        self.ids = dict(zip(alphabet, draw.distinct(range(500), len(alphabet)), strict=True))
        self.characters = {i: character for character, i in self.ids.items()}

    def encode(self, text: str) -> list[int]:
        """One id for each character."""
        return [self.ids[character] for character in text]

    def many(self, document: str, block_size: int, count: int) -> list[tuple[int, int, int]]:
        """Of several draws the length of the text, and the content's place and length. Faults are written down."""
        label = f"block size {block_size}, document of {len(document)}"
        self.journal.step(label)
        results = [self.corrupt_span(document, block_size, self.encode, self.rng) for _ in range(count)]
        faults: set[str] = set()
        found: list[tuple[int, int, int]] = []
        for x, y in results:
            fault = self._read(x, y, document, block_size, found)
            faults |= {fault} if fault else set()
        self.journal.note(f"{label}: faults", sorted(faults))
        return found

    def _read(self, x: Any, y: Any, document: str, block_size: int, found: list[tuple[int, int, int]]) -> str:
        if any(part.shape != (block_size,) or part.dtype != torch.int64 for part in (x, y)):
            return f"x and y are {x.dtype} {tuple(x.shape)} and {y.dtype} {tuple(y.shape)}"
        if not torch.equal(x[1:], y[:-1]):
            return "y is not x one step ahead"
        text = "".join(self.characters.get(i, "?") for i in [*x.tolist(), int(y[-1])])
        body = text.rstrip(PAD)
        parts = body.split(MASK)
        if len(parts) != 3 or PAD in body or "?" in body:
            return "not prefix, suffix and content, or strange ids"
        prefix, suffix, content = parts
        whole = prefix + content + suffix
        if whole not in document:
            return "the parts are no piece of the document"
        if not 4 <= len(whole) <= int(block_size * 7 / 8):
            return "a forbidden length"
        found.append((len(whole), len(prefix), len(content)))
        return ""


def _document(draw: Draw, length: int) -> str:
    return "".join(string.ascii_letters[i] for i in draw.integers(0, 51, length).tolist())


def _randomness(corrupt_span: Any, draw: Draw, journal: Journal) -> None:
    """Where the randomness comes from."""
    document, seed = _document(draw, 120), draw.integer(0, 10**6)

    def sequence(seed: int) -> list[list[int]]:
        rng = random.Random(seed)
        return [corrupt_span(document, 32, lambda text: list(map(ord, text)), rng)[0].tolist() for _ in range(8)]

    state, torch_state = random.getstate(), torch.get_rng_state()
    first = sequence(seed)
    journal.note("the generator decides", [first == sequence(seed), first == sequence(seed + 1)])
    journal.note("each call draws anew", len({tuple(x) for x in first}) > 2)
    unchanged = [random.getstate() == state, torch.equal(torch.get_rng_state(), torch_state)]
    journal.note("other random states are left alone", unchanged)
