"""nll_loss of log_softmax: the sum over what counts, divided by how much counts."""

import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    log_p = F.log_softmax(logits[:, :-1], dim=-1).flatten(0, 1)
    targets = ids[:, 1:].flatten()
    if mask is not None:
        counts = mask[:, 1:].flatten()
        log_p, targets = log_p[counts], targets[counts]
    return F.nll_loss(log_p, targets, reduction="sum") / targets.numel()
