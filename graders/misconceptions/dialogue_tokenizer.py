"""Misconceptions of the tokenizer of dialogues."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from ..strategies.dialogue import PAD, SPECIALS, START, UNK
from ..tasks import DialogueTokenizer
from ..verdict import Misconception
from .bank import Asked, Bank, Probe

# words that every tokenizer of NLTK's kind leaves as they are
_KNOWN = ("King", "Queen", "garden", "tower", "my", "the", "of", "gentle", "walks", "lost")
_UNKNOWN = ("zebra", "Ship", "quill", "ladder")
_MARKS = (",", ";", "!", "?")


@dataclass(frozen=True)
class Case:
    """What a tokenizer is made of, and what it encodes or decodes.

    Attributes:
        raw: the tokens that the vocabulary is taken from.
        words: those of the text to encode, each with the mark that follows it.
        ids: ids to decode.
    """

    raw: list[str]
    words: list[tuple[str, str]]
    ids: list[int]

    @property
    def vocabulary(self) -> list[str]:
        """The token of each id."""
        return [*SPECIALS, *sorted(set(self.raw))]

    @property
    def tokens(self) -> list[str]:
        """Those of the text to encode."""
        return [token for pair in self.words for token in pair if token]

    def encoded(self, tokens: list[str]) -> list[int]:
        """The start token, then the id of each token."""
        names = self.vocabulary
        return [START, *(names.index(token) if token in names else UNK for token in tokens)]


def _case(rng: random.Random) -> Case:
    raw = [*rng.sample(_KNOWN, 8), *_MARKS]
    rng.shuffle(raw)
    words = [*rng.sample([word for word in raw if word not in _MARKS], 5), *rng.sample(_UNKNOWN, 2)]
    rng.shuffle(words)
    n_marked = rng.choice([2, 3])
    marks = [rng.choice(_MARKS) for _ in range(n_marked)] + [""] * (len(words) - n_marked)
    rng.shuffle(marks)
    known = range(len(SPECIALS), len(SPECIALS) + len(raw))
    ids = [START, *rng.sample(known, 3), UNK, *rng.sample(known, 2), PAD, PAD]
    return Case(raw, list(zip(words, marks, strict=True)), ids)


def _ask_encode(tokenizer: DialogueTokenizer, rng: random.Random) -> Asked:
    """Known and unknown words, some with a mark behind them and some with capitals."""
    while True:
        case = _case(rng)
        if any(word != word.lower() and word in case.raw for word, _ in case.words):
            break
    text = " ".join(word + mark for word, mark in case.words)
    return Asked(_ids(tokenizer.encode(" ".join(case.raw), [text])[0]), [case.encoded(case.tokens)], case)


def _ask_decode(tokenizer: DialogueTokenizer, rng: random.Random) -> Asked:
    """Special tokens before and behind words, and between them."""
    case = _case(rng)
    [got] = tokenizer.decode(" ".join(case.raw), [tokenizer.as_it_likes(case.ids)])
    return Asked(got, [" ".join(case.vocabulary[i] for i in case.ids)], case)


def _ids(value: Any) -> Any:
    """Ids in a list, where they come in an array or a tensor."""
    return value.tolist() if isinstance(value, (Tensor, np.ndarray)) else value


BANK = Bank(
    "dialogue_tokenizer",
    (
        Probe(
            _ask_encode,
            {
                Misconception(
                    "no_start_token",
                    "encode gives the words alone. The id of the start token, 0, stands in front of them.",
                    "Read again what every encoded text begins with.",
                ): lambda case: case.encoded(case.tokens)[1:],
                Misconception(
                    "splits_at_spaces",
                    "encode splits the text at spaces, so that punctuation sticks to words and these become unknown. "
                    "Tokens are those of word_tokenize, as in the vocabulary.",
                    "Compare how the given constructor splits its text with how you split yours.",
                ): lambda case: case.encoded([word + mark for word, mark in case.words]),
                Misconception(
                    "unknown_words_dropped",
                    "encode leaves out words that are not in the vocabulary. "
                    "Each of them becomes the id of the unknown token, 2.",
                    "Encode a text of three unknown words and count the ids.",
                ): lambda case: [i for i in case.encoded(case.tokens) if i != UNK],
                Misconception(
                    "lower_cases",
                    "encode makes all letters small, which those of the vocabulary are not: “King” becomes unknown. "
                    "Upper and lower case differ.",
                    "Look at the vocabulary and find a word in it with a capital.",
                ): lambda case: case.encoded([token.lower() for token in case.tokens]),
            },
        ),
        Probe(
            _ask_decode,
            {
                Misconception(
                    "joined_without_spaces",
                    "decode joins the tokens without anything between them. There is a space between each two.",
                    "Look at what stands between two words of a decoded text.",
                ): lambda case: "".join(case.vocabulary[i] for i in case.ids),
                Misconception(
                    "special_tokens_hidden",
                    "decode leaves the special tokens out. They are shown like all other tokens.",
                    "Decode the ids 0 to 5 and count the tokens that come.",
                ): lambda case: " ".join(case.vocabulary[i] for i in case.ids if i not in (START, PAD, UNK)),
            },
        ),
    ),
)
