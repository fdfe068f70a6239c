"""Characters by numpy.unique of code points, words by repeated removal of the most frequent one."""

import re

import numpy as np


class CharTokenizer:
    def __init__(self, text):
        self.codes = np.unique(np.array([ord(c) for c in text], dtype=np.int64))
        self.vocab = [chr(code) for code in self.codes]

    def encode(self, text):
        codes = np.array([ord(c) for c in text], dtype=np.int64)
        places = np.searchsorted(self.codes, codes)
        known = np.isin(codes, self.codes)
        if not known.all():
            raise ValueError(f"unknown character {text[int(np.argmin(known))]!r}")
        return places.tolist()

    def decode(self, ids):
        ids = np.asarray(ids, dtype=np.int64)
        if ((ids < 0) | (ids >= len(self.vocab))).any():
            raise ValueError("an id lies outside of the vocabulary")
        return "".join(self.vocab[i] for i in ids)


class WordTokenizer:
    def __init__(self, text, max_vocab=None):
        if max_vocab is not None and max_vocab < 4:
            raise ValueError("max_vocab < 4")
        left = re.findall(r"\w+|[^\w\s]", text)
        counts = {}
        for word in left:
            counts[word] = counts.get(word, 0) + 1
        self.vocab = ["<pad>", "<unk>", "<bos>", "<eos>"]
        while counts and (max_vocab is None or len(self.vocab) < max_vocab):
            best = max(counts, key=counts.get)  # the first of the most frequent ones
            self.vocab.append(best)
            del counts[best]
        self.index = {word: n for n, word in enumerate(self.vocab)}

    def encode(self, text, bos=False, eos=False):
        ids = [self.index.get(word, 1) for word in re.findall(r"\w+|[^\w\s]", text)]
        return ([2] if bos else []) + ids + ([3] if eos else [])

    def decode(self, ids):
        ids = np.asarray(ids, dtype=np.int64)
        if ((ids < 0) | (ids >= len(self.vocab))).any():
            raise ValueError("an id lies outside of the vocabulary")
        return " ".join(self.vocab[i] for i in ids[~np.isin(ids, [0, 2, 3])])
