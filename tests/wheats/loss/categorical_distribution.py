"""Lets a Categorical distribution say how likely the selected tokens are."""

import torch
from torch.distributions import Categorical


def next_token_loss(logits, ids, mask=None):
    if mask is None:
        mask = torch.ones_like(ids).bool()
    keep = mask[:, 1:]
    model = Categorical(logits=logits[:, :-1][keep])
    return -model.log_prob(ids[:, 1:][keep]).mean()
