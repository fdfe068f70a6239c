"""The triangle is the running sum of an identity matrix, and padding is multiplied in."""

import torch


def causal_mask(n_tokens):
    return torch.eye(n_tokens).cumsum(dim=0) > 0


def attention_mask(ids, pad_id):
    real = (ids != pad_id).int()
    mask = torch.einsum("ts,bs->bts", causal_mask(ids.shape[1]).int(), real)
    return mask.unsqueeze(1).bool()
