"""Positions are compared instead of building a triangle."""

import torch


def causal_mask(n_tokens):
    t = torch.arange(n_tokens)
    return t.unsqueeze(0) <= t.unsqueeze(1)


def attention_mask(ids, pad_id):
    B, T = ids.shape
    query = torch.arange(T).view(1, 1, T, 1)
    key = torch.arange(T).view(1, 1, 1, T)
    return (key <= query) & (ids != pad_id).view(B, 1, 1, T)
