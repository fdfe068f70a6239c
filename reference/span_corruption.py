"""Span corruption with a single span, for pretraining on characters.

Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning" (T5), section 3.1.4, simplified to one span.
"""

import random
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

MASK = "\u2047"  # ⁇
PAD = "\u25a1"  # □
MIN_LENGTH = 4


def corrupt_span(
    document: str, block_size: int, encode: Callable[[str], Sequence[int]], rng: random.Random
) -> tuple[Tensor, Tensor]:
    """Hide one span of a document and ask for it at the end: prefix ⁇ suffix ⁇ content □…□.

    Args:
        document: at least 4 characters, none of them ⁇ or □.
        block_size: length of x and y, at least 16.
        encode: maps a string to one id per character; it knows ⁇ and □.
        rng: the only source of randomness. The document is cut to a random length from 4 to
            int(block_size · 7/8), both included; a quarter of the cut text is hidden on average.

    Returns:
        x and y, int64 of shape (block_size,); y is x one step ahead.
    """
    # <solution> corrupt_span: cut, choose the span, join prefix ⁇ suffix ⁇ content, pad, encode, shift
    text = document[: rng.randint(MIN_LENGTH, int(block_size * 7 / 8))]
    # uniform from 1 to (n − 1) // 2, which has mean n/4 for even n and n/4 + 1/4 for odd n
    n_hidden = rng.randint(1, max(1, (len(text) - 1) // 2))
    start = rng.randint(0, len(text) - n_hidden)
    prefix, content, suffix = text[:start], text[start : start + n_hidden], text[start + n_hidden :]
    corrupted = (prefix + MASK + suffix + MASK + content).ljust(block_size + 1, PAD)
    ids = torch.tensor(encode(corrupted), dtype=torch.int64)  # (block_size + 1,)
    return ids[:-1], ids[1:]  # each (block_size,)
    # </solution>
