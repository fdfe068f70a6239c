"""cross_entropy on (B, V, T), with the last label of each row ignored instead of the logits cut."""

import torch
import torch.nn.functional as F


def next_token_loss(logits, ids, mask=None):
    labels = torch.roll(ids, shifts=-1, dims=1)
    labels[:, -1] = -100
    if mask is not None:
        labels = labels.masked_fill(~torch.roll(mask, -1, 1), -100)
    return F.cross_entropy(logits.permute(0, 2, 1), labels)
