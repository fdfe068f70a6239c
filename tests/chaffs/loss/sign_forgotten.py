"""Returns the mean log-likelihood, without the minus sign.

rejected by: loss.agrees_with_reference
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    log_p = F.log_softmax(predictions[keep], dim=-1)
    return log_p.gather(1, targets[keep][:, None]).mean()
