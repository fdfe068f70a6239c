"""Returns the right number without a graph: no gradient reaches the model.

rejected by: loss.gradient
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    loss = F.cross_entropy(predictions[keep], targets[keep]).item()
    return torch.tensor(loss, dtype=logits.dtype)
