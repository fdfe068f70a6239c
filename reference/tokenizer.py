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
        # <solution> CharTokenizer: self.vocab = the sorted characters; prepare what encode needs
        self.vocab = sorted(set(text))
        self._id_of = {character: i for i, character in enumerate(self.vocab)}
        # </solution>

    def encode(self, text: str) -> list[int]:
        """Give each character's id, as Python ints.

        Raises:
            ValueError: a character is not in the vocabulary.
        """
        # <solution> CharTokenizer.encode: the id of each character; ValueError for unknown ones
        for place, character in enumerate(text):
            if character not in self._id_of:
                raise ValueError(f"character {character!r} at place {place} is not in the vocabulary")
        return [self._id_of[character] for character in text]
        # </solution>

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """Put the characters of the ids together: the inverse of `encode`.

        Args:
            ids: a list of ints, or an integer tensor (T,).

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        # <solution> CharTokenizer.decode: join the characters of the ids, in a list or a tensor
        return "".join(_look_up(self.vocab, ids))
        # </solution>


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
        # <solution> WordTokenizer: self.vocab = specials, then tokens by frequency
        by_frequency = Counter(_words(text)).most_common()  # equal counts: in the order first seen
        self.vocab = [*self.specials, *(word for word, _ in by_frequency)][:max_vocab]
        self._id_of = {word: i for i, word in enumerate(self.vocab)}
        # </solution>

    def encode(self, text: str, bos: bool = False, eos: bool = False) -> list[int]:
        """Give each token's id, as Python ints; 1 for a token that is not in the vocabulary.

        Args:
            text: any string. A special's name in it is text like any other.
            bos: put the id of <bos> in front.
            eos: put the id of <eos> at the end.
        """
        # <solution> WordTokenizer.encode: the id of each token, 1 for unknown ones; specials on request
        _, unk, bos_id, eos_id = range(len(self.specials))
        ids = [self._id_of.get(word, unk) for word in _words(text)]
        return [bos_id] * bos + ids + [eos_id] * eos
        # </solution>

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """Join the tokens of the ids by single spaces. <pad>, <bos>, <eos> are dropped anywhere; <unk> is shown.

        Args:
            ids: a list of ints, or an integer tensor (T,).

        Raises:
            ValueError: an id is not in the vocabulary.
        """
        # <solution> WordTokenizer.decode: join the tokens with spaces, without <pad>, <bos>, <eos>
        return " ".join(word for word in _look_up(self.vocab, ids) if word not in ("<pad>", "<bos>", "<eos>"))
        # </solution>


def _words(text: str) -> list[str]:
    """Cut a text in words and punctuation marks."""
    # <solution> _words: the matches of the regular expression, in order
    return re.findall(r"\w+|[^\w\s]", text)
    # </solution>


def _look_up(vocab: list[str], ids: Sequence[int] | Tensor) -> list[str]:
    """Give the vocabulary's entry for each id.

    Raises:
        ValueError: an id is below 0 or not below the vocabulary's size.
    """
    # <solution> _look_up: the entry of each id; an id outside of the vocabulary is a ValueError
    numbers = [int(i) for i in ids]
    for number in numbers:
        if not 0 <= number < len(vocab):  # a negative one would count from the end
            raise ValueError(f"id {number} is not in the vocabulary of {len(vocab)}")
    return [vocab[number] for number in numbers]
    # </solution>
