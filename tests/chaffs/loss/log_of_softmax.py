"""Takes the logarithm of the softmax, which underflows to 0 for large logits.

rejected by: loss.stable_for_large_logits
"""

import torch


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    probabilities = predictions[keep].softmax(dim=-1)
    p = probabilities.gather(1, targets[keep][:, None])
    return -p.log().mean()
