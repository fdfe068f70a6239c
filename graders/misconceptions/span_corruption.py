"""Misconceptions of span corruption.

The corruption is random. What is compared is therefore not a pair (x, y) but a finding about several pairs: which layout
can have made all of them, or what their lengths have in common.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ..tasks import MASK, PAD, SpanCorruption
from ..verdict import Misconception
from .bank import Asked, Bank, Probe

Pair = tuple[str, str]  # x and y as texts
Layout = Callable[[str, str, str], list[Pair]]  # prefix, content, suffix → the pairs of x and y that they may become

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SHORT, _LONG = 16, 32  # block sizes
_N_SHORT = (
    14  # characters of the document whose pieces are enumerated: int(7/8 · block size), so that any cut can occur
)
_FEWEST = 4  # characters that a cut leaves
_DRAWS = 12  # pairs whose layout is asked for; of a span of one character some layouts look alike
_MANY = 60  # pairs whose lengths are looked at


def _shifted(text: str) -> Pair:
    text = text.ljust(_SHORT + 1, PAD)[: _SHORT + 1]
    return text[:-1], text[1:]


def _right(prefix: str, content: str, suffix: str) -> list[Pair]:
    return [_shifted(prefix + MASK + suffix + MASK + content)]


def _not_shifted(prefix: str, content: str, suffix: str) -> list[Pair]:
    [(x, _)] = _right(prefix, content, suffix)
    return [(x, x)]


def _content_only(prefix: str, content: str, suffix: str) -> list[Pair]:
    """y is empty before the content, with or without the mask in front of it."""
    [(x, y)] = _right(prefix, content, suffix)
    start = len(prefix) + 1 + len(suffix)  # of the content in y
    return [(x, PAD * n + y[n:]) for n in (start, start - 1)]


def _padded_on_the_left(prefix: str, content: str, suffix: str) -> list[Pair]:
    text = (prefix + MASK + suffix + MASK + content).rjust(_SHORT + 1, PAD)
    return [(text[:-1], text[1:])]


_LAYOUTS: dict[str, Layout] = {
    "right": _right,
    "not_shifted": _not_shifted,
    "y_keeps_only_the_content": _content_only,
    "mask_for_each_character": lambda prefix, content, suffix: [
        _shifted(prefix + MASK * len(content) + suffix + MASK + content)
    ],
    "no_mask_at_the_gap": lambda prefix, content, suffix: [_shifted(prefix + suffix + MASK + content)],
    "one_mask_only": lambda prefix, content, suffix: [_shifted(prefix + MASK + suffix + content)],
    "content_stays_in_place": lambda prefix, content, suffix: [_shifted(prefix + MASK + content + MASK + suffix)],
    "padded_on_the_left": _padded_on_the_left,
}


def _pieces(text: str) -> Iterator[tuple[str, str, str]]:
    """Every prefix, content and suffix of every piece of a text that is long enough."""
    for length in range(_FEWEST, len(text) + 1):
        for first in range(len(text) - length + 1):
            cut = text[first : first + length]
            for start in range(length):
                for end in range(start + 1, length + 1):
                    yield cut[:start], cut[start:end], cut[end:]


@cache
def _made_by() -> Mapping[Pair, frozenset[str]]:
    """Of each pair that can come of the document `_LETTERS[:_N_SHORT]`, the layouts that make it."""
    found: dict[Pair, set[str]] = {}
    for parts in _pieces(_LETTERS[:_N_SHORT]):
        for name, layout in _LAYOUTS.items():
            for pair in layout(*parts):
                found.setdefault(pair, set()).add(name)
    return {pair: frozenset(names) for pair, names in found.items()}


def _pairs(corruption: SpanCorruption, document: str, block_size: int, count: int, seed: int) -> list[Pair]:
    """Corruptions of a document as texts; none if one of them is not as it should be on the outside."""
    character_of = {i: character for character, i in corruption.ids_of([document]).items()}
    found = []
    for value in corruption.draw([document], 0, block_size, count, seed):
        texts = [_text(ids, block_size, character_of) for ids in value] if isinstance(value, (tuple, list)) else []
        if len(texts) != 2 or "" in texts:
            return []
        found.append((texts[0], texts[1]))
    return found


def _text(ids: Any, length: int, character_of: Mapping[int, str]) -> str:
    if not isinstance(ids, Tensor) or ids.dtype is not torch.int64 or ids.shape != (length,):
        return ""
    characters = [character_of.get(i) for i in ids.tolist()]
    return "".join(character for character in characters if character) if all(characters) else ""


def _ask_layout(corruption: SpanCorruption, rng: random.Random) -> Asked:
    """The layout that can have made every pair; "" if it is none that is known, or one of several."""
    document = "".join(rng.sample(_LETTERS, _N_SHORT))  # no letter comes twice: each piece is told by its letters
    names = str.maketrans(document, _LETTERS[:_N_SHORT])
    pairs = _pairs(corruption, document, _SHORT, _DRAWS, rng.getrandbits(32))
    sets = [_made_by().get((x.translate(names), y.translate(names)), frozenset()) for x, y in pairs]
    common = frozenset.intersection(*sets) if sets else frozenset()
    got = "right" if "right" in common else next(iter(common)) if len(common) == 1 else ""
    return Asked(got, ["right"], None)


def _ask_lengths(corruption: SpanCorruption, rng: random.Random) -> Asked:
    """Whether every cut is the longest, every span a quarter, every span at the start; None where no layout is right."""
    document = "".join(rng.choice(_LETTERS) for _ in range(2 * _LONG))
    lengths = set()
    for x, y in _pairs(corruption, document, _LONG, _MANY, rng.getrandbits(32)):
        parts = (x + y[-1]).rstrip(PAD).split(MASK)
        if len(parts) != 3 or y[:-1] != x[1:]:
            return Asked(None, [_VARIED], None)
        lengths.add((len(parts[0]), len(parts[1]), len(parts[2])))
    if len(lengths) < _MANY // 10:  # always the same, or nothing
        return Asked(None, [_VARIED], None)
    cuts = {sum(each) for each in lengths}
    got = [
        len(cuts) == 1 and min(cuts) >= int(_LONG * 7 / 8),
        all(abs(content - (prefix + suffix + content) / 4) < 1 for prefix, suffix, content in lengths),
        all(prefix == 0 for prefix, _, _ in lengths),
    ]
    return Asked(got, [_VARIED], None)


_VARIED = [False, False, False]  # of cut, length and place of the span: no rule


def _is(name: str) -> Callable[[None], str]:
    return lambda _: name


BANK = Bank(
    "span_corruption",
    (
        Probe(
            _ask_layout,
            {
                Misconception(
                    "not_shifted",
                    "Your x and y are the same sequence. y is x one step ahead: at each place it holds the next character.",
                    "At each place of x the model predicts what y holds there: say what that should be.",
                ): _is("not_shifted"),
                Misconception(
                    "y_keeps_only_the_content",
                    "Your y is empty before the content. "
                    "y is the whole sequence one step ahead of x, prefix and suffix included.",
                    "Compare y[:-1] with x[1:].",
                ): _is("y_keeps_only_the_content"),
                Misconception(
                    "mask_for_each_character",
                    f"You put one {MASK} for each hidden character. A single {MASK} stands for the whole span: "
                    f"prefix {MASK} suffix {MASK} content.",
                    f"Count the {MASK} in a text with a long span, and think of what their number gives away.",
                ): _is("mask_for_each_character"),
                Misconception(
                    "no_mask_at_the_gap",
                    f"There is no {MASK} where the content was taken out. The text reads prefix {MASK} suffix {MASK} content.",
                    "Ask how a reader of your text could tell where the content belongs.",
                ): _is("no_mask_at_the_gap"),
                Misconception(
                    "one_mask_only",
                    f"There is no {MASK} between suffix and content. The text reads prefix {MASK} suffix {MASK} content.",
                    "Ask how a reader of your text could tell where the content begins.",
                ): _is("one_mask_only"),
                Misconception(
                    "content_stays_in_place",
                    f"Your content stands where it was, before the suffix. It moves to the end: "
                    f"prefix {MASK} suffix {MASK} content.",
                    "Ask which part of your text the model can only know once it has read all the rest.",
                ): _is("content_stays_in_place"),
                Misconception(
                    "padded_on_the_left",
                    f"Your padding stands before the text. It follows it: prefix {MASK} suffix {MASK} content {PAD}…{PAD}.",
                    f"Look at which end of a short text has the {PAD}.",
                ): _is("padded_on_the_left"),
            },
        ),
        Probe(
            _ask_lengths,
            {
                Misconception(
                    "always_the_longest_cut",
                    "You cut a long document to the same length each time. "
                    "The length is random, from 4 to int(block_size · 7/8).",
                    "Corrupt one long document several times and compare the lengths without masks and padding.",
                ): lambda _: [True, False, False],
                Misconception(
                    "span_always_a_quarter",
                    "Your content is exactly a quarter of the text each time. "
                    "Its length is random; a quarter is what it has on average.",
                    "Read again what is random here, and what is said of its mean.",
                ): lambda _: [False, True, False],
                Misconception(
                    "span_at_the_start",
                    "Your content is always taken from the start of the text, so that there is no prefix. "
                    "Its place is random: it may stand anywhere.",
                    "Corrupt one text several times and look at the part before the first mask.",
                ): lambda _: [False, False, True],
            },
            cases=4,
        ),
    ),
)
