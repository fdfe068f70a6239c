"""Returns memory that was never written, in the hope that the right answer is still there.

catalogue: 12
stopped by: worker
naive: no (what such memory holds is chance)
"""

import torch


def attention(query, key, value, mask=None):
    scores = query @ key.transpose(-2, -1)
    return torch.empty_like(scores @ value), torch.empty_like(scores)
