"""There is a mask before the content but none where it was taken out.

rejected by: span_corruption.rebuilds_the_document
misconception: no_mask_at_the_gap
"""

import torch


def corrupt_span(document, block_size, encode, rng):
    text = document[: rng.randint(4, int(block_size * 7 / 8))]
    length = rng.randint(1, max(1, (len(text) - 1) // 2))
    start = rng.randint(0, len(text) - length)
    end = start + length
    prefix, content, suffix = text[:start], text[start:end], text[end:]
    s = prefix + suffix + "⁇" + content
    s = s.ljust(block_size + 1, "□")
    ids = torch.tensor(encode(s))
    return ids[:-1], ids[1:]
