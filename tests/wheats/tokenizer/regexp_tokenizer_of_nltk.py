"""nltk's RegexpTokenizer finds the tokens."""

from collections import Counter

from nltk.tokenize import RegexpTokenizer

SPECIALS = ["<pad>", "<unk>", "<bos>", "<eos>"]
TOKENIZER = RegexpTokenizer(r"\w+|[^\w\s]")


class Base:
    def _invert(self):
        self._ids = dict(zip(self.vocab, range(len(self.vocab))))

    def _entries(self, ids):
        ids = ids.tolist() if hasattr(ids, "tolist") else list(ids)
        if any(not 0 <= i < len(self.vocab) for i in ids):
            raise ValueError("an id is not in the vocabulary")
        return [(i, self.vocab[i]) for i in ids]


class CharTokenizer(Base):
    def __init__(self, text):
        self.vocab = [chr(code) for code in sorted({ord(character) for character in text})]
        self._invert()

    def encode(self, text):
        try:
            return [self._ids[character] for character in text]
        except KeyError as error:
            raise ValueError(f"not in the vocabulary: {error}") from None

    def decode(self, ids):
        return "".join(entry for _, entry in self._entries(ids))


class WordTokenizer(Base):
    def __init__(self, text, max_vocab=None):
        n_words = None if max_vocab is None else max_vocab - len(SPECIALS)
        if n_words is not None and n_words < 0:
            raise ValueError("max_vocab is too small for the specials")
        counter = Counter(TOKENIZER.tokenize(text))
        self.vocab = SPECIALS + [word for word, count in counter.most_common(n_words)]
        self._invert()

    def encode(self, text, bos=False, eos=False):
        ids = [2] if bos else []
        ids.extend(self._ids.get(token, 1) for token in TOKENIZER.tokenize(text))
        ids.extend([3] if eos else [])
        return ids

    def decode(self, ids):
        return " ".join(entry for i, entry in self._entries(ids) if i == 1 or i > 3)
