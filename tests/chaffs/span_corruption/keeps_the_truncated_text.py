"""The cut text is stored in place of the document, so a document shrinks from call to call.

rejected by: span_corruption.every_length_occurs
"""

import torch


_data = {}


def corrupt_span(document, block_size, encode, rng):
    text = _data.get(document, document)
    text = text[: rng.randint(4, int(block_size * 7 / 8))]
    _data[document] = text
    length = rng.randint(1, max(1, (len(text) - 1) // 2))
    start = rng.randint(0, len(text) - length)
    end = start + length
    s = text[:start] + "⁇" + text[end:] + "⁇" + text[start:end]
    ids = torch.tensor(encode(s.ljust(block_size + 1, "□")))
    return ids[:-1], ids[1:]
