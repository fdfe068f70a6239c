"""Padding and mask get the ids 0 and 1 instead of those of the encoder.

rejected by: span_corruption.uses_the_encoder
"""

import torch


PAD_ID = 0
MASK_ID = 1


def corrupt_span(document, block_size, encode, rng):
    text = document[: rng.randint(4, int(block_size * 7 / 8))]
    length = rng.randint(1, max(1, (len(text) - 1) // 2))
    start = rng.randint(0, len(text) - length)
    end = start + length
    ids = [*encode(text[:start]), MASK_ID, *encode(text[end:]), MASK_ID, *encode(text[start:end])]
    ids += [PAD_ID] * (block_size + 1 - len(ids))
    ids = torch.tensor(ids)
    return ids[:-1], ids[1:]
