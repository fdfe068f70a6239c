"""The triangle starts one diagonal too high, so each token sees the next one.

rejected by: mask.no_future_key
misconception: sees_next_token
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril(diagonal=1)


def attention_mask(ids, pad_id):
    not_padding = (ids != pad_id)[:, None, None, :]
    return causal_mask(ids.shape[1]) & not_padding
