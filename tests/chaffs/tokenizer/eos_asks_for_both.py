"""<bos> comes in front when <eos> is asked for.

rejected by: tokenizer.specials_on_request
"""

import re


def split(text):
    return re.findall(r"\w+|[^\w\s]", text)


def checked(ids, size):
    ids = [int(i) for i in ids]
    for i in ids:
        if i < 0 or i >= size:
            raise ValueError(f"unknown id {i}")
    return ids


class CharTokenizer:
    def __init__(self, text):
        self.vocab = sorted(set(text))
        self.stoi = {c: i for i, c in enumerate(self.vocab)}

    def encode(self, text):
        unknown = [c for c in text if c not in self.stoi]
        if unknown:
            raise ValueError(f"unknown character {unknown[0]!r}")
        return [self.stoi[c] for c in text]

    def decode(self, ids):
        return "".join(self.vocab[i] for i in checked(ids, len(self.vocab)))


class WordTokenizer:
    def __init__(self, text, max_vocab=None):
        if max_vocab is not None and max_vocab < 4:
            raise ValueError("max_vocab must leave room for the specials")
        counts = {}
        for word in split(text):
            counts[word] = counts.get(word, 0) + 1
        words = sorted(counts, key=lambda word: -counts[word])
        self.vocab = (["<pad>", "<unk>", "<bos>", "<eos>"] + words)[:max_vocab]
        self.stoi = {word: i for i, word in enumerate(self.vocab)}

    def encode(self, text, bos=False, eos=False):
        ids = [self.stoi.get(word, 1) for word in split(text)]
        if eos:
            ids = [2] + ids
        if eos:
            ids = ids + [3]
        return ids

    def decode(self, ids):
        ids = checked(ids, len(self.vocab))
        return " ".join(self.vocab[i] for i in ids if i not in (0, 2, 3))
