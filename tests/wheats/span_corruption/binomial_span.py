"""Every character votes with probability a quarter for a longer span, so its length is binomial."""

import torch


def corrupt_span(document, block_size, encode, rng):
    text = document[: rng.randint(4, int(block_size * 7 / 8))]
    length = max(1, sum(rng.random() < 0.25 for _ in text))
    start = rng.randint(0, len(text) - length)
    end = start + length
    prefix, content, suffix = text[:start], text[start:end], text[end:]
    s = prefix + "⁇" + suffix + "⁇" + content
    s = s.ljust(block_size + 1, "□")
    ids = torch.tensor(encode(s))
    return ids[:-1], ids[1:]
