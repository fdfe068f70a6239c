"""A block full of padding is filled one character at a time, and the lengths are chosen from lists."""

import torch


def corrupt_span(document, block_size, encode, rng):
    n = rng.choice([n for n in range(4, int(block_size * 7 / 8) + 1)])
    text = list(document)[:n]
    length = rng.choice(range(1, max(2, (len(text) + 1) // 2)))
    start = int(rng.random() * (len(text) - length + 1))
    content = text[start : start + length]
    text[start : start + length] = ["⁇"]
    ids = torch.full((block_size + 1,), encode("□")[0])
    for position, character in enumerate([*text, "⁇", *content]):
        ids[position] = encode(character)[0]
    x, y = ids.unfold(0, block_size, 1)
    return x, y
