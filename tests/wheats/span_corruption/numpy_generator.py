"""The draws come from a numpy generator seeded by the given one, and the span length is a rounded triangular draw."""

import numpy as np
import torch


def corrupt_span(document, block_size, encode, rng):
    generator = np.random.default_rng(rng.getrandbits(32))
    n = generator.integers(4, int(0.875 * block_size), endpoint=True)
    text = document[:n]
    n = len(text)
    length = max(1, round(generator.triangular(0, n / 4, n / 2)))
    start = generator.integers(0, n - length, endpoint=True)
    end = start + length
    s = text[:start] + "⁇" + text[end:] + "⁇" + text[start:end]
    ids = np.array(encode(s.ljust(block_size + 1, "□")), dtype=np.int64)
    ids = torch.from_numpy(ids)
    return ids[:block_size], ids[1:]
