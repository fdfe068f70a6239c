"""Real tokens are taken to be those with ids above pad_id instead of other than pad_id.

rejected by: mask.any_pad_id
misconception: ids_above_pad_id
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()


def attention_mask(ids, pad_id):
    not_padding = (ids > pad_id)[:, None, None, :]
    return causal_mask(ids.shape[1]) & not_padding
