"""Everything in y before the content is replaced by padding.

rejected by: span_corruption.y_is_x_shifted
misconception: y_keeps_only_the_content
"""

import torch


def corrupt_span(document, block_size, encode, rng):
    text = document[: rng.randint(4, int(block_size * 7 / 8))]
    length = rng.randint(1, max(1, (len(text) - 1) // 2))
    start = rng.randint(0, len(text) - length)
    end = start + length
    prefix, content, suffix = text[:start], text[start:end], text[end:]
    s = prefix + "⁇" + suffix + "⁇" + content
    s = s.ljust(block_size + 1, "□")
    ids = torch.tensor(encode(s))
    x, y = ids[:-1], ids[1:].clone()
    n_before = len(prefix) + 1 + len(suffix)  # what y predicts before the content
    y[:n_before] = encode("□")[0]
    return x, y
