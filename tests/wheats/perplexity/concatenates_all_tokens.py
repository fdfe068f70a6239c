"""Puts the supervised tokens of all batches in one long list and averages once."""

import torch
import torch.nn.functional as F


def perplexity(logits_batches, ids_batches, masks=None):
    scores, targets = [], []
    for i, (logits, ids) in enumerate(zip(logits_batches, ids_batches)):
        mask = None if masks is None else masks[i]
        keep = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.clone()
        keep[:, 0] = False
        scores.append(logits.roll(1, dims=1)[keep])
        targets.append(ids[keep])
    loss = F.cross_entropy(torch.cat(scores).to(torch.float64), torch.cat(targets))
    return float(loss.exp())
