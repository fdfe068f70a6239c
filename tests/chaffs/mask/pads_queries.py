"""Padding removes the rows of padded queries instead of the columns of padded keys.

rejected by: mask.padding_agrees
misconception: pads_queries
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()


def attention_mask(ids, pad_id):
    not_padding = (ids != pad_id)[:, None, :, None]
    return causal_mask(ids.shape[1]) & not_padding
