"""The diagonal is left out, so no token sees itself.

rejected by: mask.causal_agrees
misconception: does_not_see_itself
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril(diagonal=-1)


def attention_mask(ids, pad_id):
    not_padding = (ids != pad_id)[:, None, None, :]
    return causal_mask(ids.shape[1]) & not_padding
