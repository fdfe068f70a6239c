"""The document is never cut to a random length, only to what still fits into the block.

rejected by: span_corruption.every_length_occurs
misconception: always_the_longest_cut
"""

import torch


def corrupt_span(document, block_size, encode, rng):
    text = document[: block_size - 1]  # two masks make block_size + 1
    length = rng.randint(1, max(1, (len(text) - 1) // 2))
    start = rng.randint(0, len(text) - length)
    end = start + length
    prefix, content, suffix = text[:start], text[start:end], text[end:]
    s = prefix + "⁇" + suffix + "⁇" + content
    s = s.ljust(block_size + 1, "□")
    ids = torch.tensor(encode(s))
    return ids[:-1], ids[1:]
