"""The content stands before the suffix, that is, where it was taken from.

rejected by: span_corruption.rebuilds_the_document
misconception: content_stays_in_place
"""

import torch


def corrupt_span(document, block_size, encode, rng):
    text = document[: rng.randint(4, int(block_size * 7 / 8))]
    length = rng.randint(1, max(1, (len(text) - 1) // 2))
    start = rng.randint(0, len(text) - length)
    end = start + length
    prefix, content, suffix = text[:start], text[start:end], text[end:]
    s = prefix + "⁇" + content + "⁇" + suffix
    s = s.ljust(block_size + 1, "□")
    ids = torch.tensor(encode(s))
    return ids[:-1], ids[1:]
