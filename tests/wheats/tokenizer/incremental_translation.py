"""Generators and str.translate; unknown ids are found by the list itself."""

import re
from itertools import chain


class Vocabulary:
    def __init__(self, entries):
        self.vocab = list(entries)
        self.lookup = {entry: number for number, entry in enumerate(self.vocab)}

    def entry(self, number):
        number = int(number)
        if number < 0:
            raise ValueError(f"negative id {number}")
        try:
            return self.vocab[number]
        except IndexError:
            raise ValueError(f"id {number} is too large") from None


class CharTokenizer(Vocabulary):
    def __init__(self, text):
        super().__init__(sorted(frozenset(text)))

    def encode(self, text):
        if set(text) - self.lookup.keys():
            raise ValueError("the text has characters that are not in the vocabulary")
        return list(map(self.lookup.__getitem__, text))

    def decode(self, ids):
        return "".join(map(self.entry, ids))


class WordTokenizer(Vocabulary):
    pattern = re.compile(r"\w+|[^\w\s]")

    def __init__(self, text, max_vocab=None):
        if max_vocab is not None and max_vocab < 4:
            raise ValueError(f"max_vocab is {max_vocab}; 4 is the least")
        tokens = self.pattern.findall(text)
        unique = list(dict.fromkeys(tokens))
        unique.sort(key=tokens.count, reverse=True)  # reverse keeps equal ones in order
        super().__init__(list(chain(("<pad>", "<unk>", "<bos>", "<eos>"), unique))[:max_vocab])

    def encode(self, text, bos=False, eos=False):
        tokens = self.pattern.findall(text)
        numbers = (self.lookup[token] if token in self.lookup else 1 for token in tokens)
        return list(chain([2] if bos else (), numbers, [3] if eos else ()))

    def decode(self, ids):
        shown = (self.entry(number) for number in ids)
        return " ".join(word for word in shown if word not in ("<pad>", "<bos>", "<eos>"))
