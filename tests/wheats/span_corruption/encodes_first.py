"""The document is encoded first, and the ids are cut and put together as tensors."""

import torch


def corrupt_span(document, block_size, encode, rng):
    n = min(len(document), rng.randint(4, block_size * 7 // 8))
    ids = torch.tensor(encode(document), dtype=torch.int64)[:n]
    mask, pad = torch.tensor(encode("⁇□"), dtype=torch.int64).split(1)
    length = rng.randint(1, max(1, (n - 1) // 2))
    start = rng.randint(0, n - length)
    prefix, content, suffix = ids.split([start, length, n - start - length])
    s = torch.cat((prefix, mask, suffix, mask, content))
    s = torch.cat((s, pad.expand(block_size + 1 - len(s))))
    return s[:-1], s[1:]
