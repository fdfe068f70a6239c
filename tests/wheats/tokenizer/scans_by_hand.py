"""Scans character by character; dictionaries in both directions; exceptions for what is unknown."""

class CharTokenizer:
    def __init__(self, text):
        self.vocab = []
        for character in text:
            if character not in self.vocab:
                self.vocab.append(character)
        self.vocab.sort()

    def encode(self, text):
        return [self.vocab.index(character) for character in text]

    def decode(self, ids):
        itos = dict(enumerate(self.vocab))
        text = ""
        for i in ids:
            if int(i) not in itos:
                raise ValueError(i)
            text += itos[int(i)]
        return text


class WordTokenizer:
    def __init__(self, text, max_vocab=None):
        seen, counts = [], {}
        for word in self.cut(text):
            if word not in counts:
                seen.append(word)
                counts[word] = 0
            counts[word] += 1
        ranked = sorted(range(len(seen)), key=lambda n: (-counts[seen[n]], n))
        self.vocab = ["<pad>", "<unk>", "<bos>", "<eos>"]
        for n in ranked:
            if max_vocab is None or len(self.vocab) < max_vocab:
                self.vocab.append(seen[n])
        self.itos = dict(enumerate(self.vocab))
        self.stoi = {word: i for i, word in self.itos.items()}

    @staticmethod
    def cut(text):
        words, current = [], ""
        for character in text + " ":
            if character.isalnum() or character == "_":
                current += character
                continue
            if current:
                words.append(current)
                current = ""
            if not character.isspace():
                words.append(character)
        return words

    def encode(self, text, bos=False, eos=False):
        ids = []
        if bos:
            ids.append(self.stoi["<bos>"])
        for word in self.cut(text):
            try:
                ids.append(self.stoi[word])
            except KeyError:
                ids.append(self.stoi["<unk>"])
        if eos:
            ids.append(self.stoi["<eos>"])
        return ids

    def decode(self, ids):
        hidden = {"<pad>", "<bos>", "<eos>"}
        return " ".join(self.itos[int(i)] for i in ids if self.itos[int(i)] not in hidden)
