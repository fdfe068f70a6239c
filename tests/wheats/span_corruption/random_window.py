"""The cut text is a window at a random place of the document instead of its beginning."""

import torch


def corrupt_span(document, block_size, encode, rng):
    n = min(len(document), rng.randint(4, int(block_size * 7 / 8)))
    offset = rng.randint(0, len(document) - n)
    text = document[offset : offset + n]
    length = rng.randint(1, max(1, (len(text) - 1) // 2))
    start = rng.randint(0, len(text) - length)
    end = start + length
    prefix, content, suffix = text[:start], text[start:end], text[end:]
    s = prefix + "⁇" + suffix + "⁇" + content
    s = s.ljust(block_size + 1, "□")
    ids = torch.tensor(encode(s))
    return ids[:-1], ids[1:]
