"""The id 0 is always taken for padding and pad_id is not used.

rejected by: mask.any_pad_id
misconception: pad_id_is_0
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()


def attention_mask(ids, pad_id):
    not_padding = (ids != 0)[:, None, None, :]
    return causal_mask(ids.shape[1]) & not_padding
