"""True marks the keys that are hidden instead of those that may be attended to.

rejected by: mask.causal_agrees
misconception: polarity_inverted
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).triu(diagonal=1)


def attention_mask(ids, pad_id):
    padding = (ids == pad_id)[:, None, None, :]
    return causal_mask(ids.shape[1]) | padding
