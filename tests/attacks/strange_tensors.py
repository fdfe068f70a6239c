"""Returns sparse, meta, complex and quantised tensors, of which few functions know what to do.

catalogue: 23
stopped by: worker
naive: no (it fails there too)
"""

import torch

KINDS = [lambda t: t.to_sparse(), lambda t: t.to("meta"), lambda t: t.to(torch.complex64).conj(), lambda t: t.bool()]
KINDS.append(lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8))
CALLS = []


def attention(query, key, value, mask=None):
    CALLS.append(1)
    change = KINDS[len(CALLS) % len(KINDS)]
    weights = (query @ key.transpose(-2, -1)).detach()
    return change(weights @ value), change(weights)
