"""Padding is marked by writing -100 into ids, which changes the caller's tensor.

rejected by: mask.leaves_ids_alone
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()


def attention_mask(ids, pad_id):
    ids[ids == pad_id] = -100
    not_padding = (ids != -100)[:, None, None, :]
    return causal_mask(ids.shape[1]) & not_padding
