"""The hidden characters are collected from the back and end up in reverse order.

rejected by: span_corruption.rebuilds_the_document
"""

import torch


def corrupt_span(document, block_size, encode, rng):
    text = list(document[: rng.randint(4, int(block_size * 7 / 8))])
    length = rng.randint(1, max(1, (len(text) - 1) // 2))
    start = rng.randint(0, len(text) - length)
    content = []
    for position in range(start + length - 1, start - 1, -1):
        content.append(text.pop(position))
    text.insert(start, "⁇")
    s = "".join(text) + "⁇" + "".join(content)
    ids = torch.tensor(encode(s.ljust(block_size + 1, "□")))
    return ids[:-1], ids[1:]
