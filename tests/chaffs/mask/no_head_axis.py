"""The axis for the heads is missing, so the mask is (B, T, T).

rejected by: mask.shapes
misconception: no_head_axis
"""

import torch


def causal_mask(n_tokens):
    return torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()


def attention_mask(ids, pad_id):
    not_padding = (ids != pad_id)[:, None, :]
    return causal_mask(ids.shape[1]) & not_padding
