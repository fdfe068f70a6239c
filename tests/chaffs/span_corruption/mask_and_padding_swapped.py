"""The two special characters are mixed up: the gap is marked with □ and the block is filled up with ⁇.

rejected by: span_corruption.rebuilds_the_document
"""

import torch


MASK = "□"
PAD = "⁇"


def corrupt_span(document, block_size, encode, rng):
    text = document[: rng.randint(4, int(block_size * 7 / 8))]
    length = rng.randint(1, max(1, (len(text) - 1) // 2))
    start = rng.randint(0, len(text) - length)
    end = start + length
    prefix, content, suffix = text[:start], text[start:end], text[end:]
    s = prefix + MASK + suffix + MASK + content
    s = s.ljust(block_size + 1, PAD)
    ids = torch.tensor(encode(s))
    return ids[:-1], ids[1:]
