"""The upper triangle is kept, so tokens look only at themselves and the future.

rejected by: mask.no_future_key
misconception: upper_triangle
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).triu()


def attention_mask(ids, pad_id):
    not_padding = (ids != pad_id)[:, None, None, :]
    return causal_mask(ids.shape[1]) & not_padding
