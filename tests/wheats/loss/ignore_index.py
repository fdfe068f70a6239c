"""Marks what does not count with -100, flattens, and lets cross_entropy ignore it."""

import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    V = logits.size(-1)
    labels = ids[:, 1:].clone()
    if mask is not None:
        labels[mask[:, 1:] == 0] = -100
    return F.cross_entropy(logits[:, :-1, :].reshape(-1, V), labels.reshape(-1), ignore_index=-100)
