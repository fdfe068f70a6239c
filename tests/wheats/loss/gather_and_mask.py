"""log_softmax, gather, and a masked mean; ids that do not count are replaced by 0 before the look-up."""

import torch


def next_token_loss(logits, ids, mask=None):
    log_p = torch.log_softmax(logits[:, :-1], dim=-1)
    target = ids[:, 1:]
    keep = torch.ones_like(target, dtype=torch.bool) if mask is None else mask[:, 1:]
    picked = log_p.gather(-1, torch.where(keep, target, 0).unsqueeze(-1)).squeeze(-1)
    weights = keep.to(logits.dtype)
    return -(picked * weights).sum() / weights.sum()
