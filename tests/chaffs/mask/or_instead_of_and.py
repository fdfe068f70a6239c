"""The causal and the padding mask are joined with OR instead of AND.

rejected by: mask.padding_agrees
misconception: or_in_place_of_and
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()


def attention_mask(ids, pad_id):
    not_padding = (ids != pad_id)[:, None, None, :]
    return causal_mask(ids.shape[1]) | not_padding
