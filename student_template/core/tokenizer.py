"""Tokenizers at the level of characters and of words.

Source: characters as in Karpathy's char-rnn and minGPT: ids are the places in the sorted alphabet. Words: a
vocabulary by frequency with a token for unknown words, as in Bengio et al. 2003, "A Neural Probabilistic Language
Model", section 4.
"""

import re
from collections import Counter
from collections.abc import Sequence

from torch import Tensor


class CharTokenizer:
    """One id for each character of a text: 0 … V−1, in the order of their code points. No special tokens.

    Args:
        text: what the alphabet is taken from.

    Attributes:
        vocab: the character of each id.
    """

    vocab: list[str]

    def __init__(self, text: str) -> None:
        raise NotImplementedError("CharTokenizer: self.vocab = the sorted characters; prepare what encode needs")

    def encode(self, text: str) -> list[int]:
        """Give each character's id, as Python ints.

        Raises:
            ValueError: a character is not in the vocabulary.
        """
        raise NotImplementedError("CharTokenizer.encode: the id of each character; ValueError for unknown ones")

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """Put the characters of the ids together: the inverse of `encode`.

        Args:
            ids: a list of ints, or an integer tensor (T,).

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        raise NotImplementedError("CharTokenizer.decode: join the characters of the ids, in a list or a tensor")


class WordTokenizer:
    """One id for each word or punctuation mark of a text, and one for all unknown ones.

    A token is a run of letters, digits and underscores, or any other single character that is not white space: the
    matches of the regular expression \\w+|[^\\w\\s]. Upper and lower case differ.

    Ids 0 to 3 are <pad>, <unk>, <bos>, <eos>; then come the text's tokens from most to least frequent, equally frequent
    ones in the order in which they are first seen. The vocabulary never changes after construction.

    Args:
        text: what the vocabulary is taken from.
        max_vocab: size of the vocabulary at most, the four specials included; None = all tokens.

    Attributes:
        vocab: the token of each id.

    Raises:
        ValueError: `max_vocab` leaves no room for the specials.
    """

    specials = ("<pad>", "<unk>", "<bos>", "<eos>")
    vocab: list[str]

    def __init__(self, text: str, max_vocab: int | None = None) -> None:
        if max_vocab is not None and max_vocab < len(self.specials):
            raise ValueError(f"max_vocab must be at least {len(self.specials)}, got max_vocab={max_vocab}")
        raise NotImplementedError("WordTokenizer: self.vocab = specials, then tokens by frequency")

    def encode(self, text: str, bos: bool = False, eos: bool = False) -> list[int]:
        """Give each token's id, as Python ints; 1 for a token that is not in the vocabulary.

        Args:
            text: any string. A special's name in it is text like any other.
            bos: put the id of <bos> in front.
            eos: put the id of <eos> at the end.
        """
        raise NotImplementedError("WordTokenizer.encode: the id of each token, 1 for unknown ones; specials on request")

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """Join the tokens of the ids by single spaces. <pad>, <bos>, <eos> are dropped anywhere; <unk> is shown.

        Args:
            ids: a list of ints, or an integer tensor (T,).

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        raise NotImplementedError("WordTokenizer.decode: join the tokens with spaces, without <pad>, <bos>, <eos>")


def _words(text: str) -> list[str]:
    """Cut a text in words and punctuation marks."""
    raise NotImplementedError("_words: the matches of the regular expression, in order")


def _look_up(vocab: list[str], ids: Sequence[int] | Tensor) -> list[str]:
    """Give the vocabulary's entry for each id.

    Raises:
        ValueError: an id is below 0 or not below the vocabulary's size.
    """
    raise NotImplementedError("_look_up: the entry of each id; an id outside of the vocabulary is a ValueError")
