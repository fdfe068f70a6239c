"""The span length is uniform from 1 to just under half of the cut text, the padding is counted by hand."""

import torch


MASK, PAD = "\u2047", "\u25a1"


def corrupt_span(document, block_size, encode, rng):
    longest = int(block_size * 7 / 8)
    text = document[: rng.randint(4, longest)]
    n = len(text)
    length = rng.randint(1, max(1, (n - 1) // 2))
    start = rng.randrange(n - length + 1)
    end = start + length
    s = text[:start] + MASK + text[end:] + MASK + text[start:end]
    s = s + PAD * (block_size + 1 - len(s))
    x = torch.tensor(encode(s[:-1]), dtype=torch.long)
    y = torch.tensor(encode(s[1:]), dtype=torch.long)
    return x, y
