"""The masks are to be added to the scores: 0 for allowed keys and minus infinity for the others.

rejected by: mask.is_boolean
misconception: additive_mask
"""

import torch


def causal_mask(n_tokens):
    return torch.full((n_tokens, n_tokens), float("-inf")).triu(diagonal=1)


def attention_mask(ids, pad_id):
    padding = (ids == pad_id)[:, None, None, :]
    return causal_mask(ids.shape[1]).masked_fill(padding, float("-inf"))
