"""A pipeline of a splitter, a word-level model with an unknown token, a template for the specials and a decoder."""

import re
from dataclasses import dataclass, field


class Splitter:
    def __init__(self, pattern):
        self.pattern = re.compile(pattern)

    def pre_tokenize(self, text):
        return [(found.group(), found.span()) for found in self.pattern.finditer(text)]


class WordLevel:
    def __init__(self, tokens, unk_token=None):
        self.tokens = list(tokens)
        self.vocab = dict(zip(self.tokens, range(len(self.tokens))))
        self.unk_id = None if unk_token is None else self.vocab[unk_token]

    def token_to_id(self, token, special=False):
        id = self.vocab.get(token, self.unk_id)
        if not special and id in (0, 2, 3) and self.unk_id is not None:
            return self.unk_id
        if id is None:
            raise ValueError(f"{token!r} is not in the vocabulary")
        return id

    def id_to_token(self, id):
        if id not in range(len(self.tokens)):
            raise ValueError(f"id {id} is not in the vocabulary")
        return self.tokens[id]


@dataclass
class Pipeline:
    model: WordLevel
    splitter: Splitter
    separator: str
    hidden: set = field(default_factory=set)

    def encode(self, text, template="$"):
        ids = []
        for part in template.split():
            if part == "$":
                ids += [self.model.token_to_id(token) for token, span in self.splitter.pre_tokenize(text)]
            else:
                ids.append(self.model.token_to_id(part, special=True))
        return ids

    def decode(self, ids):
        tokens = [self.model.id_to_token(int(id)) for id in ids]
        return self.separator.join(token for token in tokens if token not in self.hidden)


class CharTokenizer:
    def __init__(self, text):
        self.pipeline = Pipeline(WordLevel(sorted(set(text))), Splitter(r"(?s)."), "")
        self.encode, self.decode = self.pipeline.encode, self.pipeline.decode

    @property
    def vocab(self):
        return self.pipeline.model.tokens


class WordTokenizer:
    specials = ["<pad>", "<unk>", "<bos>", "<eos>"]

    def __init__(self, text, max_vocab=None):
        if max_vocab is not None and max_vocab < 4:
            raise ValueError("max_vocab must be 4 or more")
        splitter = Splitter(r"\w+|[^\w\s]")
        self.vocab = self.specials + self.train(splitter, text)
        if max_vocab is not None:
            self.vocab = self.vocab[:max_vocab]
        self.pipeline = Pipeline(WordLevel(self.vocab, "<unk>"), splitter, " ", {"<pad>", "<bos>", "<eos>"})

    @staticmethod
    def train(splitter, text):
        places = {}
        for token, (start, _) in splitter.pre_tokenize(text):
            places.setdefault(token, []).append(start)
        return sorted(places, key=lambda token: (-len(places[token]), places[token][0]))

    def encode(self, text, bos=False, eos=False):
        return self.pipeline.encode(text, "<bos> " * bos + "$" + " <eos>" * eos)

    def decode(self, ids):
        return self.pipeline.decode(ids)
