"""Only padding is hidden, so real tokens of the future can be seen.

rejected by: mask.no_future_key
misconception: causality_ignored
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()


def attention_mask(ids, pad_id):
    B, T = ids.shape
    return (ids != pad_id)[:, None, None, :].repeat(1, 1, T, 1)
