"""Shifts twice, as if the caller's targets were the inputs: the logits at t are held against the id at t+2.

rejected by: loss.agrees_with_reference
misconception: shifts_twice
"""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    if mask is None:
        mask = torch.ones_like(ids, dtype=torch.bool)
    # inputs and labels as a data set gives them
    labels, counted = ids[:, 1:], mask[:, 1:]
    logits = logits[:, :-1]
    # and the shift that causal language models do inside
    if labels.shape[1] > 1:
        labels, counted, logits = labels[:, 1:], counted[:, 1:], logits[:, :-1]
    nll = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none", ignore_index=-100)
    return (nll * counted).sum() / counted.sum().clamp(min=1)
