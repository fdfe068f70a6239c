"""All draws come from a torch generator that is seeded by the given one."""

import torch


def corrupt_span(document, block_size, encode, rng):
    generator = torch.Generator().manual_seed(rng.getrandbits(32))

    def draw(low, high):
        return int(torch.randint(low, high + 1, (1,), generator=generator))

    text = document[: draw(4, int(block_size * 7 / 8))]
    length = draw(1, max(1, (len(text) - 1) // 2))
    start = draw(0, len(text) - length)
    hidden = text[start : start + length]
    s = f"{text[:start]}⁇{text[start + length :]}⁇{hidden}"
    ids = torch.LongTensor(encode(s + "□" * (block_size + 1 - len(s))))
    return ids[:-1].clone(), ids[1:].clone()
