"""The masks hold the floats 0 and 1 instead of booleans.

rejected by: mask.is_boolean
misconception: float_mask
"""

import torch


def causal_mask(n_tokens):
    return torch.tril(torch.ones(n_tokens, n_tokens))


def attention_mask(ids, pad_id):
    not_padding = (ids != pad_id)[:, None, None, :].float()
    return causal_mask(ids.shape[1]) * not_padding
