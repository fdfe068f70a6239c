"""Misconceptions of the tokenizers."""

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ..oracles import tokenizer as oracle
from ..tasks import Tokenizer
from ..verdict import Misconception
from .bank import Asked, Bank, Probe, all_differ

_SPECIALS = ["<pad>", "<unk>", "<bos>", "<eos>"]
_WORDS = ("a", "bird", "cat", "dog", "egg", "fish", "goat", "hen", "ink", "jar")
_MARKS = (".", ",", "!")
_LETTERS = "abcdefghijklmnopqrstuvwxyz ABCDEFGH.,"


@dataclass(frozen=True)
class Case:
    """What a tokenizer of words is made of, and what it is asked.

    Attributes:
        text: the vocabulary is taken from it.
        other: a text to encode.
        ids: ids to decode.
        max_vocab: the size asked for.
    """

    text: str
    other: str = ""
    ids: tuple[int, ...] = ()
    max_vocab: int | None = None


def _text(rng: random.Random) -> str:
    """Some words come once, others several times; some begin with a capital, some have a mark behind them."""
    several = rng.sample(_WORDS, 6)
    words = [word for word, n in zip(several, (4, 3, 2, 2, 1, 1), strict=True) for _ in range(n)]
    rng.shuffle(words)
    written = [word.capitalize() if rng.random() < 0.3 else word for word in words]
    return " ".join(word + (rng.choice(_MARKS) if rng.random() < 0.3 else "") for word in written)


def _ask_characters(tokenizer: Tokenizer, rng: random.Random) -> Asked:
    text = "".join(rng.sample(_LETTERS, 9))
    return Asked(tokenizer.vocab("characters", text), [oracle.vocab("characters", text)], text)


def _ask_words(tokenizer: Tokenizer, rng: random.Random) -> Asked:
    """A text of which each variant makes another vocabulary."""
    while True:
        case = Case(_text(rng))
        right = oracle.vocab("words", case.text)
        if all_differ([right, *(answer(case) for answer in _OF_VOCABULARIES.values())]):
            return Asked(tokenizer.vocab("words", case.text), [right], case)


def _ask_max_vocab(tokenizer: Tokenizer, rng: random.Random) -> Asked:
    case = Case(_text(rng), max_vocab=rng.choice([5, 6, 7]))
    right = oracle.vocab("words", case.text, case.max_vocab)
    return Asked(tokenizer.vocab("words", case.text, case.max_vocab), [right], case)


def _ask_encode(tokenizer: Tokenizer, rng: random.Random) -> Asked:
    """Known words, and unknown ones between them."""
    text = _text(rng)
    other = [*rng.sample(text.split(), 4), "yak", "zebra"]
    rng.shuffle(other)
    case = Case(text, " ".join(other))
    [got] = tokenizer.encode("words", text, [case.other])
    return Asked(got, [oracle.encode("words", text, case.other)], case)


def _ask_decode(tokenizer: Tokenizer, rng: random.Random) -> Asked:
    """Specials in front of words, behind them and between them."""
    text = _text(rng)
    known = range(len(_SPECIALS), len(oracle.vocab("words", text)))
    ids = (2, *rng.sample(known, 2), rng.choice([0, 3]), *rng.sample(known, 2), 3, 0, 0)
    [got] = tokenizer.decode("words", text, [list(ids)])
    return Asked(got, [oracle.decode("words", text, ids)], Case(text, ids=ids))


def _vocabulary(split: Callable[[str], list[str]]) -> Callable[[Case], list[str]]:
    """A variant that cuts a text in tokens in a way of its own."""
    return lambda case: [*_SPECIALS, *(word for word, _ in Counter(split(case.text)).most_common())]


def _split(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text)


def _sorted(key: Callable[[tuple[str, int]], tuple[int, str]]) -> Callable[[Case], list[str]]:
    """A variant that orders the tokens, each with its count, in a way of its own."""
    return lambda case: [*_SPECIALS, *(word for word, _ in sorted(Counter(_split(case.text)).items(), key=key))]


_OF_VOCABULARIES: dict[Misconception, Callable[[Case], list[str]]] = {
    Misconception(
        "splits_at_spaces_only",
        "You split texts at white space only, so that “end.” is one token. A punctuation mark is a token of its own.",
        "Look at the tokens of a sentence that ends with a full stop.",
    ): _vocabulary(str.split),
    Misconception(
        "lower_cases",
        "You make all letters small. Upper and lower case differ: “The” and “the” are two tokens.",
        "Look for the place where a text is changed before it is split.",
    ): _vocabulary(lambda text: _split(text.lower())),
    Misconception(
        "drops_punctuation",
        "Your tokens are words only, and punctuation is lost. A punctuation mark is a token of its own.",
        "Encode and decode a sentence with a comma in it and compare.",
    ): _vocabulary(lambda text: re.findall(r"\w+", text)),
    Misconception(
        "alphabetical",
        "You order the vocabulary by the alphabet. It goes from the most to the least frequent token, "
        "equally frequent ones as first seen.",
        "Read again what decides which token gets the smallest id.",
    ): _sorted(lambda item: (0, item[0])),
    Misconception(
        "ties_alphabetically",
        "You order equally frequent tokens by the alphabet. They stand in the order in which they are first seen.",
        "Look at what your sort compares when two counts are equal.",
    ): _sorted(lambda item: (-item[1], item[0])),
}


def _specials_not_counted(case: Case) -> list[str]:
    return oracle.vocab("words", case.text)[: len(_SPECIALS) + (case.max_vocab or 0)]


def _unknown_dropped(case: Case) -> list[int]:
    return [i for i in oracle.encode("words", case.text, case.other) if i != 1]


def _specials_shown(case: Case) -> str:
    vocabulary = oracle.vocab("words", case.text)
    return " ".join(vocabulary[i] for i in case.ids)


BANK = Bank(
    "tokenizer",
    (
        Probe(
            _ask_characters,
            {
                Misconception(
                    "characters_as_first_seen",
                    "CharTokenizer numbers the characters as they are first seen. "
                    "They are sorted, in the order of their code points.",
                    "Make a tokenizer of “cab” and look at its vocabulary.",
                ): lambda text: list(dict.fromkeys(text)),
            },
            requires=frozenset({"characters"}),
        ),
        Probe(_ask_words, _OF_VOCABULARIES, requires=frozenset({"words"})),
        Probe(
            _ask_max_vocab,
            {
                Misconception(
                    "specials_not_counted",
                    "Your max_vocab counts the words alone, so that the vocabulary is four too large. "
                    "The four specials are included in it.",
                    "Compare the length of your vocabulary with max_vocab.",
                ): _specials_not_counted,
            },
            requires=frozenset({"words"}),
        ),
        Probe(
            _ask_encode,
            {
                Misconception(
                    "unknown_words_dropped",
                    "encode leaves out words that are not in the vocabulary. Each of them becomes the id of <unk>, 1.",
                    "Encode a text of three unknown words and count the ids.",
                ): _unknown_dropped,
            },
            requires=frozenset({"words"}),
        ),
        Probe(
            _ask_decode,
            {
                Misconception(
                    "specials_shown",
                    "decode shows <pad>, <bos> and <eos> in the text. "
                    "It drops them, wherever they stand, and shows <unk> only.",
                    "Read again which specials a decoded text may contain.",
                ): _specials_shown,
            },
            requires=frozenset({"words"}),
        ),
    ),
)
