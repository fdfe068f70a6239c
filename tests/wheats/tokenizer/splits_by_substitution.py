"""Puts spaces around punctuation, splits at white space, and keeps two separate tables."""

import re
from collections import defaultdict

import torch


class CharTokenizer:
    def __init__(self, text):
        self.vocab = list(sorted(dict.fromkeys(text)))
        self.table = defaultdict(lambda: -1, ((c, n) for n, c in enumerate(self.vocab)))

    def encode(self, text):
        ids = [self.table[c] for c in text]
        if -1 in ids:
            raise ValueError("unknown character: " + text[ids.index(-1)])
        return ids

    def decode(self, ids):
        ids = torch.as_tensor(ids, dtype=torch.long)
        if len(ids) and not (0 <= ids.min() and ids.max() < len(self.vocab)):
            raise ValueError("unknown id")
        return "".join(map(self.vocab.__getitem__, ids))


class WordTokenizer:
    PAD, UNK, BOS, EOS = range(4)

    def __init__(self, text, max_vocab=None):
        assert max_vocab is None or max_vocab >= 4
        words = self._split(text)
        first = {}
        for place, word in enumerate(words):
            first.setdefault(word, place)
        frequency = defaultdict(int)
        for word in words:
            frequency[word] += 1
        ordered = sorted(first, key=lambda word: (-frequency[word], first[word]))
        limit = len(ordered) if max_vocab is None else max_vocab - 4
        self.vocab = ["<pad>", "<unk>", "<bos>", "<eos>", *ordered[:limit]]
        self.table = {word: n for n, word in enumerate(ordered[:limit], start=4)}

    def _split(self, text):
        return re.sub(r"([^\w\s])", r" \1 ", text).split()

    def encode(self, text, bos=False, eos=False):
        middle = [self.table[word] if word in self.table else self.UNK for word in self._split(text)]
        return [self.BOS] * bool(bos) + middle + [self.EOS] * bool(eos)

    def decode(self, ids):
        words = []
        for i in torch.as_tensor(ids).long().tolist():
            if not 0 <= i < len(self.vocab):
                raise ValueError(f"id {i} is not in the vocabulary")
            if i not in (self.PAD, self.BOS, self.EOS):
                words.append(self.vocab[i])
        return " ".join(words)
