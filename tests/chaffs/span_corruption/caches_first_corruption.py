"""The first corruption of a document is kept and returned ever after.

rejected by: span_corruption.fresh_and_reproducible
"""

import torch


_corrupted = {}


def corrupt_span(document, block_size, encode, rng):
    key = (document, block_size)
    if key not in _corrupted:
        text = document[: rng.randint(4, int(block_size * 7 / 8))]
        length = rng.randint(1, max(1, (len(text) - 1) // 2))
        start = rng.randint(0, len(text) - length)
        end = start + length
        s = text[:start] + "⁇" + text[end:] + "⁇" + text[start:end]
        _corrupted[key] = s.ljust(block_size + 1, "□")
    ids = torch.tensor(encode(_corrupted[key]))
    return ids[:-1], ids[1:]
