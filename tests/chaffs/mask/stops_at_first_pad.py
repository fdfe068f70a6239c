"""All keys after the first padding are hidden, real tokens included.

rejected by: mask.padding_agrees
misconception: stops_at_first_padding
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()


def attention_mask(ids, pad_id):
    length = (ids != pad_id).int().cumprod(dim=1).sum(dim=1)  # tokens before the first padding
    not_padding = torch.arange(ids.shape[1]) < length[:, None]
    return causal_mask(ids.shape[1]) & not_padding[:, None, None, :]
