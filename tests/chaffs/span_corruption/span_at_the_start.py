"""The hidden span always begins with the first character.

rejected by: span_corruption.span_position_varies
misconception: span_at_the_start
"""

import torch


def corrupt_span(document, block_size, encode, rng):
    text = document[: rng.randint(4, int(block_size * 7 / 8))]
    length = rng.randint(1, max(1, (len(text) - 1) // 2))
    content, suffix = text[:length], text[length:]
    s = "⁇" + suffix + "⁇" + content
    s += "□" * (block_size + 1 - len(s))
    ids = torch.tensor(encode(s))
    return ids[:-1], ids[1:]
