"""The document is always cut to the largest length instead of to a random one.

rejected by: span_corruption.every_length_occurs
misconception: always_the_longest_cut
"""

import torch


def corrupt_span(document, block_size, encode, rng):
    text = document[: int(block_size * 7 / 8)]
    length = rng.randint(1, max(1, (len(text) - 1) // 2))
    start = rng.randint(0, len(text) - length)
    end = start + length
    prefix, content, suffix = text[:start], text[start:end], text[end:]
    s = prefix + "⁇" + suffix + "⁇" + content
    s = s.ljust(block_size + 1, "□")
    ids = torch.tensor(encode(s))
    return ids[:-1], ids[1:]
