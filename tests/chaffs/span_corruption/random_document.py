"""One of the documents of all calls so far is corrupted, not the one that was passed.

rejected by: span_corruption.rebuilds_the_document
"""

import torch


_documents = []


def corrupt_span(document, block_size, encode, rng):
    if document not in _documents:
        _documents.append(document)
    document = rng.choice(_documents)
    text = document[: rng.randint(4, int(block_size * 7 / 8))]
    length = rng.randint(1, max(1, (len(text) - 1) // 2))
    start = rng.randint(0, len(text) - length)
    end = start + length
    s = text[:start] + "⁇" + text[end:] + "⁇" + text[start:end]
    ids = torch.tensor(encode(s.ljust(block_size + 1, "□")))
    return ids[:-1], ids[1:]
