"""The pattern describes where one token ends and the next begins, and the text is split there."""

import re

SPECIALS = ("<pad>", "<unk>", "<bos>", "<eos>")


class GapTokenizer:
    def __init__(self, pattern, flags=re.UNICODE | re.MULTILINE | re.DOTALL):
        self.regexp = re.compile(pattern, flags)

    def tokenize(self, text):
        return [piece for piece in self.regexp.split(text) if piece]


class CharTokenizer:
    def __init__(self, text):
        # a gap before every character
        self.vocab = sorted(set(GapTokenizer(r"(?=.)").tokenize(text)))

    def encode(self, text):
        return [self.vocab.index(character) for character in text]

    def decode(self, ids):
        return "".join(lookup(self.vocab, i) for i in ids)


class WordTokenizer:
    splitter = GapTokenizer(r"\s+|(?<=[^\w\s])|(?=[^\w\s])")

    def __init__(self, text, max_vocab=None):
        if max_vocab is not None and max_vocab < len(SPECIALS):
            raise ValueError(f"max_vocab={max_vocab} has no room for {SPECIALS}")
        ranks = {}
        for place, word in enumerate(self.splitter.tokenize(text)):
            count, first = ranks.get(word, (0, place))
            ranks[word] = (count - 1, first)  # the smallest pair is the most frequent word that came first
        self.vocab = [*SPECIALS, *sorted(ranks, key=ranks.get)]
        if max_vocab is not None:
            del self.vocab[max_vocab:]
        self.ids = {word: i for i, word in enumerate(self.vocab) if i >= len(SPECIALS)}

    def encode(self, text, bos=False, eos=False):
        ids = [self.ids.get(word, 1) for word in self.splitter.tokenize(text)]
        if bos:
            ids.insert(0, 2)
        if eos:
            ids.append(3)
        return ids

    def decode(self, ids):
        words = [(int(i), lookup(self.vocab, i)) for i in ids]
        return " ".join(word for i, word in words if i not in {0, 2, 3})


def lookup(vocab, i):
    if not 0 <= i < len(vocab):
        raise ValueError(f"no token has the id {int(i)}")
    return vocab[i]
