"""The padding of the first row is used for all rows of the batch.

rejected by: mask.broadcast_trap
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()


def attention_mask(ids, pad_id):
    B, T = ids.shape
    not_padding = ids[0] != pad_id
    return (causal_mask(T) & not_padding).repeat(B, 1, 1, 1)
