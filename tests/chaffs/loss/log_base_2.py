"""Measures in bits instead of nats.

rejected by: loss.uniform_logits
"""

import math

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    predictions = logits[:, :-1]
    targets = ids[:, 1:]
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    keep = mask[:, 1:]
    return F.cross_entropy(predictions[keep], targets[keep]) / math.log(2)
