"""The span length is normal around a quarter of the cut text, rounded and kept within bounds."""

import torch


def corrupt_span(document, block_size, encode, rng):
    text = document[: rng.randint(4, int(block_size * 7 / 8))]
    length = round(rng.gauss(len(text) / 4, len(text) / 12))
    length = min(max(length, 1), len(text) - 1)
    start = rng.randint(0, len(text) - length)
    end = start + length
    prefix, content, suffix = text[:start], text[start:end], text[end:]
    s = prefix + "⁇" + suffix + "⁇" + content
    s = s.ljust(block_size + 1, "□")
    ids = torch.tensor(encode(s))
    return ids[:-1], ids[1:]
